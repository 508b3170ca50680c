import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { openBlobStore } from "@medley/storage/blobs";
import { afterAll, beforeAll, expect, test } from "vitest";

const MAIN = join(import.meta.dirname, "../main.ts");
/** Three times what is counted at once, so that a kill meets bytes that were counted and bytes that were not. */
const PICTURE = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), randomBytes(13_000_000)]);

let home: string;
let child: ChildProcess | null = null;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "medley-killed-"));
});
afterAll(async () => {
  child?.kill("SIGKILL");
  await rm(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
});

async function start(): Promise<string> {
  const started = spawn(process.execPath, [MAIN], {
    env: { ...process.env, MEDLEY_HOME: home, MEDLEY_PORT: "0", INFERENCE_URL: "http://127.0.0.1:1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  child = started;
  for await (const line of createInterface({ input: started.stdout })) {
    const { msg, url } = JSON.parse(line) as { msg?: string; url?: string };
    if (msg === "listening" && url !== undefined) return url;
  }
  throw new Error("The gateway ended before it listened.");
}

async function kill(): Promise<void> {
  const ended = new Promise((resolve) => child?.once("exit", resolve));
  child?.kill("SIGKILL");
  await ended;
}

async function graphql(url: string, query: string) {
  const headers = { "content-type": "application/json" };
  const reply = await fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
  return ((await reply.json()) as { data: Record<string, Record<string, unknown>> }).data;
}

test("a gateway that is killed in the middle of an upload and after its end loses nothing that it acknowledged", async () => {
  let url = await start();
  const input = `{ corpus: "killed", sizeBytes: ${PICTURE.length} }`;
  const created = await graphql(url, `mutation { createUpload(input: ${input}) { upload { id url } } }`);
  const upload = created["createUpload"]?.["upload"] as { id: string; url: string };

  const sent = request(`${url}${upload.url}`, { method: "PUT", headers: { "content-length": PICTURE.length } });
  sent.on("error", () => {});
  sent.write(PICTURE.subarray(0, 9_000_000));
  const offset = async () =>
    Number((await fetch(`${url}${upload.url}`, { method: "HEAD" })).headers.get("upload-offset"));
  let acknowledged = 0;
  for (let looks = 0; acknowledged === 0 && looks < 300; looks += 1) {
    await wait(50);
    acknowledged = await offset();
  }
  expect(acknowledged).toBeGreaterThan(0);
  await kill();

  url = await start();
  const resumed = await offset();
  expect(resumed).toBeGreaterThanOrEqual(acknowledged);
  expect(resumed).toBeLessThan(PICTURE.length);
  const reply = await fetch(`${url}${upload.url}`, {
    method: "PUT",
    headers: { "upload-offset": String(resumed) },
    body: new Uint8Array(PICTURE.subarray(resumed)),
  });
  expect(reply.status).toBe(201);
  await kill();

  url = await start();
  const { upload: after } = await graphql(url, `{ upload(id: "${upload.id}") { state sha256 receivedBytes } }`);
  const sha256 = createHash("sha256").update(PICTURE).digest("hex");
  expect(after).toEqual({ state: "STORED", sha256, receivedBytes: PICTURE.length });
  const blob = openBlobStore({ directory: join(home, "blobs") }).pathOf(sha256);
  expect((await readFile(blob)).equals(PICTURE)).toBe(true);
  expect(existsSync(join(home, "uploads", `${upload.id}.part`))).toBe(false);
});

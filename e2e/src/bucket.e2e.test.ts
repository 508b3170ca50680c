import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeRandomModels } from "./support/models.ts";
import { createHome, freePort, medley, medleyRecords, REPOSITORY, until } from "./support/medley.ts";
import { type Stack, startStack } from "./support/stack.ts";

const PICTURES = join(REPOSITORY, "assets/demo/images/fluent-3d");
const NAMES = ["red-apple", "snail", "socks"];
const home = createHome();
// Not in the home, or the service would count among its processes.
const objects = mkdtempSync(join(tmpdir(), "medley-objects-"));
const pictures = join(home.path, "pictures");
let service: ChildProcess;
let env: Record<string, string>;
let stack: Stack | undefined;

beforeAll(async () => {
  mkdirSync(pictures);
  for (const name of NAMES) cpSync(join(PICTURES, `${name}.webp`), join(pictures, `${name}.webp`));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const options = ["--directory", objects, "--address", "127.0.0.1", "--port", String(port), "--silent"];
  const s3rver = join(REPOSITORY, "node_modules/s3rver/bin/s3rver.js");
  service = spawn(process.execPath, [s3rver, ...options, "--configure-bucket", "pictures"], { stdio: "inherit" });
  await until(() => listens(port), 30_000, "the S3 service listens");
  env = {
    MEDLEY_MODELS: writeRandomModels(home.path),
    MEDLEY_BLOBS: "s3://pictures/library",
    S3_ENDPOINT: endpoint,
    AWS_ACCESS_KEY_ID: "S3RVER",
    AWS_SECRET_ACCESS_KEY: "S3RVER",
  };
});
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  service?.kill("SIGKILL");
  rmSync(objects, { recursive: true, force: true });
  await home[Symbol.asyncDispose]();
});

test("an installation whose pictures lie in a bucket ingests, searches and serves them, and keeps none on its disk", async () => {
  const invocation = { home: home.path, env };
  await medleyRecords(["ingest", pictures, "--corpus", "bucket"], invocation);
  stack = await startStack(invocation);
  const { corpus } = await stack.graphql<{ corpus: { imageCount: number } }>(
    `{ corpus(name: "bucket") { imageCount } }`,
  );
  expect(corpus.imageCount).toBe(3);
  interface Found {
    readonly search: {
      readonly edges: readonly {
        readonly node: { readonly url: string; readonly thumbnailUrl: string; readonly sha256: string };
      }[];
      readonly report: { readonly degraded: readonly object[] };
    };
  }
  const { search } = await stack.graphql<Found>(
    `{ search(input: { corpus: "bucket", all: [{ text: "an apple" }] }) { edges { node { url thumbnailUrl sha256 } } report { degraded { message } } } }`,
  );
  expect(search.report.degraded).toEqual([]);
  expect(search.edges).toHaveLength(3);
  const get = async (path: string) => Buffer.from(await (await fetch(new URL(path, stack?.url))).arrayBuffer());
  for (const { node } of search.edges) {
    expect(
      createHash("sha256")
        .update(await get(node.url))
        .digest("hex"),
    ).toBe(node.sha256);
    expect((await get(node.thumbnailUrl)).subarray(0, 4).toString()).toBe("RIFF");
  }
  const stored = readdirSync(objects, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith("_S3rver_object"));
  expect(stored.filter((name) => name.includes("library/blobs"))).toHaveLength(3);
  for (const folder of ["blobs", "thumbnails"]) expect(existsSync(join(home.path, folder))).toBe(false);
  const apple = createHash("sha256")
    .update(readFileSync(join(pictures, "red-apple.webp")))
    .digest("hex");
  expect(stored.some((name) => name.includes(apple))).toBe(true);
});

test("the doctor says what is wrong with a bucket", async () => {
  const good = await medley(["doctor", "--json"], { home: home.path, env });
  expect(good.stdout).toContain("s3://pictures/library/ at http://127.0.0.1");
  const bad = await medley(["doctor", "--json"], { home: home.path, env: { ...env, MEDLEY_BLOBS: "s3://nowhere" } });
  expect(bad.code).toBe(1);
  expect(bad.stdout).toContain('has no bucket \\"nowhere\\". Create it, or set MEDLEY_BLOBS.');
});

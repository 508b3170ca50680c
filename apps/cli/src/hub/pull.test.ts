import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readSettings, type Settings } from "@medley/config";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { pullModel } from "../commands/models-pull.ts";
import { findModel } from "../engine/open-engine.ts";
import { downloadFile } from "./download.ts";
import { checkpointFiles } from "./hub-model.ts";
import { listPulledModels } from "./pulled-models.ts";

const CHECKPOINT = resolve(import.meta.dirname, "../../../../libs/blip/fixtures/retrieval-square");
const ID = "someone/small-blip";
const COMMIT = "c".repeat(40);

/** A hub on loopback that has one model: the files of a real checkpoint. */
interface FakeHub {
  readonly url: string;
  readonly requests: { readonly url: string; readonly headers: IncomingMessage["headers"] }[];
  readonly files: Map<string, Buffer>;
  /** Answers instead of the hub where it returns true. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
}

let hub: FakeHub;
let server: Server;
let settings: Settings;
let printed: string[];
beforeEach(async () => {
  const files = new Map(readdirSync(CHECKPOINT).map((name) => [name, readFileSync(join(CHECKPOINT, name))]));
  server = createServer((request, response) => {
    hub.requests.push({ url: request.url ?? "", headers: request.headers });
    if (!hub.intercept(request, response)) answer(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  hub = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    files,
    intercept: () => false,
  };
  settings = readSettings({ MEDLEY_HOME: mkdtempSync(join(tmpdir(), "medley-pull-")), HF_ENDPOINT: `${hub.url}/` });
  printed = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
});
afterEach(async () => {
  vi.restoreAllMocks();
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? "";
  if (path.startsWith(`/api/models/${ID}/revision/main`)) {
    const siblings = [...hub.files].map(([rfilename, bytes]) => ({
      rfilename,
      size: bytes.length,
      blobId: createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex"),
      ...(bytes.length > 10_000 && { lfs: { sha256: sha256(bytes), size: bytes.length } }),
    }));
    response.setHeader("content-type", "application/json").end(JSON.stringify({ sha: COMMIT, siblings }));
    return;
  }
  const bytes = hub.files.get(path.replace(`/${ID}/resolve/${COMMIT}/`, ""));
  if (bytes === undefined) {
    response.writeHead(404).end();
    return;
  }
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  response.writeHead(start > 0 ? 206 : 200, { "content-length": bytes.length - start }).end(bytes.subarray(start));
}

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
const pull = (given = ID) => pullModel(settings, given, { revision: "main", json: true });
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "no error",
    (error: { code?: string }) => error.code,
  );
const pulledFolder = () => join(settings.modelDirectory, "someone--small-blip");

test("brings a checkpoint byte for byte, and finds it under its id from then on", async () => {
  await pull();
  const names = readdirSync(pulledFolder()).filter((name) => name !== "medley.source.json");
  expect(names).toEqual(expect.arrayContaining(["config.json", "model.safetensors", "vocab.txt"]));
  for (const name of names) {
    const bytes = hub.files.get(name) ?? Buffer.alloc(0);
    expect(readFileSync(join(pulledFolder(), name)).equals(bytes), name).toBe(true);
  }
  expect(JSON.parse(printed.join(""))).toMatchObject({ model: ID, path: pulledFolder(), commit: COMMIT });
  expect(await findModel(settings, ID)).toBe(pulledFolder());
  expect(listPulledModels(settings)).toMatchObject([{ id: ID, commit: COMMIT, hub: hub.url }]);
});

test("asks for nothing twice when it runs again", async () => {
  await pull();
  hub.requests.length = 0;
  await pull();
  expect(hub.requests.map(({ url }) => url)).toEqual([`/api/models/${ID}/revision/main?blobs=true`]);
});

test("goes on where a connection broke off, and with what an earlier run has left", async () => {
  const name = "model.safetensors";
  const whole = hub.files.get(name) ?? Buffer.alloc(0);
  let breaks = 1;
  hub.intercept = (request, response) => {
    if (!request.url?.endsWith(name) || breaks === 0) return false;
    breaks -= 1;
    response.writeHead(200, { "content-length": whole.length });
    response.write(whole.subarray(0, 4000), () => setTimeout(() => response.destroy(), 300));
    return true;
  };
  await pull();
  expect(readFileSync(join(pulledFolder(), name)).equals(whole)).toBe(true);
  const ranges = hub.requests.filter(({ url }) => url.endsWith(name)).map(({ headers }) => headers.range);
  expect(ranges[0]).toBeUndefined();
  expect(ranges[1]).toBe("bytes=4000-");
});

test("starts a file again when the server does not go on in the middle", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "medley-part-")), "x.bin");
  writeFileSync(`${path}.part`, "wrong");
  hub.intercept = (_request, response) => {
    response.writeHead(200, { "content-length": 5 }).end("right");
    return true;
  };
  await downloadFile({ url: hub.url, headers: {}, path });
  expect(readFileSync(path, "utf8")).toBe("right");
});

test("keeps nothing of a file whose content is not what the hub promised", async () => {
  hub.intercept = (request, response) => {
    const bytes = hub.files.get("model.safetensors");
    if (!request.url?.endsWith("model.safetensors") || bytes === undefined) return false;
    response.writeHead(200, { "content-length": bytes.length }).end(Buffer.alloc(bytes.length, 7));
    return true;
  };
  await expect(pull()).rejects.toThrow(/gave \d+ bytes with digest [0-9a-f]{64}, expected \d+ bytes/);
  expect(readdirSync(pulledFolder()).filter((name) => name.startsWith("model.safetensors"))).toEqual([]);
  expect(listPulledModels(settings)).toEqual([]);
  hub.intercept = () => false;
  await pull();
  expect(listPulledModels(settings)).toHaveLength(1);
});

test("gives up a server that sends nothing, after the attempts that it was told to make", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "medley-stall-")), "x.bin");
  hub.intercept = () => true;
  const download = downloadFile({ url: hub.url, headers: {}, path, pausesMs: [1, 1], stallMs: 50 });
  await expect(download).rejects.toThrow(/broke off again and again: no byte for 0.05 s/);
  expect(hub.requests).toHaveLength(3);
});

test("gives up an address where nobody is at once, and says why it tries another one again", async () => {
  const closed = createServer();
  await new Promise<void>((listening) => closed.listen(0, "127.0.0.1", listening));
  const { port } = closed.address() as AddressInfo;
  await new Promise((ended) => closed.close(ended));
  for (const address of [`127.0.0.1:${port}`, "no-such-host.invalid", "127.0.0.1:1"]) {
    const began = performance.now();
    await expect(pull(`http://${address}/model.pth`)).rejects.toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: expect.stringMatching(/cannot be reached: (connect ECONNREFUSED|getaddrinfo|bad port)/),
    });
    expect(performance.now() - began).toBeLessThan(20_000);
  }
  const path = join(mkdtempSync(join(tmpdir(), "medley-retry-")), "x.bin");
  hub.intercept = (_request, response) => response.writeHead(503).end() !== undefined;
  const retries: [string, number][] = [];
  const onRetry = (reason: string, pauseMs: number) => retries.push([reason, pauseMs]);
  await expect(downloadFile({ url: hub.url, headers: {}, path, pausesMs: [1, 2], onRetry })).rejects.toThrow(
    "status 503",
  );
  expect(retries).toEqual([
    ["status 503", 1],
    ["status 503", 2],
  ]);
});

test("writes only the files that a checkpoint is made of, and prefers safetensors", () => {
  const digest = { kind: "git", hex: "0" } as const;
  const namesOf = (names: readonly string[]) =>
    checkpointFiles({ id: ID, commit: COMMIT, files: names.map((name) => ({ name, sizeBytes: 1, digest })) }).map(
      ({ name }) => name,
    );
  const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  const others = ["../../etc/passwd", "pytorch_model.bin", "tf_model.h5", "README.md", ".bashrc", "a/config.json"];
  expect(namesOf(["config.json", "model.safetensors", ...others])).toEqual(["config.json", "model.safetensors"]);
  expect(namesOf(["vocab.txt", "pytorch_model.bin", "tf_model.h5"])).toEqual(["vocab.txt", "pytorch_model.bin"]);
  const sharded = ["config.json", "model.safetensors.index.json", ...shards];
  expect(namesOf([...sharded, ...others])).toEqual(sharded);
  expect(() => namesOf(["README.md", "tf_model.h5"])).toThrow("has no model.safetensors or pytorch_model.bin");
});

test("says what is wrong with the hub, the model or the token, in one sentence each", async () => {
  expect(await codeOf(pull("nobody/nothing"))).toBe("MODEL_NOT_FOUND");
  expect(await codeOf(pull("../../etc"))).toBe("WRONG_USAGE");
  expect(await codeOf(pull(`${hub.url}/picture.png`))).toBe("WRONG_USAGE");
  hub.intercept = (_request, response) => response.writeHead(401).end() !== undefined;
  await expect(pull()).rejects.toThrow("private or gated: set HF_TOKEN");
  hub.intercept = (_request, response) => response.end("<html>") !== undefined;
  expect(await codeOf(pull())).toBe("HUB_FAILED");
  settings = { ...settings, hubUrl: "http://127.0.0.1:9" };
  await expect(pull()).rejects.toThrow("The model hub at http://127.0.0.1:9 cannot be reached");
  expect(existsSync(settings.modelDirectory)).toBe(false);
});

test("sends the token to the hub and not to the host that the hub sends it to", async () => {
  settings = { ...settings, hubToken: "secret" };
  const seen: (string | undefined)[] = [];
  const elsewhere = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.end(hub.files.get("config.json"));
  });
  await new Promise<void>((listening) => elsewhere.listen(0, "127.0.0.1", listening));
  const location = `http://localhost:${(elsewhere.address() as AddressInfo).port}/`;
  hub.intercept = (request, response) =>
    request.url?.endsWith("/config.json") === true && response.writeHead(302, { location }).end() !== undefined;
  await pull();
  elsewhere.close();
  expect(seen).toEqual([undefined]);
  expect(new Set(hub.requests.map(({ headers }) => headers.authorization))).toEqual(new Set(["Bearer secret"]));
});

test("brings one file from an address and says its digest", async () => {
  const original = resolve(CHECKPOINT, "../original/retrieval");
  const bytes = readFileSync(join(original, "model_retrieval.pth"));
  const folder = join(settings.modelDirectory, "model_small");
  mkdirSync(folder, { recursive: true });
  cpSync(join(original, "vocab.txt"), join(folder, "vocab.txt"));
  const notes = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  hub.intercept = (_request, response) => response.end(bytes) !== undefined;
  await pull(`${hub.url}/models/model_small.pth`);
  expect(readFileSync(join(folder, "model_small.pth")).equals(bytes)).toBe(true);
  expect(notes.mock.calls.join("")).toContain(sha256(bytes));
});

import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { demoRows } from "./support/demo.ts";
import { writeRandomModels } from "./support/models.ts";
import { createHome, medleyRecords, REPOSITORY, until } from "./support/medley.ts";
import { type Stack, startStack } from "./support/stack.ts";
import { subscribe } from "./support/subscribe.ts";

const FOLDER = join(REPOSITORY, "assets/demo");
const rows = demoRows(FOLDER);
const home = createHome();
// Random weights: the file's name finds the picture, which is what a new picture has to be found by at once.
const env = { MEDLEY_MODELS: writeRandomModels(home.path) };
let stack: Stack;

beforeAll(async () => {
  const manifest = join(home.path, "first.jsonl");
  const first = rows.slice(0, 5).map((row) => JSON.stringify({ ...row, path: join(FOLDER, row.path) }));
  writeFileSync(manifest, first.join("\n"));
  await medleyRecords(["ingest", manifest, "--corpus", "first", "--no-captions"], { home: home.path, env });
  stack = await startStack({ home: home.path, env });
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

interface Uploaded {
  readonly state: string;
  readonly image: { readonly id: string } | null;
  readonly error: { readonly code: string } | null;
}

interface Watched {
  readonly state: string;
  readonly coverage: readonly ({ readonly step: string } & Record<
    "done" | "total" | "waiting" | "failed" | "excluded",
    number
  >)[];
}

function watch<Event>(field: string, id: string, fields: string): Promise<Event[]> {
  return subscribe<Event>(stack.url, field, id, fields);
}

const corpus = "fresh";

async function announce(name: string, sizeBytes: number): Promise<{ id: string; url: string }> {
  const { createUpload } = await stack.graphql<{ createUpload: { upload: { id: string; url: string } } }>(
    "mutation($input: CreateUploadInput!) { createUpload(input: $input) { upload { id url } userErrors { message } } }",
    { input: { corpus, name, sizeBytes } },
  );
  return createUpload.upload;
}

async function send(path: string, bytes: Uint8Array<ArrayBuffer>, offset = 0): Promise<number> {
  const headers = { "upload-offset": String(offset) };
  return (await fetch(`${stack.url}${path}`, { method: "PUT", body: bytes, headers })).status;
}

/** Sends the first bytes of what it announces and breaks the connection. */
async function sendAndBreakOff(path: string, bytes: Uint8Array<ArrayBuffer>, sent: number): Promise<void> {
  const headers = { "content-length": bytes.length };
  const begun = request(`${stack.url}${path}`, { method: "PUT", headers });
  begun.on("error", () => {});
  await new Promise<void>((written) => begun.write(bytes.subarray(0, sent), () => written()));
  // The server has to read them before it sees the break.
  await wait(200);
  begun.destroy();
  await until(async () => (await offsetOf(path)) > 0, WAIT_MS, "the bytes that came are counted");
}

async function offsetOf(path: string): Promise<number> {
  return Number((await fetch(`${stack.url}${path}`, { method: "HEAD" })).headers.get("upload-offset"));
}

const WAIT_MS = 120_000;

test("a picture that is sent over HTTP is watched, captioned, found by a search, and its caption corrected", async () => {
  const made =
    "mutation($name: String!) { createCorpus(name: $name) { corpus { name imageCount } userErrors { code } } }";
  expect(await stack.graphql(made, { name: corpus })).toEqual({
    createCorpus: { corpus: { name: corpus, imageCount: 0 }, userErrors: [] },
  });

  const bytes = new Uint8Array(readFileSync(join(FOLDER, rows[40]?.path ?? "")));
  const { id, url } = await announce("zeppelin over a harbour.jpg", bytes.length);
  const watched = watch<Uploaded>("uploadUpdated", id, "state image { id } error { code }");
  await sendAndBreakOff(url, bytes, Math.floor(bytes.length / 2));
  const offset = await offsetOf(url);
  expect(offset).toBeLessThan(bytes.length);
  expect(await send(url, bytes.subarray(offset), offset)).toBe(201);
  const events = await watched;
  expect(events[0]).toMatchObject({ state: "RECEIVING" });
  const last = events.at(-1);
  expect(last).toMatchObject({ state: "INGESTED", error: null });
  const imageId = last?.image?.id ?? "";

  interface Work {
    readonly operations: readonly { readonly id: string }[];
  }
  const newest = async () =>
    (await stack.graphql<Work>(`{ operations(corpus: "${corpus}", first: 1) { id } }`)).operations;
  await until(async () => (await newest()).length > 0, WAIT_MS, "the worker begins an operation");
  const [operation] = await newest();
  const fields = "state coverage { step done total waiting failed excluded }";
  const ended = (await watch<Watched>("operationUpdated", operation?.id ?? "", fields)).at(-1);
  expect(ended).toMatchObject({ state: "SUCCEEDED" });
  for (const step of ended?.coverage ?? []) {
    expect(step.done + step.failed + step.excluded + step.waiting, step.step).toBe(step.total);
  }
  expect(ended?.coverage.find(({ step }) => step === "caption")).toMatchObject({ done: 1, total: 1 });

  const SEARCH = `{ search(input: { corpus: "${corpus}", all: [{ text: "zeppelin over a harbour" }] }, first: 6) {
    edges { textShare node { id captions { id source } } } } }`;
  interface Found {
    search: { edges: { textShare: number; node: { id: string; captions: { id: string; source: string }[] } }[] };
  }
  const [hit] = (await stack.graphql<Found>(SEARCH)).search.edges;
  expect(hit).toMatchObject({ textShare: 1, node: { id: imageId } });
  const written = hit?.node.captions.find(({ source }) => source === "SYNTHETIC");
  const CORRECT = `mutation($id: ID!) { correctCaption(captionId: $id, text: "an airship", author: "Ada") {
    caption { text source } userErrors { code } } }`;
  expect(await stack.graphql(CORRECT, { id: written?.id })).toEqual({
    correctCaption: { caption: { text: "an airship", source: "HUMAN" }, userErrors: [] },
  });
});

test("a picture that is cut off is rejected with the worker's reason", async () => {
  const whole = new Uint8Array(readFileSync(join(FOLDER, rows[41]?.path ?? "")));
  const torn = whole.subarray(0, whole.length / 2);
  const { id, url } = await announce("torn.jpg", torn.length);
  const watched = watch<Uploaded>("uploadUpdated", id, "state image { id } error { code }");
  expect(await send(url, torn)).toBe(201);
  expect((await watched).at(-1)).toMatchObject({ state: "REJECTED", image: null, error: { code: "TRUNCATED" } });
});

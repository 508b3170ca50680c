/// <reference lib="dom" />
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { demoRows } from "./support/demo.ts";
import { writeRandomModels } from "./support/models.ts";
import { createHome, medleyRecords, REPOSITORY } from "./support/medley.ts";
import { type Stack, startStack } from "./support/stack.ts";

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
  await medleyRecords(["ingest", manifest, "--corpus", "shared", "--no-captions"], { home: home.path, env });
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

/** Everything that the subscription says of an upload until it ends. */
function watchUpload(id: string): Promise<Uploaded[]> {
  const socket = new WebSocket(`${stack.url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
  const query = "subscription($id: ID!) { uploadUpdated(id: $id) { state image { id } error { code } } }";
  const events: Uploaded[] = [];
  return new Promise((resolve, reject) => {
    socket.addEventListener("open", () => socket.send(JSON.stringify({ type: "connection_init" })));
    socket.addEventListener("close", () => reject(new Error(`The socket closed after ${JSON.stringify(events)}.`)));
    socket.addEventListener("message", ({ data }) => {
      const { type, payload } = JSON.parse(String(data)) as {
        type: string;
        payload?: { data: { uploadUpdated: Uploaded } };
      };
      if (type === "connection_ack") {
        socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query, variables: { id } } }));
      }
      if (type === "next" && payload) events.push(payload.data.uploadUpdated);
      if (type === "ping") socket.send(JSON.stringify({ type: "pong" }));
      if (type === "error") reject(new Error(String(data)));
      if (type === "complete") {
        resolve(events);
        socket.close();
      }
    });
  });
}

async function announce(name: string): Promise<{ id: string; url: string }> {
  const { createUpload } = await stack.graphql<{ createUpload: { upload: { id: string; url: string } } }>(
    "mutation($input: CreateUploadInput!) { createUpload(input: $input) { upload { id url } userErrors { message } } }",
    { input: { corpus: "shared", name } },
  );
  return createUpload.upload;
}

async function send(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<number> {
  return (await fetch(`${stack.url}${path}`, { method: "PUT", body: bytes })).status;
}

test("a picture that is sent over HTTP is watched, found by a search, and its caption corrected", async () => {
  const row = rows[40];
  const { id, url } = await announce("zeppelin over a harbour.jpg");
  const watched = watchUpload(id);
  expect(await send(url, new Uint8Array(readFileSync(join(FOLDER, row?.path ?? ""))))).toBe(201);
  const events = await watched;
  const last = events.at(-1);
  expect(last).toMatchObject({ state: "INGESTED", error: null });
  const imageId = last?.image?.id ?? "";

  const SEARCH = `{ search(corpus: "shared", text: "zeppelin over a harbour", first: 6) { edges { textShare node { id } } } }`;
  interface Found {
    search: { edges: { textShare: number; node: { id: string } }[] };
  }
  const found = async () => (await stack.graphql<Found>(SEARCH)).search.edges;
  // Found once it is embedded.
  let hit: Found["search"]["edges"][number] | undefined;
  for (let looks = 0; hit === undefined && looks < 240; looks += 1) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    hit = (await found()).find(({ node }) => node.id === imageId);
  }
  expect(hit?.textShare).toBe(1);

  const ADD = `mutation($id: ID!) { addCaption(imageId: $id, text: "a blimp", author: "Ada") { caption { id } userErrors { code } } }`;
  const added = await stack.graphql<{ addCaption: { caption: { id: string } } }>(ADD, { id: imageId });
  const CORRECT = `mutation($id: ID!) { correctCaption(captionId: $id, text: "an airship", author: "Ada") {
    caption { text source } userErrors { code } } }`;
  const corrected = await stack.graphql(CORRECT, { id: added.addCaption.caption.id });
  expect(corrected).toEqual({
    correctCaption: { caption: { text: "an airship", source: "HUMAN" }, userErrors: [] },
  });
});

test("a picture that is cut off is rejected with the worker's reason", async () => {
  const { id, url } = await announce("torn.jpg");
  const watched = watchUpload(id);
  const whole = readFileSync(join(FOLDER, rows[41]?.path ?? ""));
  expect(await send(url, new Uint8Array(whole.subarray(0, whole.length / 2)))).toBe(201);
  expect((await watched).at(-1)).toMatchObject({ state: "REJECTED", image: null, error: { code: "TRUNCATED" } });
});

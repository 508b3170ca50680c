import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, readFile, stat } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { openSampleLibrary, type SampleLibrary } from "@medley/search/testing";
import {
  addCaption,
  claimUploads,
  clearDeletedCorpora,
  createOperation,
  findUpload,
  finishUpload,
  planSteps,
  recordRejectedFile,
  registerImage,
  startCaptionRun,
  updateOperation,
} from "@medley/storage";
import { openPartFiles, type PartFiles } from "@medley/storage/part-files";
import { type Client, createClient } from "graphql-ws";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { type ServedGateway, serveGateway } from "./testing/serve.ts";
import { loadUploadKey, readUploadToken, signUpload } from "./uploads/upload-token.ts";

let library: SampleLibrary;
let gateway: ServedGateway;
let parts: PartFiles;
let client: Client;
let imageId: string;

beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 3 });
  parts = openPartFiles({ directory: join(library.home, "uploads") });
  gateway = await serveGateway({ ...library, parts });
  client = createClient({ url: `${gateway.url.replace("http", "ws")}/graphql`, webSocketImpl: WebSocket });
  imageId = library.imageIds[0] ?? "";
});
afterAll(async () => {
  await client?.dispose();
  await gateway?.[Symbol.asyncDispose]();
  await library?.[Symbol.asyncDispose]();
});

/** Begins like a PNG file; whether it decodes is the ingest worker's to see. */
function picture(sizeBytes = 5_000): Buffer {
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), randomBytes(sizeBytes - 8)]);
}

const CREATE = `mutation($input: CreateUploadInput!) { createUpload(input: $input) {
  upload { id url state sizeBytes receivedBytes corpus { name } } userErrors { code message path } } }`;

async function create(input: object = {}) {
  const { data } = await gateway.graphql(CREATE, { input: { corpus: library.corpus.name, ...input } });
  return data.createUpload;
}

async function newUpload(input: object = {}): Promise<{ id: string; url: string }> {
  const { upload } = await create(input);
  return { id: upload.id, url: `${gateway.url}${upload.url}` };
}

function put(url: string, body: Buffer, headers: Record<string, string> = {}) {
  return fetch(url, { method: "PUT", body: new Uint8Array(body), headers });
}

/** Sends a part of what it announces and breaks the connection. */
async function putAndBreakOff(url: string, bytes: Buffer, announced: number): Promise<void> {
  const sent = httpRequest(url, { method: "PUT", headers: { "content-length": announced } });
  sent.on("error", () => {});
  await new Promise<void>((written) => sent.write(bytes, () => written()));
  await wait(200);
  sent.destroy();
}

async function offsetOf(url: string): Promise<number> {
  return Number((await fetch(url, { method: "HEAD" })).headers.get("upload-offset"));
}

describe("uploads", () => {
  test("are announced by a mutation and stored by one PUT, which any curl can send", async () => {
    const bytes = picture();
    const created = await create({ name: "a.png", text: "a dog", attributes: { a: 1 }, sizeBytes: bytes.length });
    expect(created).toMatchObject({
      upload: { state: "RECEIVING", receivedBytes: 0, sizeBytes: bytes.length, corpus: { name: library.corpus.name } },
      userErrors: [],
    });
    const reply = await put(`${gateway.url}${created.upload.url}`, bytes);
    expect([reply.status, reply.headers.get("upload-complete")]).toEqual([201, "?1"]);
    const { sha256, state } = (await reply.json()) as { sha256: string; state: string };
    expect(state).toBe("STORED");
    expect(await library.blobs.read(sha256)).toEqual(bytes);
    expect(await parts.list()).not.toContain(created.upload.id);
    const { data } = await gateway.graphql("query($id: ID!) { upload(id: $id) { state url sha256 image { id } } }", {
      id: created.upload.id,
    });
    expect(data.upload).toEqual({ state: "STORED", url: null, sha256, image: null });
  });

  test("go on where they were broken off, and answer a sender that repeats the end", async () => {
    const bytes = picture(300_000);
    const { url, id } = await newUpload({ sizeBytes: bytes.length });
    await putAndBreakOff(url, bytes.subarray(0, 120_000), bytes.length);
    let offset = 0;
    for (let looks = 0; offset === 0 && looks < 100; looks += 1) {
      await wait(50);
      offset = await offsetOf(url);
    }
    expect(offset).toBeGreaterThan(0);
    const wrong = await put(url, bytes, { "upload-offset": String(offset + 1) });
    expect([wrong.status, wrong.headers.get("upload-offset")]).toEqual([409, String(offset)]);
    expect(await wrong.json()).toMatchObject({ code: "OFFSET_MISMATCH", retryable: true });
    const reply = await put(url, bytes.subarray(offset), { "upload-offset": String(offset) });
    expect(reply.status).toBe(201);
    const { sha256 } = (await findUpload(library.db, id)) ?? {};
    expect(await library.blobs.read(sha256 ?? "")).toEqual(bytes);
    const again = await put(url, Buffer.alloc(0), { "upload-offset": String(bytes.length) });
    expect(again.status).toBe(201);
    expect((await put(url, bytes)).status).toBe(409);
  });

  test("of unknown size come in pieces and end when they are told to", async () => {
    const bytes = picture();
    const { url, id } = await newUpload();
    const first = await put(url, bytes.subarray(0, 2_000), { "upload-complete": "?0" });
    expect([first.status, first.headers.get("upload-offset")]).toEqual([202, "2000"]);
    await put(url, bytes.subarray(2_000), { "upload-complete": "?0", "upload-offset": "2000" });
    const complete = `mutation($id: ID!) { completeUpload(uploadId: $id) { upload { state receivedBytes } userErrors { code } } }`;
    const expected = { upload: { state: "STORED", receivedBytes: 5_000 }, userErrors: [] };
    expect((await gateway.graphql(complete, { id })).data.completeUpload).toEqual(expected);
    expect((await gateway.graphql(complete, { id })).data.completeUpload).toEqual(expected);
    const missing = (await gateway.graphql(complete, { id: "x" })).data.completeUpload;
    expect(missing).toEqual({ upload: null, userErrors: [{ code: "NOT_FOUND" }] });
    const short = await newUpload({ sizeBytes: 10_000 });
    await put(short.url, bytes);
    const incomplete = (await gateway.graphql(complete, { id: short.id })).data.completeUpload;
    expect(incomplete.userErrors).toEqual([{ code: "INCOMPLETE" }]);
  });

  test("are refused with a code when they are no picture, however large, and then for good", async () => {
    const { url, id } = await newUpload();
    const reply = await put(url, Buffer.concat([Buffer.from("%PDF-1.7"), randomBytes(900_000)]));
    expect(reply.status).toBe(415);
    expect(await reply.json()).toMatchObject({ code: "UNSUPPORTED_FORMAT", error: expect.stringContaining("PDF") });
    expect(await findUpload(library.db, id)).toMatchObject({ state: "REJECTED", errorCode: "UNSUPPORTED_FORMAT" });
    expect((await put(url, picture())).status).toBe(409);
    const text = await newUpload();
    expect(await (await put(text.url, Buffer.from("hello"))).json()).toMatchObject({ code: "NOT_AN_IMAGE" });
    const empty = await newUpload();
    expect(await (await put(empty.url, Buffer.alloc(0))).json()).toMatchObject({ code: "EMPTY_FILE" });
    expect(await parts.list()).not.toContain(id);
  });

  test("may not be larger than announced or than this server takes", async () => {
    const { url } = await newUpload({ sizeBytes: 100 });
    expect((await put(url, picture())).status).toBe(413);
    const { url: open } = await newUpload();
    expect((await put(open, picture(1_000_001))).status).toBe(413);
    expect((await create({ sizeBytes: 1_000_001 })).userErrors).toMatchObject([
      { code: "TOO_LARGE", path: ["input", "sizeBytes"] },
    ]);
  });

  test("need an address of this installation that has not expired or been changed", async () => {
    const { url, id } = await newUpload();
    const key = "a key for tests that is long enough";
    const past = signUpload(key, { uploadId: id, expiresAt: new Date(Date.now() - 1000) });
    expect((await put(`${gateway.url}/uploads/${past}`, picture())).status).toBe(410);
    const [uploadId, seconds, signature] = url.slice(url.lastIndexOf("/") + 1).split(".");
    for (const token of [`${randomUUID()}.${seconds}.${signature}`, `${uploadId}.9999999999.${signature}`, "x"]) {
      expect(readUploadToken(key, token)).toBeNull();
      expect((await put(`${gateway.url}/uploads/${token}`, picture())).status).toBe(403);
    }
    expect((await put(url, picture(), { "upload-offset": "-1" })).status).toBe(400);
    const posted = await fetch(url, { method: "POST", body: "x" });
    expect([posted.status, posted.headers.get("allow")]).toEqual([405, "PUT, HEAD, GET"]);
    expect(await posted.json()).toMatchObject({ code: "METHOD_NOT_ALLOWED", retryable: false });
    const nowhere = await fetch(new URL("/uploads/", url), { method: "PUT", body: "x" });
    expect(nowhere.status).toBe(404);
    expect(await nowhere.json()).toMatchObject({ code: "NOT_FOUND", retryable: false });
  });

  test("are signed with one key that only its owner can read, whoever makes it first", async () => {
    const home = await mkdtemp(join(tmpdir(), "medley-key-"));
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadUploadKey(home)));
    expect(new Set(keys).size).toBe(1);
    expect((await stat(join(home, "upload.key"))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(home, "upload.key"), "utf8")).toBe(keys[0]);
  });

  test.each([
    [{ corpus: " " }, ["input", "corpus"]],
    [{ name: "a\nb" }, ["input", "name"]],
    [{ sizeBytes: 0 }, ["input", "sizeBytes"]],
    [{ name: "a\ud800" }, ["input", "name"]],
    [{ corpus: "de\u202emo" }, ["input", "corpus"]],
    [{ text: "a \ud800 b" }, ["input", "text"]],
    [{ text: "a \0 b" }, ["input", "text"]],
    [{ attributes: [1] }, ["input", "attributes"]],
    [{ attributes: { a: { b: 1 } } }, ["input", "attributes"]],
    [{ attributes: { "": 1 } }, ["input", "attributes"]],
    [{ attributes: { a: "b\0" } }, ["input", "attributes"]],
    [{ text: "x".repeat(10_001) }, ["input", "text"]],
  ])("that are announced wrongly name what is wrong: %o", async (input, path) => {
    expect(await create(input)).toMatchObject({ upload: null, userErrors: [{ code: "INVALID_VALUE", path }] });
  });
});

/** Everything that a subscription says until it ends. */
async function eventsOf(query: string, variables: Record<string, unknown>, onEvent?: (event: unknown) => void) {
  const events: Record<string, Record<string, unknown>>[] = [];
  for await (const { data, errors } of client.iterate({ query, variables })) {
    if (errors) throw new Error(JSON.stringify(errors));
    events.push(data as Record<string, Record<string, unknown>>);
    onEvent?.(data);
  }
  return events;
}

describe("subscriptions", () => {
  const OPERATION = `subscription($id: ID!) { operationUpdated(id: $id) {
    id state counts { name value } ratePerSecond etaSeconds corpus { name } coverage { step } finishedAt } }`;

  test("tell how an operation stands and every change until it is finished, as polling does", async () => {
    const counts = { stepsAtStart: 0, stepsEnded: 0, stepsTotal: 10, scanned: 1 };
    const corpusId = library.corpus.id;
    const { id } = await createOperation(library.db, { kind: "INGEST", corpusId, state: "RUNNING", counts });
    let seen = 0;
    const events = await eventsOf(OPERATION, { id }, () => {
      seen += 1;
      if (seen === 1) void updateOperation(library.db, { operationId: id, counts: { stepsEnded: 5 } });
      if (seen === 2) void updateOperation(library.db, { operationId: id, state: "SUCCEEDED" });
    });
    const [first, second, last] = events.map((event) => event["operationUpdated"]);
    expect(events).toHaveLength(3);
    expect(first).toMatchObject({ state: "RUNNING", etaSeconds: null, corpus: { name: library.corpus.name } });
    const { ratePerSecond, etaSeconds } = second as { ratePerSecond: number; etaSeconds: number };
    expect(ratePerSecond).toBeGreaterThan(0);
    expect(etaSeconds).toBeCloseTo(5 / ratePerSecond, 6);
    expect(last).toMatchObject({ state: "SUCCEEDED", ratePerSecond: null });
    const query = OPERATION.replace("subscription(", "query(").replace(
      "operationUpdated(id: $id)",
      "operation(id: $id)",
    );
    expect((await gateway.graphql(query, { id })).data.operation).toEqual(last);
  });

  test("follow an upload until it is a picture", async () => {
    const { id, url } = await newUpload({ name: "b.png" });
    const query = `subscription($id: ID!) { uploadUpdated(id: $id) { state image { id origins captions { text } } } }`;
    const events = await eventsOf(query, { id }, (event) => {
      const { state } = (event as { uploadUpdated: { state: string } }).uploadUpdated;
      if (state === "RECEIVING") void put(url, picture());
      if (state === "STORED") void register();
    });
    async function register() {
      const claim = { corpusId: library.corpus.id, limit: 50, leaseMs: 60_000 };
      const claimed = (await claimUploads(library.db, claim)).find(({ uploadId }) => uploadId === id);
      const image = { corpusId: library.corpus.id, sha256: claimed?.sha256 ?? "", origin: "b.png", attributes: {} };
      const { imageId: made } = await registerImage(library.db, image);
      await finishUpload(library.db, { uploadId: id, imageId: made });
    }
    const states = events.map(({ uploadUpdated }) => uploadUpdated?.["state"]);
    expect(states[0]).toBe("RECEIVING");
    expect(states.at(-1)).toBe("INGESTED");
    expect(events.at(-1)).toMatchObject({ uploadUpdated: { image: { origins: ["b.png"] } } });
  });

  test.each([
    ["an unknown id", 'subscription { operationUpdated(id: "x") { id } }', "There is no operation"],
    ["a query", "{ corpora { name } }", "carries subscriptions only"],
    ["an unknown field", 'subscription { operationUpdated(id: "x") { nothing } }', "nothing"],
    [
      "too deep a question",
      `subscription { uploadUpdated(id: "x") ${"{ image ".repeat(13)}{ id }${" }".repeat(14)}`,
      "fields deep",
    ],
    ["a text that does not parse", "subscription {", "Syntax Error"],
  ])("answer %s with an error and a code", async (_what, query, message) => {
    const failed = await new Promise<unknown>((ended) => {
      client.subscribe({ query }, { next: ended, error: ended, complete: () => ended("completed") });
    });
    expect(JSON.stringify(failed)).toContain(message);
    expect(JSON.stringify(failed)).toContain('"code"');
  });

  test("are refused to pages of other sites and at other paths", async () => {
    const open = (path: string, headers: Record<string, string>) =>
      new Promise<number | "open">((ended) => {
        const options = { headers };
        const socket = new WebSocket(`${gateway.url.replace("http", "ws")}${path}`, "graphql-transport-ws", options);
        socket.on("open", () => {
          socket.close();
          ended("open");
        });
        socket.on("unexpected-response", (_request, response) => ended(response.statusCode ?? 0));
        socket.on("error", () => {});
      });
    expect(await open("/graphql", { origin: "https://evil.example" })).toBe(403);
    expect(await open("/graphql", { origin: "null" })).toBe(403);
    expect(await open("/graphql", { origin: gateway.url })).toBe("open");
    expect(await open("/elsewhere", {})).toBe(404);
    // A page whose name was made to point to this machine is its own site for the browser.
    expect(await open("/graphql", { host: "rebound.example", origin: "http://rebound.example" })).toBe(403);
  });
});

describe("corpora", () => {
  test("are deleted: gone at once with their pictures, their name free, and what is left is told by an operation", async () => {
    const { db } = library;
    const made = await gateway.graphql('mutation { createCorpus(name: "short-lived") { corpus { id } } }');
    const corpusId = made.data.createCorpus.corpus.id;
    const sha256 = await library.blobs.put(picture());
    const { imageId: going } = await registerImage(db, { corpusId, sha256, origin: "c.png", attributes: {} });
    const DELETE = `mutation($corpus: String!) { deleteCorpus(corpus: $corpus) {
      deletedCorpusId operation { id kind corpus { id } state counts { name value } } userErrors { code path } } }`;
    const { data } = await gateway.graphql(DELETE, { corpus: "short-lived" });
    expect(data.deleteCorpus).toMatchObject({
      deletedCorpusId: corpusId,
      operation: { kind: "DELETE_CORPUS", corpus: null, state: "QUEUED" },
      userErrors: [],
    });
    expect(data.deleteCorpus.operation.counts).toContainEqual({ name: "images", value: 1 });
    const after = await gateway.graphql(
      'query($id: ID!) { image(id: $id) { id } corpus(name: "short-lived") { id } corpora { id } }',
      { id: going },
    );
    expect(after.data).toMatchObject({ image: null, corpus: null });
    expect(after.data.corpora).not.toContainEqual({ id: corpusId });
    expect((await fetch(`${gateway.url}/images/${going}`)).status).toBe(404);
    const repeated = await gateway.graphql(DELETE, { corpus: "short-lived" });
    expect(repeated.data.deleteCorpus.userErrors).toMatchObject([{ code: "NOT_FOUND", path: ["corpus"] }]);
    const cancel = "mutation($id: ID!) { cancelOperation(operationId: $id) { userErrors { code } } }";
    const refused = await gateway.graphql(cancel, { id: data.deleteCorpus.operation.id });
    expect(refused.data.cancelOperation.userErrors).toEqual([{ code: "CONFLICT" }]);
    const again = await gateway.graphql('mutation { createCorpus(name: "short-lived") { corpus { id imageCount } } }');
    expect(again.data.createCorpus.corpus).toMatchObject({ imageCount: 0 });
    expect(again.data.createCorpus.corpus.id).not.toBe(corpusId);
    expect(await clearDeletedCorpora(db, library)).toBe(true);
    expect(await library.blobs.has(sha256)).toBe(false);
  });
});

describe("captions and pictures", () => {
  const FIELDS = "caption { id text source verdict reason author } userErrors { code path }";

  test("are corrected, reviewed and added by people", async () => {
    const web = await addCaption(library.db, { imageId, text: "a dag", source: "WEB" });
    const correct = `mutation($id: ID!, $text: String!) { correctCaption(captionId: $id, text: $text, author: "Ada") { ${FIELDS} } }`;
    const { data } = await gateway.graphql(correct, { id: web.id, text: " a dog " });
    expect(data.correctCaption).toMatchObject({ caption: { text: "a dog", source: "HUMAN", author: "Ada" } });
    const review = `mutation($id: ID!) { reviewCaption(captionId: $id, verdict: REJECTED, reviewer: "Ada", note: "no") { ${FIELDS} } }`;
    const reviewed = await gateway.graphql(review, { id: data.correctCaption.caption.id });
    expect(reviewed.data.reviewCaption.caption).toMatchObject({ verdict: "REJECTED", reason: "REVIEWED" });
    const add = `mutation($id: ID!, $text: String!) { addCaption(imageId: $id, text: $text, author: "Ada") { ${FIELDS} } }`;
    const added = await gateway.graphql(add, { id: imageId, text: "a cat" });
    expect(added.data.addCaption).toMatchObject({ caption: { text: "a cat", source: "HUMAN" }, userErrors: [] });
    const { data: after } = await gateway.graphql(
      "query($id: ID!) { image(id: $id) { captions { id supersededBy } } }",
      {
        id: imageId,
      },
    );
    expect(after.image.captions).toContainEqual({ id: web.id, supersededBy: data.correctCaption.caption.id });
    for (const [query, path] of [
      [correct, "captionId"],
      [add, "imageId"],
    ] as const) {
      const wrong = Object.values((await gateway.graphql(query, { id: "x", text: "t" })).data)[0];
      expect(wrong).toEqual({ caption: null, userErrors: [{ code: "NOT_FOUND", path: [path] }] });
      const empty = Object.values((await gateway.graphql(query, { id: "x", text: " " })).data)[0];
      expect(empty).toEqual({ caption: null, userErrors: [{ code: "INVALID_VALUE", path: ["text"] }] });
    }
  });

  test("of a run are taken back together", async () => {
    const run = await library.db.transaction((tx) =>
      startCaptionRun(tx, {
        corpusId: library.corpus.id,
        captionerFingerprint: "c",
        captionerName: "c",
        prompt: null,
        decoding: { method: "greedy" },
        captionsPerImage: 1,
      }),
    );
    await addCaption(library.db, { imageId, text: "by a run", source: "SYNTHETIC", runId: run.id });
    const query = "mutation($id: ID!) { revertCaptionRun(runId: $id) { captions userErrors { code } } }";
    expect((await gateway.graphql(query, { id: run.id })).data.revertCaptionRun).toEqual({
      captions: 1,
      userErrors: [],
    });
    const unknown = (await gateway.graphql(query, { id: "x" })).data.revertCaptionRun;
    expect(unknown).toEqual({ captions: 0, userErrors: [{ code: "NOT_FOUND" }] });
  });

  test("are deleted with their bytes", async () => {
    const doomed = library.imageIds[2] ?? "";
    const query =
      "mutation($id: ID!) { deleteImage(imageId: $id) { deletedImageId bytesRemoved userErrors { code } } }";
    const { data } = await gateway.graphql(query, { id: doomed });
    expect(data.deleteImage).toEqual({ deletedImageId: doomed, bytesRemoved: true, userErrors: [] });
    expect((await fetch(`${gateway.url}/images/${doomed}`)).status).toBe(404);
    for (const id of [doomed, "x"]) {
      expect((await gateway.graphql(query, { id })).data.deleteImage.userErrors).toEqual([{ code: "NOT_FOUND" }]);
    }
  });
});

test("operations are listed, cancelled once, and what failed is retried", async () => {
  const { id } = await createOperation(library.db, { kind: "INGEST", corpusId: library.corpus.id, state: "RUNNING" });
  const list = `query($corpus: String, $first: Int) { operations(corpus: $corpus, first: $first) { id kind state errorClasses { step code kind count waiting } error { code } } }`;
  const { data } = await gateway.graphql(list, { corpus: library.corpus.name, first: 1 });
  expect(data.operations).toMatchObject([{ id, kind: "INGEST", state: "RUNNING", error: null }]);
  expect((await gateway.graphql(list, { first: 201 })).errors?.[0]?.extensions["code"]).toBe("BAD_USER_INPUT");
  const cancel = "mutation($id: ID!) { cancelOperation(operationId: $id) { operation { state } userErrors { code } } }";
  for (let time = 0; time < 2; time += 1) {
    const { cancelOperation } = (await gateway.graphql(cancel, { id })).data;
    expect(cancelOperation).toEqual({ operation: { state: "CANCELLED" }, userErrors: [] });
  }
  expect((await gateway.graphql(cancel, { id: "x" })).data.cancelOperation.userErrors).toEqual([{ code: "NOT_FOUND" }]);
  const retry = `mutation($corpus: String!, $step: String) { retryFailed(corpus: $corpus, step: $step) { steps userErrors { code path } } }`;
  const retried = await gateway.graphql(retry, { corpus: library.corpus.name, step: "embed" });
  expect(retried.data.retryFailed).toEqual({ steps: 0, userErrors: [] });
  const wrong = await gateway.graphql(retry, { corpus: library.corpus.name, step: "paint" });
  expect(wrong.data.retryFailed.userErrors).toEqual([{ code: "INVALID_VALUE", path: ["step"] }]);
});

test("a corpus is made, paused and resumed, and says what was refused and cancelled in it", async () => {
  const name = `${library.corpus.name}-made`;
  const make =
    "mutation($name: String!) { createCorpus(name: $name) { corpus { id name pausedAt } userErrors { code path } } }";
  const made = (await gateway.graphql(make, { name })).data.createCorpus;
  expect(made).toMatchObject({ corpus: { name, pausedAt: null }, userErrors: [] });
  expect((await gateway.graphql(make, { name })).data.createCorpus.corpus.id).toBe(made.corpus.id);
  const wrong = (await gateway.graphql(make, { name: "a\nb" })).data.createCorpus;
  expect(wrong).toEqual({ corpus: null, userErrors: [{ code: "INVALID_VALUE", path: ["name"] }] });

  const change = (field: string, corpus: string) =>
    gateway.graphql(
      `mutation($corpus: String!) { ${field}(corpus: $corpus) { corpus { pausedAt } userErrors { code } } }`,
      {
        corpus,
      },
    );
  const first = (await change("pauseCorpus", name)).data.pauseCorpus.corpus.pausedAt;
  expect(Date.parse(first)).not.toBeNaN();
  expect((await change("pauseCorpus", made.corpus.id)).data.pauseCorpus.corpus.pausedAt).toBe(first);
  expect((await change("resumeCorpus", name)).data.resumeCorpus).toEqual({
    corpus: { pausedAt: null },
    userErrors: [],
  });
  expect((await change("resumeCorpus", "nowhere")).data.resumeCorpus.userErrors).toEqual([{ code: "NOT_FOUND" }]);

  const { id: corpusId } = made.corpus;
  await library.db.query("insert into images (corpus_id, sha256) values ($1::uuid, repeat('a', 64))", [corpusId]);
  await planSteps(library.db, { corpusId, spaceId: null, steps: ["prepare"] });
  await recordRejectedFile(library.db, { corpusId, origin: "x", code: "EMPTY_FILE", message: "empty" });
  const { id } = await createOperation(library.db, { kind: "INGEST", corpusId, state: "RUNNING" });
  await gateway.graphql(`mutation { cancelOperation(operationId: "${id}") { userErrors { code } } }`);
  const fields = "coverage { step total excluded unplanned } errorClasses { step code kind count waiting }";
  const { operation } = (await gateway.graphql(`{ operation(id: "${id}") { ${fields} } }`)).data;
  expect(operation.coverage.slice(0, 2)).toEqual([
    { step: "prepare", total: 1, excluded: 1, unplanned: 0 },
    { step: "embed", total: 0, excluded: 0, unplanned: 1 },
  ]);
  expect(operation.errorClasses).toEqual([
    { step: "prepare", code: "CANCELLED", kind: "CANCELLED", count: 1, waiting: 0 },
    { step: "register", code: "EMPTY_FILE", kind: "PERMANENT", count: 1, waiting: 0 },
  ]);
  const retry = (kind: string) =>
    gateway.graphql(`mutation { retryFailed(corpus: "${corpusId}", kind: ${kind}) { steps } }`);
  expect((await retry("PERMANENT")).data.retryFailed.steps).toBe(0);
  expect((await retry("CANCELLED")).data.retryFailed.steps).toBe(1);
});

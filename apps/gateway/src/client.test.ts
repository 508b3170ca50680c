import { createHash, randomBytes } from "node:crypto";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import {
  ask,
  createClient,
  describe as describeImage,
  evidence,
  type MedleyClient,
  MedleyError,
  nextPage,
  resumeUpload,
  search,
  type SearchPage,
  SearchDocument,
  uploadImage,
  type SearchRefinement,
  watchOperation,
  watchSearch,
  watchUpload,
} from "@medley/client";
import { saveTextEmbeddings, updateOperation } from "@medley/storage";
import { openPartFiles } from "@medley/storage/part-files";
import { afterAll, afterEach, beforeAll, describe, expect, expectTypeOf, test } from "vitest";
import { type ServedGateway, serveGateway } from "./testing/serve.ts";
import { openTwoCorpora, type TwoCorpora } from "./testing/two-corpora.ts";

let corpora: TwoCorpora;
let gateway: ServedGateway;
let apiKey: string;
let medley: MedleyClient;

beforeAll(async () => {
  corpora = await openTwoCorpora();
  const { library } = corpora;
  const parts = openPartFiles({ directory: join(library.home, "uploads") });
  gateway = await serveGateway({ ...library, parts, maxUploadBytes: 20_000_000 });
  apiKey = (await corpora.bearer("ADMIN")).authorization.replace("Bearer ", "");
  medley = createClient({ url: `${gateway.url}/`, apiKey });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await corpora?.[Symbol.asyncDispose]();
});

const opened: Server[] = [];
afterEach(() => opened.splice(0).forEach((server) => server.close()));

async function listen(server: Server): Promise<string> {
  opened.push(server);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What it rejects with, which has to be the client's own error. */
async function errorOf(work: Promise<unknown>): Promise<MedleyError> {
  const error = await work.then(
    () => new Error("It did not fail."),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(MedleyError);
  return error as MedleyError;
}

describe("the client's searches", () => {
  test("turn every page of one answer and end with null", async () => {
    const pages: SearchPage[] = [];
    const text = { corpus: corpora.mine.corpus.name, text: "a dog" };
    for (let page: SearchPage | null = await search(medley, text, { first: 2 }); page !== null; ) {
      pages.push(page);
      page = await nextPage(medley, page);
    }
    expect(pages.flatMap(({ edges }) => edges.map(({ rank }) => rank))).toEqual([1, 2, 3]);
    expect(pages[0]?.total).toEqual({ value: 3, relation: "EXACT" });
    expectTypeOf(pages[0]!.edges[0]!.itmLogit).toEqualTypeOf<number | null>();
  });

  test("take the whole input and know the types of typed documents", async () => {
    const input = { corpus: corpora.mine.corpus.name, any: [{ text: "a dog" }], none: [{ text: "a cat" }] };
    const reply = await medley.request(SearchDocument, { input, first: 1 });
    expect(reply.search.edges).toHaveLength(1);
    expectTypeOf(reply.search.report.indexMode).toEqualTypeOf<"EXACT" | "HNSW" | "HOT_TIER">();
    // @ts-expect-error -- a document with required variables is not sent without them
    expect((await errorOf(medley.request(SearchDocument))).code).toBe("BAD_USER_INPUT");
  });

  test("send documents that are plain text as they are", async () => {
    expect(await medley.request("{ corpora { name } }")).toMatchObject({ corpora: [{}, {}] });
  });

  test("say by code and origin why there is no answer", async () => {
    const unknown = await errorOf(search(medley, { corpus: "nowhere", text: "a dog" }));
    expect(unknown).toMatchObject({ code: "BAD_USER_INPUT", retryable: false, origin: { kind: "graphql" } });
    expect(unknown.message).toContain("nowhere");
    const page = await search(medley, { corpus: corpora.mine.corpus.name, text: "a cat" }, { first: 1 });
    await corpora.library.db.query("delete from search_sessions", []);
    expect((await errorOf(nextPage(medley, page))).code).toBe("SEARCH_EXPIRED");
  });

  test("are refused without a key once there is one", async () => {
    const stranger = createClient({ url: gateway.url });
    const error = await errorOf(search(stranger, { corpus: corpora.mine.corpus.name, text: "a dog" }));
    expect(error).toMatchObject({ code: "UNAUTHENTICATED", origin: { kind: "graphql", status: 401 } });
  });

  test("are watched from the quick order to the answer, whose pages are turned from there", async () => {
    const text = { corpus: corpora.mine.corpus.name, text: "a dog" };
    const seen: SearchRefinement[] = [];
    for await (const refinement of watchSearch(medley, text, { first: 2 })) seen.push(refinement);
    expect(seen.map(({ judged, candidates, isFinal }) => [judged, candidates, isFinal])).toEqual([
      [0, 3, false],
      [3, 3, true],
    ]);
    const answer = await search(medley, text, { first: 2 });
    const last = seen.at(-1) as SearchRefinement;
    expect(last.page.edges.map(({ node, rerankScore }) => [node.id, rerankScore])).toEqual(
      answer.edges.map(({ node, rerankScore }) => [node.id, rerankScore]),
    );
    expect((await nextPage(medley, last.page))?.edges.map(({ rank }) => rank)).toEqual([3]);
    expect(await nextPage(medley, (seen[0] as SearchRefinement).page)).toBeNull();
    expect((await errorOf(watchSearch(medley, { ...text, corpus: "nowhere" }).next())).code).toBe("BAD_USER_INPUT");
  });

  test("are answered at once where a picture is too large to be watched with", async () => {
    const picture = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), randomBytes(60_000)]).toString("base64");
    const input = { corpus: corpora.mine.corpus.name, all: [{ picture }] };
    const seen: SearchRefinement[] = [];
    for await (const refinement of watchSearch(medley, input)) seen.push(refinement);
    expect(seen).toMatchObject([{ isFinal: true, page: { edges: [{}, {}, {}], request: { input } } }]);
  });

  test("end with the caller's own reason when his signal fires", async () => {
    const reason = new Error("The user went away.");
    const text = { corpus: corpora.mine.corpus.name, text: "a dog" };
    await expect(search(medley, text, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

test("the client asks about a picture and has it described by a text of another one", async () => {
  const { mine, library } = corpora;
  const { imageId } = mine;
  const question = { imageId, question: "what is this?", mode: { generate: { greedy: {} } } };
  expect(await ask(medley, question)).toMatchObject({ mode: "GENERATE", text: expect.any(String) as string });
  const [outcome] = await library.inference.embedTexts(["a tall ship"]);
  if (!outcome?.ok) throw new Error("Bug: the fake engine refused a text");
  const row = {
    imageId: library.imageIds[1] ?? "",
    corpusId: mine.corpus.id,
    text: "a tall ship",
    name: "a tall ship",
    embedding: outcome.value,
  };
  await saveTextEmbeddings(library.db, { spaceId: library.space.id, rows: [row] });
  const { texts } = await describeImage(medley, { imageId, first: 2 });
  expect(texts).toMatchObject([{ text: "a tall ship", captionId: null, itmLogit: expect.any(Number) as number }]);
});

test("the client shows where a picture has a word, and where to get the overlay", async () => {
  const { imageId } = corpora.mine;
  const found = await evidence(medley, { imageId, word: "dog", text: "a dog" });
  expect(found).toMatchObject({ word: "dog", text: "a dog", failure: null });
  expect(found?.map?.values).toHaveLength(found?.map?.rows ?? 0);
  const overlay = await fetch(gateway.url + (found?.map?.overlayUrl ?? ""));
  expect(overlay.headers.get("content-type")).toBe("image/png");
  expect(await errorOf(evidence(medley, { imageId, word: "cat", text: "a dog" }))).toMatchObject({
    code: "BAD_USER_INPUT",
  });
  expect(await evidence(medley, { imageId: "00000000-0000-4000-8000-000000000000", word: "dog" })).toBeNull();
});

describe("the client's transport", () => {
  test("tells a server that is away from one that is no Medley", async () => {
    const away = createClient({ url: "http://127.0.0.1:1" });
    expect(await errorOf(away.request("{ corpora { name } }"))).toMatchObject({ code: "UNREACHABLE", retryable: true });
    const page = createHttpServer((_request, response) => void response.writeHead(502).end("<h1>Bad gateway</h1>"));
    const proxy = createClient({ url: await listen(page) });
    const error = await errorOf(proxy.request("{ corpora { name } }"));
    expect(error).toMatchObject({ code: "INVALID_REPLY", retryable: true, origin: { kind: "transport", status: 502 } });
  });

  test("refuses a key that no header can carry, in place of calling the server away", () => {
    for (const apiKey of ["", "a\nb", "schlüssel"]) {
      expect(() => createClient({ url: gateway.url, apiKey })).toThrow("as `medley keys create` printed it");
    }
  });

  test("refuses an address that is none", () => {
    expect(() => createClient({ url: "localhost:4000" })).toThrow('url is "localhost:4000", expected');
  });
});

/** Begins like a PNG file; whether it decodes is the ingest worker's to see. */
function picture(sizeBytes: number): Buffer<ArrayBuffer> {
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), randomBytes(sizeBytes - 8)]);
}

/** A way to the gateway that breaks each of the first connections that brings so many bytes. */
async function openBreakingWay(breaks: number, afterBytes: number) {
  let broken = 0;
  const open = new Set<Socket>();
  const { port } = new URL(gateway.url);
  const server = createServer((socket) => {
    const onward = connect(Number(port), "127.0.0.1");
    let passed = 0;
    open.add(socket);
    socket.on("data", (bytes: Buffer) => {
      passed += bytes.length;
      if (passed < afterBytes || broken >= breaks) return;
      broken += 1;
      socket.destroy();
      onward.destroy();
    });
    for (const end of [socket, onward]) end.on("error", () => {});
    socket.pipe(onward).pipe(socket);
  });
  /** Breaks what is open at once. */
  const cut = () => open.forEach((socket) => socket.destroy());
  return { url: await listen(server), broken: () => broken, cut };
}

describe("the client's uploads", () => {
  test("go on behind the bytes that are safe when the connection breaks", async () => {
    const bytes = picture(13_000_000);
    const way = await openBreakingWay(2, 5_000_000);
    const client = createClient({ url: way.url, apiKey });
    const sent = await uploadImage(client, { corpus: corpora.mine.corpus.name, name: "a.png", bytes });
    expect(way.broken()).toBe(2);
    expect(sent).toMatchObject({ state: "STORED", receivedBytes: bytes.length, imageId: null });
    expect(sent.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  test("give up on a server that stays away, and can be resumed by whoever knows the address", async () => {
    const bytes = picture(6_000_000);
    const way = await openBreakingWay(1_000, 100_000);
    const error = await errorOf(
      uploadImage(createClient({ url: way.url, apiKey }), { corpus: corpora.mine.corpus.name, bytes }),
    );
    expect(error).toMatchObject({ code: "UNREACHABLE", retryable: true });
    const [row] = await corpora.library.db.query<{ id: string }>(
      "select id from uploads order by created_at desc limit 1",
      [],
    );
    const reply = await medley.request(`{ upload(id: "${row?.id}") { url } }`);
    const { url } = (reply as { upload: { url: string } }).upload;
    expect(await resumeUpload(medley, { url, bytes: new Blob([bytes]) })).toMatchObject({ state: "STORED" });
    expect(await resumeUpload(medley, { url: `${medley.url}${url}`, bytes }), "its whole address").toMatchObject({
      state: "STORED",
    });
    for (const other of [`http://example.com${url}`, `//example.com${url}`, "uploads/x", `${medley.url}0${url}`]) {
      await expect(resumeUpload(medley, { url: other, bytes })).rejects.toThrow(
        `url is "${other}", expected Upload.url`,
      );
    }
    expect(await resumeUpload(medley, { url, bytes }), "an acknowledgement that was lost").toMatchObject({
      state: "STORED",
    });
  });

  test("say what was wrong with the announcement and with the bytes", async () => {
    const corpus = corpora.mine.corpus.name;
    const announced = await errorOf(uploadImage(medley, { corpus: "", bytes: picture(100) }));
    expect(announced).toMatchObject({ code: "INVALID_VALUE", origin: { kind: "user", userErrors: [{}] } });
    const text = await errorOf(uploadImage(medley, { corpus, bytes: new TextEncoder().encode("no picture at all") }));
    expect(text).toMatchObject({ code: "NOT_AN_IMAGE", retryable: false, origin: { kind: "upload", status: 415 } });
    const elsewhere = await errorOf(resumeUpload(medley, { url: "/uploads/made-up", bytes: picture(10) }));
    expect(elsewhere.code).toBe("INVALID_TOKEN");
  });

  test("are watched from how they are now", async () => {
    const { id } = await uploadImage(medley, { corpus: corpora.mine.corpus.name, bytes: picture(500) });
    for await (const upload of watchUpload(medley, id)) {
      expect(upload).toMatchObject({ state: "STORED", receivedBytes: 500, error: null });
      break;
    }
  });
});

describe("the client's watches", () => {
  test("begin with how an operation is, follow it and end with it", async () => {
    const { operationId } = corpora.mine;
    const { db } = corpora.library;
    const seen: string[] = [];
    for await (const { state, counts } of watchOperation(medley, operationId)) {
      seen.push(`${state} ${counts.map(({ name, value }) => `${name}=${value}`).join()}`);
      if (seen.length === 1) await updateOperation(db, { operationId, counts: { added: 1 } });
      if (seen.length === 2) await updateOperation(db, { operationId, counts: { added: 2 }, state: "SUCCEEDED" });
    }
    expect(seen).toEqual(["RUNNING ", "RUNNING added=1", "SUCCEEDED added=2"]);
  });

  test("go on over a new connection when theirs breaks", async () => {
    const way = await openBreakingWay(0, 0);
    const { operationId } = corpora.foreign;
    const events = watchOperation(createClient({ url: way.url, apiKey }), operationId);
    expect((await events.next()).value).toMatchObject({ counts: [] });
    way.cut();
    await updateOperation(corpora.library.db, { operationId, counts: { added: 7 } });
    expect((await events.next()).value).toMatchObject({ counts: [{ name: "added", value: 7 }] });
    await events.return();
  });

  test("end when the caller's signal fires", async () => {
    const stop = new AbortController();
    const events = watchOperation(medley, corpora.foreign.operationId, { signal: stop.signal });
    expect((await events.next()).value).toMatchObject({ state: "RUNNING" });
    const next = events.next();
    stop.abort(new Error("Enough seen."));
    await expect(next).rejects.toThrow("Enough seen.");
  });

  test("say by code who may not watch, what does not exist and that nobody answers", async () => {
    const first = (client: MedleyClient, id: string) => errorOf(watchOperation(client, id).next());
    const { operationId } = corpora.foreign;
    const wrongKey = createClient({ url: gateway.url, apiKey: "medley_no-such-key" });
    expect(await first(wrongKey, operationId)).toMatchObject({ code: "UNAUTHENTICATED", retryable: false });
    expect((await first(medley, "no-such-operation")).code).toBe("BAD_USER_INPUT");
    const away = createClient({ url: "http://127.0.0.1:1" });
    expect(await first(away, operationId)).toMatchObject({ code: "UNREACHABLE", retryable: true });
  });
});

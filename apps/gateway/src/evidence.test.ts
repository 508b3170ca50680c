import { InferenceError } from "@medley/inference-api";
import { openSampleLibrary, type SampleLibrary } from "@medley/search/testing";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { gridOf, overlayParameter, overlaySize } from "./evidence-overlay.ts";
import { type ServedGateway, serveGateway } from "./testing/serve.ts";

let library: SampleLibrary;
let gateway: ServedGateway;

beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 5 });
  gateway = await serveGateway({ ...library });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await library?.[Symbol.asyncDispose]();
});
afterEach(() => {
  for (const method of ["models", "mapEvidence", "embedTexts", "matchImages"]) library.interrupt(method, null);
});

const FIELDS = `word text failure { code message retryable }
  map { rows columns values peak { x y } box { left top width height } method peakCosine overlayUrl modelName }`;
const SEARCH = `query ($input: SearchInput!, $word: String!) {
  search(input: $input) { edges { node { id } evidence(word: $word) { ${FIELDS} } } report { degraded { stage } } } }`;
const search = (word: string, input: object = { all: [{ text: "a dog on a beach" }] }) =>
  gateway.graphql(SEARCH, { word, input: { corpus: library.corpus.name, ...input } });

test("shows for every hit of a page where it has a word of the query, in one call to the models", async () => {
  let calls = 0;
  library.interrupt("mapEvidence", () => void (calls += 1));
  const { data, errors } = await search("beach");
  expect(errors).toBeUndefined();
  expect(data.search.edges).toHaveLength(5);
  for (const { node, evidence } of data.search.edges) {
    expect(evidence).toMatchObject({ word: "beach", text: "a dog on a beach", failure: null });
    const { rows, columns, values, peak, method, overlayUrl } = evidence.map;
    expect([rows, columns, method]).toEqual([4, 4, "PATCH_COSINE"]);
    const row = values.findIndex((line: number[]) => line.includes(1));
    expect(peak).toEqual({ x: (values[row].indexOf(1) + 0.5) / 4, y: (row + 0.5) / 4 });
    expect(overlayUrl).toMatch(new RegExp(`^/evidence/${node.id}\\?map=4x4\\.[\\w-]+$`));
  }
  expect(calls).toBe(1);
});

test("draws the map of an address as a PNG in the picture's shape, which may be kept for ever", async () => {
  const { data } = await search("beach");
  const [{ node, evidence }] = data.search.edges;
  const reply = await fetch(gateway.url + evidence.map.overlayUrl);
  expect(reply.status).toBe(200);
  expect(reply.headers.get("content-type")).toBe("image/png");
  expect(reply.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  const png = Buffer.from(await reply.arrayBuffer());
  expect(png.subarray(1, 4).toString()).toBe("PNG");
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([320, 240]); // pictures of the library have 640 x 480
  const again = { headers: { "if-none-match": reply.headers.get("etag") ?? "" } };
  expect((await fetch(gateway.url + evidence.map.overlayUrl, again)).status).toBe(304);
  for (const query of [
    "",
    "?map=",
    "?map=2x2.AAAA",
    "?map=99x99.AAAA",
    "?map=0x0.AAAA",
    "?map[]=1x1.AA",
    "?map=1x1.A%00",
  ]) {
    const refused = await fetch(`${gateway.url}/evidence/${node.id}${query}`);
    expect(refused.status, query).toBe(400);
  }
  const unknown = "00000000-0000-4000-8000-000000000000";
  expect((await fetch(gateway.url + evidence.map.overlayUrl.replace(node.id, unknown))).status).toBe(404);
});

test("refuses a word that no text of the query has, and keeps the hits", async () => {
  const { data, errors } = await search("cat");
  expect(data.search.edges).toHaveLength(5);
  expect(data.search.edges[0].evidence).toBeNull();
  expect(errors?.[0]?.extensions).toMatchObject({ code: "BAD_USER_INPUT", reason: "WORD_NOT_IN_TEXT" });
  const byPicture = await search("dog", { all: [{ imageId: library.imageIds[0] }] });
  expect(byPicture.errors?.[0]).toMatchObject({ message: expect.stringContaining("no text") as string });
  for (const word of ["", "x".repeat(100_000)]) {
    expect((await search(word)).errors?.[0]?.extensions).toMatchObject({ code: "BAD_USER_INPUT" });
  }
});

test("finds a word in any text clause, also in one that should not fit", async () => {
  const input = { all: [{ text: "a dog" }], none: [{ text: "a beach" }] };
  const { data } = await search("beach", input);
  expect(data.search.edges[0].evidence).toMatchObject({ text: "a beach" });
});

test("shows a word in a picture outside of any search", async () => {
  const query = `query ($id: ID!, $text: String) { image(id: $id) { evidence(word: "dog", text: $text) { ${FIELDS} } } }`;
  const ask = (text: string | null) => gateway.graphql(query, { id: library.imageIds[0], text });
  expect((await ask(null)).data.image.evidence).toMatchObject({ text: null, map: { rows: 4 } });
  expect((await ask("a dog")).data.image.evidence).toMatchObject({ text: "a dog", map: { rows: 4 } });
  expect((await ask("a cat")).errors?.[0]?.extensions["reason"]).toBe("WORD_NOT_IN_TEXT");
  expect((await ask(" ")).errors?.[0]?.extensions["code"]).toBe("BAD_USER_INPUT");
});

test("gives the hits without maps, and the reason with each, while the models are away", async () => {
  for (const method of ["models", "mapEvidence", "embedTexts", "matchImages"]) {
    library.interrupt(method, () => {
      throw new InferenceError("UNAVAILABLE", "The inference server is not reachable.");
    });
  }
  const { data, errors } = await search("number", { all: [{ text: "the picture with number 3" }] });
  expect(errors).toBeUndefined();
  expect(data.search.edges.length).toBeGreaterThan(0);
  for (const { evidence } of data.search.edges) {
    expect(evidence).toMatchObject({ map: null, failure: { code: "UNAVAILABLE", retryable: true } });
  }
});

test("is priced for every hit and every alias", async () => {
  const estimate = async (query: string) => {
    const reply = await gateway.graphql(query);
    return (reply as unknown as { extensions: { cost: { estimatedMs: number } } }).extensions.cost.estimatedMs;
  };
  const ask = (
    fields: string,
  ) => `{ search(input: { corpus: "${library.corpus.name}", all: [{ text: "a dog" }] }, first: 4) {
    edges { rank ${fields} } } }`;
  const plain = await estimate(ask(""));
  expect(await estimate(ask(`evidence(word: "dog") { word }`))).toBe(plain + 4 * 25);
  const aliases = Array.from({ length: 10 }, (_, index) => `e${index}: evidence(word: "dog") { word }`).join(" ");
  expect(await estimate(ask(aliases))).toBe(plain + 10 * 4 * 25);
});

test("writes a map into an address and reads the same one back", () => {
  const values = Float32Array.from({ length: 30 * 30 }, (_, place) => (place % 256) / 255);
  const parameter = overlayParameter({ rows: 30, columns: 30, values });
  expect(parameter.length).toBeLessThan(1500);
  expect(gridOf(parameter.replace("map=", ""))).toMatchObject({ rows: 30, columns: 30 });
  expect([...(gridOf(parameter.replace("map=", ""))?.levels ?? [])]).toEqual(
    [...values].map((value) => Math.round(value * 255)),
  );
  expect(overlaySize({ width: 20_000, height: 10 })).toEqual({ width: 320, height: 1 });
  expect(overlaySize({ width: null, height: null })).toEqual({ width: 320, height: 320 });
});

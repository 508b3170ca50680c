import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createPictureFetcher, defaultFetchPolicy, type PictureFetcher } from "@medley/fetch";
import { openSampleLibrary, type SampleLibrary } from "@medley/search/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServedGateway, serveGateway } from "./testing/serve.ts";

/** One server is allowed by configuration, as a picture server in the same network would be; the other gateway has the defaults. */
let library: SampleLibrary;
let pictures: Server;
let fetchers: readonly PictureFetcher[];
let allowing: ServedGateway;
let usual: ServedGateway;
let address: string;
let asked = 0;

beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 12 });
  pictures = createServer((request, response) => {
    asked += 1;
    if (request.url === "/never.png") return;
    if (request.url === "/busy.png") return void response.writeHead(503).end();
    const bytes = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.from("picture 6")]);
    response.setHeader("content-type", "image/png").end(bytes);
  });
  await new Promise<void>((listening) => pictures.listen(0, "127.0.0.1", listening));
  address = `http://127.0.0.1:${(pictures.address() as AddressInfo).port}`;
  const policy = { ...defaultFetchPolicy, maxTries: 1 };
  const own = createPictureFetcher({ ...policy, allowedRanges: ["127.0.0.0/8"] });
  const strict = createPictureFetcher(policy);
  fetchers = [own, strict];
  const serve = (fetcher: PictureFetcher) =>
    serveGateway({
      ...library,
      siteDirectory: join(library.home, "site"),
      fetchPicture: async (url, options) => (await fetcher.fetch(url, options)).bytes,
    });
  [allowing, usual] = [await serve(own), await serve(strict)];
});
afterAll(async () => {
  await allowing?.[Symbol.asyncDispose]();
  await usual?.[Symbol.asyncDispose]();
  for (const fetcher of fetchers ?? []) await fetcher.close();
  pictures?.closeAllConnections();
  await new Promise((closed) => pictures?.close(closed));
  await library?.[Symbol.asyncDispose]();
});

const search = (gateway: ServedGateway, url: string, variables: object = {}) =>
  gateway.graphql(
    `query ($input: SearchInput!, $first: Int, $after: String) {
      search(input: $input, first: $first, after: $after) {
        edges { itcCosine itmLogit node { attributes } } pageInfo { endCursor hasNextPage } report { degraded { code } } }
    }`,
    { input: { corpus: library.corpus.name, all: [{ url }] }, first: 5, ...variables },
  );
const errorOf = async (reply: ReturnType<typeof search>) => {
  const { errors } = await reply;
  return { message: errors?.[0]?.message, ...errors?.[0]?.extensions };
};

test("finds what looks like the picture at an address, and fetches it once for all pages of the answer", async () => {
  asked = 0;
  const url = `${address}/six.png`;
  const first = await search(allowing, url);
  expect(first.errors).toBeUndefined();
  expect(first.data.search.edges[0]).toMatchObject({ itmLogit: null, node: { attributes: { number: 6 } } });
  expect(first.data.search.edges[0].itcCosine).toBeCloseTo(1, 5);
  const second = await search(allowing, url, { after: first.data.search.pageInfo.endCursor });
  expect(second.data.search.edges).toHaveLength(5);
  expect(asked).toBe(1);
  const [image] = await library.db.query<{ count: number }>("select count(*)::integer as count from images", []);
  expect(image?.count).toBe(12);
});

test("fetches from no address that is not public unless the settings allow it", async () => {
  asked = 0;
  for (const url of [`${address}/six.png`, "http://169.254.169.254/latest/meta-data", "http://[::1]/a.png"]) {
    const error = await errorOf(search(usual, url));
    expect(error).toMatchObject({ code: "BAD_USER_INPUT", reason: "PICTURE_NOT_FETCHED", retryable: false });
  }
  expect(await errorOf(search(usual, "file:///etc/passwd"))).toMatchObject({ reason: "PICTURE_NOT_FETCHED" });
  expect(asked).toBe(0);
});

test("says what is wrong with an address or its server, and what may pass", async () => {
  expect(await errorOf(search(allowing, "no address"))).toMatchObject({
    code: "BAD_USER_INPUT",
    reason: "INVALID_QUERY",
    message: expect.stringContaining('all[0].url is no address: "no address"') as string,
  });
  expect(await errorOf(search(allowing, `${address}/busy.png`))).toMatchObject({
    reason: "PICTURE_NOT_FETCHED",
    retryable: true,
    message: expect.stringContaining("503") as string,
  });
});

test("waits for a slow server no longer than the search may take", async () => {
  const input = { corpus: library.corpus.name, all: [{ url: `${address}/never.png` }], rerank: { budgetMs: 300 } };
  const startedAt = performance.now();
  const error = await errorOf(search(allowing, "", { input }));
  expect(error).toMatchObject({ code: "BAD_USER_INPUT", reason: "PICTURE_NOT_FETCHED" });
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});

test("refuses addresses where nobody fetches", async () => {
  await using without = await serveGateway({ ...library, siteDirectory: join(library.home, "site") });
  expect(await errorOf(search(without, `${address}/six.png`))).toMatchObject({
    code: "BAD_USER_INPUT",
    reason: "INVALID_QUERY",
    message: expect.stringContaining("Pictures are not fetched for searches here") as string,
  });
});

import { join } from "node:path";
import { openSampleLibrary, type SampleLibrary } from "@medley/search/testing";
import { deleteImageRows, saveTextEmbeddings } from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServedGateway, serveGateway } from "./testing/serve.ts";

let library: SampleLibrary;
let gateway: ServedGateway;

beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 12 });
  gateway = await serveGateway({ ...library, siteDirectory: join(library.home, "site") });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await library?.[Symbol.asyncDispose]();
});

const SEARCH = `query ($input: SearchInput!, $first: Int, $after: String) {
  search(input: $input, first: $first, after: $after) {
    edges {
      cursor rank itcCosine itmLogit fusedScore
      clauses { place itcCosine itmLogit matchProbability rerankScore textShare textCosine textScore fit }
      node { id attributes }
    }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    total { value relation }
    facets { name values { value count hits filter } }
    report { degraded { code } candidates { requested reranked } }
  }
}`;
const search = (input: object, variables: object = {}) =>
  gateway.graphql(SEARCH, { input: { corpus: library.corpus.name, all: [{ text: "a dog" }], ...input }, ...variables });

const messageOf = async (reply: ReturnType<typeof search>) => {
  const { errors } = await reply;
  expect(errors?.[0]?.extensions["code"]).toBe("BAD_USER_INPUT");
  return errors?.[0]?.message;
};

test("turns pages of one answer and ends", async () => {
  const numbers: number[] = [];
  let after: string | null = null;
  let pages = 0;
  do {
    const { data, errors }: Awaited<ReturnType<typeof search>> = await search({}, { first: 5, after });
    expect(errors).toBeUndefined();
    const { edges, pageInfo, total } = data.search;
    expect(total).toEqual({ value: 12, relation: "EXACT" });
    expect(pageInfo).toMatchObject({
      hasPreviousPage: pages > 0,
      startCursor: edges[0].cursor,
      endCursor: edges.at(-1).cursor,
    });
    numbers.push(...edges.map((edge: { node: { attributes: { number: number } } }) => edge.node.attributes.number));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    pages += 1;
  } while (after !== null && pages < 10);
  expect(pages).toBe(3);
  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, index) => index));
});

test("says in a code of its own that an answer is kept no longer", async () => {
  const { data } = await search({}, { first: 2 });
  await library.db.query("delete from search_sessions", []);
  const { errors } = await search({}, { first: 2, after: data.search.pageInfo.endCursor });
  expect(errors?.[0]?.extensions["code"]).toBe("SEARCH_EXPIRED");
});

test("leaves a picture that was removed out of its page and out of a later one, says so, and goes on to the next page", async () => {
  await using other = await openSampleLibrary({ pictures: 6 });
  await using served = await serveGateway({ ...other, siteDirectory: join(other.home, "site") });
  const input = { corpus: other.corpus.name, all: [{ text: "a dog" }] };
  const page = async (after: string | null, first = 2) => {
    const { data, errors } = await served.graphql(SEARCH, { input, first, after });
    expect(errors).toBeUndefined();
    return data.search;
  };
  const whole = (await page(null, 6)).edges.map(({ node }: { node: { id: string } }) => node.id);
  const first = await page(null);
  await deleteImageRows(other.db, whole[2]);
  await deleteImageRows(other.db, whole[3]);
  await deleteImageRows(other.db, whole[5]);
  const second = await page(first.pageInfo.endCursor);
  expect(second.edges).toEqual([]);
  expect(second.report.degraded).toEqual([{ code: "IMAGES_REMOVED" }]);
  expect(second.pageInfo.hasNextPage).toBe(true);
  const third = await page(second.pageInfo.endCursor);
  expect(third.edges.map(({ node }: { node: { id: string } }) => node.id)).toEqual([whole[4]]);
  expect(third.edges[0].rank).toBe(5);
});

test("joins texts and pictures that should and should not fit, with the scores of each", async () => {
  const [first, second] = library.imageIds;
  const { data, errors } = await search({
    all: [{ text: "number 5" }, { imageId: first }],
    none: [{ text: "number 2" }, { imageId: second }],
  });
  expect(errors).toBeUndefined();
  const { edges } = data.search;
  expect(edges).toHaveLength(10);
  const numberOf = ({ node }: { node: { attributes: { number: number } } }) => node.attributes.number;
  const fifth = edges.find((edge: { node: { attributes: { number: number } } }) => numberOf(edge) === 5);
  expect(fifth.clauses).toMatchObject([
    { place: "ALL", itmLogit: expect.any(Number) as number, textShare: 1 },
    { place: "ALL", itmLogit: null, fit: expect.any(Number) as number },
    { place: "NONE", itmLogit: expect.any(Number) as number },
    { place: "NONE", itmLogit: null },
  ]);
  expect(edges[0].itcCosine).toBe(edges[0].clauses[0].itcCosine);
});

test("takes a picture to search with as base64, and refuses what is none", async () => {
  const bytes = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.from("picture 6")]);
  const { data } = await search({ all: [{ picture: bytes.toString("base64") }] });
  expect(data.search.edges[0].node.attributes).toEqual({ number: 6 });
  expect(await messageOf(search({ all: [{ picture: "no base64!" }] }))).toContain("all[0].picture is no base64");
  expect(await messageOf(search({ all: [{ picture: "" }] }))).toContain("all[0].picture has 0 bytes");
  const { errors } = await search({ all: [{ picture: Buffer.from("text").toString("base64") }] });
  expect(errors?.[0]?.extensions["code"]).toBe("UNPROCESSABLE_IMAGE");
});

test("filters and counts, and takes a counted value's filter back as it is", async () => {
  const above = { attribute: { name: "number", from: 8 } };
  const { data } = await search({ filter: above, facets: [{ name: "number" }] });
  expect(data.search.total).toEqual({ value: 4, relation: "EXACT" });
  const [facet] = data.search.facets;
  const value = facet.values.find(({ value: number }: { value: number }) => number === 9);
  expect(value).toMatchObject({ count: 1, hits: 1 });
  const narrowed = await search({ filter: { and: [above, value.filter, { not: { format: ["gif"] } }] } });
  expect(narrowed.data.search.edges.map((edge: { node: { attributes: object } }) => edge.node.attributes)).toEqual([
    { number: 9 },
  ]);
  const width = await search({ filter: { and: [{ width: { from: 640, to: 640 } }, { height: { to: 479 } }] } });
  expect(width.data.search.total.value).toBe(0);
  const today = await search({ filter: { addedAt: { from: "2020-01-01" } } });
  expect(today.data.search.total.value).toBe(12);
});

test("names the part of an input that cannot be meant", async () => {
  expect(await messageOf(search({ all: [] }))).toContain("all and any are empty");
  expect(await messageOf(search({ all: [{ text: "a", imageId: "b" }] }))).toContain("SearchClause");
  expect(await messageOf(search({ all: [{}] }))).toContain("SearchClause");
  expect(await messageOf(search({ filter: { and: [] } }))).toContain('filter\'s "and" is empty');
  expect(await messageOf(search({ filter: { attribute: { name: "n", in: [{}] } } }))).toContain(
    '"in" of the attribute "n" has {}',
  );
  expect(await messageOf(search({ filter: { attribute: { name: "n", from: true } } }))).toContain(
    '"from" of the attribute "n" is true',
  );
  expect(await messageOf(search({ filter: { addedAt: { from: "soon" } } }))).toContain('addedAt has "soon"');
  expect(await messageOf(search({ rerank: { budgetMs: 0 } }))).toContain("rerank.budgetMs is 0");
  expect(await messageOf(search({ rerank: { candidates: 1001 } }))).toContain("candidates is 1001");
  expect(await messageOf(search({}, { after: "nonsense" }))).toContain('"nonsense" is no cursor');
  expect(await messageOf(search({ all: [{ imageId: "nobody" }] }))).toContain('There is no image "nobody"');
});

test("describes a picture by texts of its corpus, and classifies it by labels that are each judged by themselves", async () => {
  const { db, inference, corpus, space, imageIds } = library;
  const [imageId = "", other = ""] = imageIds;
  const [outcome] = await inference.embedTexts(["a tall ship"]);
  if (!outcome?.ok) throw new Error("the fake engine refused a text");
  const row = {
    imageId: other,
    corpusId: corpus.id,
    text: "a tall ship",
    name: "a tall ship",
    embedding: outcome.value,
  };
  await saveTextEmbeddings(db, { spaceId: space.id, rows: [row] });
  const { data, errors } = await gateway.graphql(
    `query ($imageId: ID!) {
      describe(imageId: $imageId) { image { id } texts { text captionId of { id } itcCosine itmLogit rerankScore } modelName }
      classify(imageId: $imageId, labels: ["cat", "dog"]) { labels { label text rerankScore } }
    }`,
    { imageId },
  );
  expect(errors).toBeUndefined();
  expect(data.describe).toMatchObject({
    image: { id: imageId },
    texts: [{ text: "a tall ship", captionId: null, of: { id: other } }],
  });
  expect(data.classify.labels.map(({ text }: { text: string }) => text).sort()).toEqual([
    "a picture of cat",
    "a picture of dog",
  ]);
  const refused = await gateway.graphql(
    `query ($id: ID!) { classify(imageId: $id, labels: []) { labels { label } } }`,
    { id: imageId },
  );
  expect(refused.errors?.[0]?.extensions["code"]).toBe("BAD_USER_INPUT");
});

test("answers although the list cannot be kept, says so in the log, and fails only what asks for a cursor", async () => {
  const { db } = library;
  await db.query(
    "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no room for answers'; end $$",
    [],
  );
  await db.query("create trigger no_room before insert on search_sessions execute function refuse()", []);
  try {
    const input = { corpus: library.corpus.name, all: [{ text: "a dog" }] };
    const ask = (fields: string) =>
      gateway.graphql(`query ($input: SearchInput!) { search(input: $input, first: 3) { ${fields} } }`, { input });
    const without = await ask("edges { rank node { id } }");
    expect(without.errors).toBeUndefined();
    expect(without.data.search.edges).toHaveLength(3);
    const noted = () => gateway.lines.filter(({ message }) => message === "answer of a search not kept");
    await expect.poll(noted).toHaveLength(1);
    for (const fields of ["edges { cursor }", "pageInfo { hasNextPage }"]) {
      const { data, errors } = await ask(fields);
      expect(data).toBeNull();
      expect(errors?.[0]?.extensions["code"]).toBe("INTERNAL_SERVER_ERROR");
      expect(errors?.[0]?.message).not.toContain("no room");
    }
  } finally {
    await db.query("drop trigger no_room on search_sessions", []);
  }
});

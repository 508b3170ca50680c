import { registerImage, saveEmbeddings } from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SearchQuery } from "./query.ts";
import { searchPage } from "./search-page.ts";
import { openSampleLibrary, type SampleLibrary } from "./testing/sample-library.ts";

let library: SampleLibrary;
beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 12 });
});
afterAll(() => library?.[Symbol.asyncDispose]());

const begin = (query: Partial<SearchQuery> = {}, after: string | null = null) =>
  searchPage(library, { corpus: library.corpus.name, all: [{ text: "a dog" }], first: 5, ...query }, after);
const page = async (query?: Partial<SearchQuery>, after?: string) => {
  const begun = await begin(query, after);
  await begun.kept;
  return begun;
};
const cursorOf = ({ hits }: Awaited<ReturnType<typeof page>>) => hits.at(-1)?.cursor ?? "";

test("cuts pages that neither overlap nor leave anything out, also while pictures come and go", async () => {
  const first = await page();
  expect(first).toMatchObject({ hasNextPage: true, hasPreviousPage: false, total: { value: 12, relation: "EXACT" } });
  const last = first.hits.at(-1);
  await library.db.query("delete from images where id = $1::uuid", [last?.imageId]);
  const added = await registerImage(library.db, {
    corpusId: library.corpus.id,
    sha256: "f".repeat(64),
    origin: "new.png",
    attributes: {},
  });
  const embedding = Float32Array.from({ length: library.space.dimensions }, () => 1);
  const rows = [{ imageId: added.imageId, corpusId: library.corpus.id, embedding }];
  await saveEmbeddings(library.db, { spaceId: library.space.id, rows });

  const second = await page({}, cursorOf(first));
  const third = await page({ first: 20 }, cursorOf(second));
  expect(third).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  const seen = [...first.hits, ...second.hits, ...third.hits];
  expect(seen.map(({ rankAfterRerank }) => rankAfterRerank)).toEqual(
    Array.from({ length: 12 }, (_, index) => index + 1),
  );
  expect(new Set(seen.map(({ imageId }) => imageId))).toEqual(new Set(library.imageIds));
  expect(first.report.cacheHits).toEqual({ imageTokens: 12, vectors: 0, keptAnswer: false });
  const kept = { ...first.report, cacheHits: { ...first.report.cacheHits, keptAnswer: true } };
  expect(second.report).toEqual(JSON.parse(JSON.stringify(kept)));
  expect(await page({ first: 3 }, cursorOf(first))).toMatchObject({ hits: second.hits.slice(0, 3) });
});

test("goes on with an answer that an older version kept, whose report says nothing of recall and cache hits", async () => {
  const first = await page();
  await library.db.query(
    `update search_sessions set answer = answer #- '{answer,report,cacheHits}' #- '{answer,report,estimatedRecall}'
     where id = $1::uuid`,
    [Buffer.from(cursorOf(first), "base64url").toString().split(":")[0]],
  );
  const { report, hits } = await page({}, cursorOf(first));
  expect(hits.length).toBeGreaterThan(0);
  const nothing = { imageTokens: null, vectors: 0, keptAnswer: true };
  expect(report).toMatchObject({ estimatedRecall: null, cacheHits: nothing, indexMode: "exact" });
});

test("gives an empty page behind the last one", async () => {
  const all = await page({ first: 500 });
  expect(await page({ first: 500 }, cursorOf(all))).toMatchObject({
    hits: [],
    hasNextPage: false,
    hasPreviousPage: true,
  });
});

test("refuses a cursor of another query, and what is no cursor", async () => {
  const after = cursorOf(await page());
  const other = page({ all: [{ text: "a cat" }] }, after);
  await expect(other).rejects.toMatchObject({
    code: "INVALID_QUERY",
    message: expect.stringContaining("another search") as string,
  });
  await expect(page({ textWeight: 0.4 }, after)).rejects.toMatchObject({ code: "INVALID_QUERY" });
  for (const nonsense of ["", "x", Buffer.from("a:b").toString("base64url"), `${after}${after}`]) {
    await expect(page({}, nonsense)).rejects.toMatchObject({ code: "INVALID_QUERY" });
  }
});

test("says that a search is over once its answer is kept no longer, and never answers differently in silence", async () => {
  const after = cursorOf(await page());
  await library.db.query("update search_sessions set expires_at = now() - interval '1 second'", []);
  await expect(page({}, after)).rejects.toMatchObject({ code: "SEARCH_EXPIRED" });
  await page();
  const [left] = await library.db.query<{ count: number }>(
    "select count(*)::integer as count from search_sessions",
    [],
  );
  expect(left?.count).toBe(1);
});

test("answers although the list cannot be kept, and hands out no cursor that leads nowhere", async () => {
  await library.db.query(
    "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no room for answers'; end $$",
    [],
  );
  await library.db.query("create trigger full_disk before insert on search_sessions execute function refuse()", []);
  try {
    const { hits, kept } = await begin();
    expect(hits).toHaveLength(5);
    await expect(kept).rejects.toThrow("no room for answers");
    await expect(Promise.all(hits.map((hit) => hit.kept))).rejects.toThrow("no room for answers");
  } finally {
    await library.db.query("drop trigger full_disk on search_sessions", []);
  }
});

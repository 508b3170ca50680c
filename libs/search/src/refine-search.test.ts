import { failed, type Inference, InferenceError } from "@medley/inference-api";
import { saveCalibration } from "@medley/storage";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { SearchQuery } from "./query.ts";
import { searchImages } from "./search-images.ts";
import { type Refinement, refineSearch, searchPage } from "./search-page.ts";
import { openSampleLibrary, type SampleLibrary } from "./testing/sample-library.ts";

const PICTURES = 100;
const CHUNK = 32;

let library: SampleLibrary;
beforeAll(async () => {
  library = await openSampleLibrary({ pictures: PICTURES });
});
afterAll(() => library?.[Symbol.asyncDispose]());
afterEach(() => {
  for (const method of ["embedTexts", "matchImages"]) library.interrupt(method, null);
});

type Query = Partial<SearchQuery>;
const queryOf = (query: Query): SearchQuery => ({
  corpus: library.corpus.name,
  all: [{ text: "a dog" }],
  first: 100,
  ...query,
});

async function refine(
  query: Query = {},
  {
    after = null,
    inference = library.inference,
    patienceMs,
  }: { after?: string | null; inference?: Inference; patienceMs?: number } = {},
): Promise<Refinement[]> {
  const seen: Refinement[] = [];
  const watch = { signal: new AbortController().signal, onRefined: (one: Refinement) => void seen.push(one) };
  await refineSearch({ ...library, inference, patienceMs }, queryOf(query), after, watch);
  return seen;
}

/** An answer without what differs between two runs of the same search: its cursors and its times. */
function answerOf({ hits, report, startCursor: _start, endCursor: _end, ...page }: Refinement["page"]) {
  const { stages, milliseconds: _time, ...said } = report;
  return {
    ...page,
    hits: hits.map(({ cursor: _cursor, ...hit }) => hit),
    report: { ...said, stages: stages.map(({ stage }) => stage) },
  };
}

const cursorOf = ({ page }: Refinement) => page.hits.at(-1)?.cursor ?? "";
const idsOf = ({ page }: Refinement) => page.hits.map(({ imageId }) => imageId);
const isJudged = ({ clauses }: Refinement["page"]["hits"][number]) =>
  clauses.every(({ itmLogit }) => itmLogit !== null);

test("shows the quick order before anything is judged, an order for every chunk, and last the answer of the same search", async () => {
  const seen = await refine();
  // Chunks of one search may end in any order.
  const judged = seen.map((refinement) => refinement.judged);
  expect([judged[0], judged.at(-1), judged.length]).toEqual([0, PICTURES, 1 + Math.ceil(PICTURES / CHUNK)]);
  expect(judged).toEqual(judged.toSorted((a, b) => a - b));
  expect(seen.every(({ candidates }) => candidates === PICTURES)).toBe(true);
  expect(seen.map(({ isFinal }) => isFinal)).toEqual([false, false, false, false, true]);
  for (const { page, judged, isFinal } of seen) {
    expect(page.hits).toHaveLength(PICTURES);
    expect(page.hits.map(({ rankAfterRerank }) => rankAfterRerank)).toEqual(page.hits.map((_, index) => index + 1));
    expect(page.hits.map(isJudged)).toEqual(page.hits.map((_, index) => index < judged));
    expect(page.report.candidates.reranked).toBe(judged);
    expect(page.report.stages.some(({ stage }) => stage === "RERANK")).toBe(isFinal);
    expect(page.report.degraded).toEqual([]);
  }
  const last = seen.at(-1) as Refinement;
  expect(answerOf(last.page)).toEqual(answerOf(await searchPage(library, queryOf({}), null)));
});

test("lets pictures that are not judged yet stand in the quick order, behind those that are", async () => {
  const [quick, ...later] = await refine();
  for (const refinement of later.slice(0, -1)) {
    const judged = new Set(refinement.page.hits.filter(isJudged).map(({ imageId }) => imageId));
    expect(judged.size).toBe(refinement.judged);
    const unjudged = idsOf(refinement).slice(judged.size);
    expect(unjudged).toEqual(idsOf(quick as Refinement).filter((imageId) => !judged.has(imageId)));
  }
});

test("begins with pictures whose own texts say what is asked, however far their cosine is", async () => {
  const [quick] = await refine({ all: [{ text: "number 7" }], candidates: 5, first: 1 });
  expect(idsOf(quick as Refinement)).toEqual([library.imageIds[7]]);
});

test("keeps the final list and no other: its cursors lead on, those before are refused", async () => {
  const before = await library.db.query<{ id: string }>("select id from search_sessions", []);
  const seen = await refine({ first: 5 });
  const after = await library.db.query<{ id: string }>("select id from search_sessions", []);
  expect(after).toHaveLength(before.length + 1);
  const second = await searchPage(library, queryOf({ first: 5 }), cursorOf(seen.at(-1) as Refinement));
  expect(second.hits.map(({ rankAfterRerank }) => rankAfterRerank)).toEqual([6, 7, 8, 9, 10]);
  await expect(searchPage(library, queryOf({ first: 5 }), cursorOf(seen[0] as Refinement))).rejects.toMatchObject({
    code: "INVALID_QUERY",
    message: expect.stringContaining("still judging") as string,
  });
  expect(seen.map(({ page }) => page.endCursor !== null)).toEqual(seen.map(({ isFinal }) => isFinal));
});

test("gives a page of a kept answer at once and as final, with how far its judging had come", async () => {
  const after = cursorOf((await refine({ first: 5 })).at(-1) as Refinement);
  library.interrupt("matchImages", () => {
    throw new Error("A kept answer is not judged again.");
  });
  const seen = await refine({ first: 5 }, { after });
  expect(seen).toMatchObject([{ isFinal: true, judged: PICTURES, candidates: PICTURES }]);
  expect(seen[0]?.page.hits[0]?.rankAfterRerank).toBe(6);
});

test("answers once where there is nothing to judge: no candidates, pictures alone, or no engine, which is said", async () => {
  const [first = ""] = library.imageIds;
  expect(await refine({ candidates: 0 })).toMatchObject([{ isFinal: true, judged: 0, candidates: 0 }]);
  expect(await refine({ all: [{ imageId: first }] })).toMatchObject([{ isFinal: true, candidates: 0 }]);
  library.interrupt("embedTexts", () => {
    throw new InferenceError("UNAVAILABLE", "The inference server is not reachable.");
  });
  const away = await refine({ all: [{ text: "number 7" }] });
  expect(away).toMatchObject([{ isFinal: true, page: { report: { degraded: [{ stage: "EMBED_QUERY" }] } } }]);
  expect(idsOf(away[0] as Refinement)[0]).toBe(library.imageIds[7]);
});

test("ends with what was judged when the engine refuses more, and asks it no further", async () => {
  let calls = 0;
  library.interrupt("matchImages", () => {
    calls += 1;
    if (calls > 1) throw new InferenceError("OVERLOADED", "Inference queue is full.");
  });
  const last = (await refine({}, { patienceMs: 0 })).at(-1);
  expect(last).toMatchObject({ isFinal: true, judged: CHUNK, candidates: PICTURES });
  expect(last?.page.report).toMatchObject({
    candidates: { reranked: CHUNK },
    degraded: [{ stage: "RERANK", code: "OVERLOADED", images: PICTURES - CHUNK }],
  });
  expect(calls).toBe(Math.ceil(PICTURES / CHUNK));
});

test("waits for an engine whose queue is full: others make room in it, and everything is judged", async () => {
  const calls = { embedTexts: 0, matchImages: 0 };
  for (const method of ["embedTexts", "matchImages"] as const) {
    library.interrupt(method, () => {
      calls[method] += 1;
      if (calls[method] % 3 !== 0) throw new InferenceError("OVERLOADED", "Inference queue is full.");
    });
  }
  const last = (await refine()).at(-1);
  expect(last).toMatchObject({ isFinal: true, judged: PICTURES, page: { report: { degraded: [] } } });
  expect(calls).toEqual({ embedTexts: 3, matchImages: 3 * Math.ceil(PICTURES / CHUNK) });
});

test("waits no longer than its time, and for no engine that refuses for another reason", async () => {
  library.interrupt("matchImages", () => {
    throw new InferenceError("OVERLOADED", "Inference queue is full.");
  });
  const startedAt = performance.now();
  const { report } = await searchImages(library, queryOf({ deadlineMs: 400 }));
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  expect(report.degraded).toMatchObject([{ stage: "RERANK", code: "OVERLOADED", images: PICTURES }]);
  let calls = 0;
  library.interrupt("matchImages", () => {
    calls += 1;
    throw new InferenceError("UNAVAILABLE", "away");
  });
  await refine();
  expect(calls).toBe(Math.ceil(PICTURES / CHUNK));
});

test("judges the most promising pictures by every text of the query before it goes on, and shows what excludes them", async () => {
  const asked: string[] = [];
  const inference: Inference = {
    ...library.inference,
    matchImages: (text, images, call) => {
      asked.push(`${text} ${images.length}`);
      return library.inference.matchImages(text, images, call);
    },
  };
  const [first = ""] = library.imageIds;
  const query = { all: [{ text: "a dog" }, { imageId: first }], none: [{ text: "number 3" }] };
  const seen = await refine(query, { inference });
  expect(asked.slice(0, 4)).toEqual(["a dog 32", "number 3 32", "a dog 32", "number 3 32"]);
  expect(seen.at(-1)).toMatchObject({ judged: PICTURES - 1, candidates: PICTURES - 1 });
  const composed = answerOf((await searchPage(library, queryOf(query), null)) as Refinement["page"]);
  expect(answerOf((seen.at(-1) as Refinement).page)).toEqual(composed);
  const places = seen.map((refinement) => idsOf(refinement).indexOf(library.imageIds[3] ?? ""));
  expect(places.at(-1)).toBeGreaterThan(90);
});

test("answers a search with what was judged within its time, and says how much that is", async () => {
  let calls = 0;
  const inference: Inference = {
    ...library.inference,
    // An engine that does half of what it is given and finds the time over.
    matchImages: async (text, images, call) => {
      calls += 1;
      if (calls === 1) return library.inference.matchImages(text, images, call);
      return images.map(() => failed(new InferenceError("DEADLINE_EXCEEDED", "The deadline passed.")));
    },
  };
  const { hits, report, judging } = await searchImages({ ...library, inference }, queryOf({ deadlineMs: 60_000 }));
  expect(judging).toEqual({ judged: CHUNK, candidates: PICTURES });
  expect(report.candidates.reranked).toBe(CHUNK);
  expect(report.degraded).toMatchObject([{ code: "DEADLINE_EXCEEDED", images: PICTURES - CHUNK }]);
  expect(hits.slice(0, CHUNK).every((hit) => hit.score !== null)).toBe(true);
  expect(hits.slice(CHUNK).every((hit) => hit.score === null)).toBe(true);
});

test("stops the engine and keeps nothing when it is given up while it judges", async () => {
  const caller = new AbortController();
  const stopped: boolean[] = [];
  const seen: Refinement[] = [];
  library.interrupt("matchImages", async ({ signal }) => {
    const ended = new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve()));
    caller.abort(new Error("The reader went away."));
    await ended;
    stopped.push(true);
  });
  const [before] = await library.db.query<{ count: number }>(
    "select count(*)::integer as count from search_sessions",
    [],
  );
  const watch = { signal: caller.signal, onRefined: (one: Refinement) => void seen.push(one) };
  await expect(refineSearch(library, queryOf({}), null, watch)).rejects.toThrow("The reader went away.");
  expect(stopped.length).toBeGreaterThan(0);
  expect(seen.map(({ judged }) => judged)).toEqual([0]);
  const [after] = await library.db.query<{ count: number }>(
    "select count(*)::integer as count from search_sessions",
    [],
  );
  expect(after).toEqual(before);
});

test("shows with a least probability only what is known to have it, and gives the verdict at the end", async () => {
  await saveCalibration(library.db, {
    corpusId: library.corpus.id,
    spaceId: library.space.id,
    modelFingerprint: library.space.fingerprint,
    itcWeight: 1,
    corpusImages: PICTURES,
    pair: { slope: 1, offset: 0, examples: 40 },
    query: { slope: 1, offset: 0, examples: 40, strongFrom: 0.8, noneBelow: 0.2 },
    measured: { pair: null, query: null },
  } as Parameters<typeof saveCalibration>[1]);
  const seen = await refine({ minMatch: 0.5 });
  const counts = seen.map(({ page }) => page.total.value);
  expect(counts[0]).toBe(0);
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  expect(counts.at(-1)).toBeGreaterThan(10);
  for (const { page, isFinal } of seen) {
    expect(page.hits.every(({ matchProbability }) => (matchProbability ?? 0) >= 0.5)).toBe(true);
    expect(page.report.degraded).toEqual([]);
    expect(page.verdict === null).toBe(!isFinal);
  }
  await library.db.query("delete from calibrations", []);
  const uncalibrated = await refine({ minMatch: 0.5 });
  expect(uncalibrated.map(({ page }) => page.hits.length)).toEqual(uncalibrated.map(() => PICTURES));
  expect(uncalibrated.at(-1)?.page.report.degraded).toMatchObject([{ code: "NOT_CALIBRATED" }]);
});

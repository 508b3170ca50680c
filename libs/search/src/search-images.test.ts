import { failed, type Inference, InferenceError, type Match, type Outcome, succeeded } from "@medley/inference-api";
import {
  declareAttributes,
  ensureCorpus,
  ensureSpace,
  activateSpace,
  saveCalibration,
  saveTextEmbeddings,
} from "@medley/storage";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { SearchError } from "./errors.ts";
import type { SearchQuery } from "./query.ts";
import type { RankedHit } from "./rank.ts";
import { searchImages } from "./search-images.ts";
import { openSampleLibrary, type SampleLibrary } from "./testing/sample-library.ts";

let library: SampleLibrary;
beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 12 });
});
afterAll(() => library?.[Symbol.asyncDispose]());
afterEach(() => {
  for (const method of ["models", "embedTexts", "matchImages"]) library.interrupt(method, null);
});

type Query = Partial<SearchQuery> & { text?: string };

/** A search by one text unless the query has clauses; each hit with the scores of its first clause. */
async function search({ text = "a dog on a beach", ...query }: Query = {}) {
  const result = await searchImages(
    { ...library, patienceMs: 0 },
    { corpus: library.corpus.name, all: [{ text }], ...query },
  );
  return { ...result, hits: result.hits.map(flatten).slice(0, query.first ?? 20) };
}

function flatten({ clauses, score, ...hit }: RankedHit) {
  if (clauses[0] === undefined) throw new Error("a hit without scores");
  return { ...clauses[0], ...hit, fusedScore: score };
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "no error",
    (error: unknown) => (error instanceof SearchError || error instanceof InferenceError ? error.code : String(error)),
  );

test("re-ranks the nearest pictures by itmLogit + w * itcCosine and reports how", async () => {
  const { hits, report } = await search();
  expect(hits).toHaveLength(12);
  const scores = hits.map(({ itmLogit, itcCosine }) => (itmLogit ?? Number.NaN) + (itcCosine ?? Number.NaN));
  expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  expect(hits.map(({ rankAfterRerank }) => rankAfterRerank)).toEqual(hits.map((_, index) => index + 1));
  const byCosine = hits
    .toSorted((a, b) => (a.rankBeforeRerank ?? 0) - (b.rankBeforeRerank ?? 0))
    .map(({ itcCosine }) => itcCosine);
  expect(byCosine).toEqual(byCosine.toSorted((a, b) => (b ?? 0) - (a ?? 0)));
  expect(report).toMatchObject({
    candidates: { requested: 128, retrieved: 12, byText: 0, reranked: 12 },
    indexMode: "exact",
    spaceId: library.space.id,
    modelFingerprint: library.space.fingerprint,
    itcWeight: 1,
    degraded: [],
    matchFailures: [],
  });
  expect(report.stages.map(({ stage }) => stage)).toEqual(["EMBED_QUERY", "RETRIEVE", "MATCH_TEXTS", "RERANK"]);
});

test("judges a picture far from the query when its own texts hold the words, and puts it first", async () => {
  const alone = (await search({ text: "number 7", textWeight: 0 })).hits;
  const { hits, report } = await search({ text: "number 7", candidates: 2 });
  const seventh = library.imageIds[7];
  expect(hits[0]).toMatchObject({ imageId: seventh, textShare: 1 });
  expect(hits[0]?.itmLogit).toBe(alone.find(({ imageId }) => imageId === seventh)?.itmLogit);
  expect(report.candidates.reranked).toBe(12);
  expect(report.textWeight).toBe(0.5);
  const fused = hits.map(({ fusedScore }) => fusedScore ?? Number.NaN);
  expect(fused).toEqual(fused.toSorted((a, b) => b - a));
});

test("finds a picture by the nearness of a text that holds no word of the query, and says how near it is", async () => {
  const { corpus, space } = library;
  const imageId = library.imageIds[9] ?? "";
  const [outcome] = await library.inference.embedTexts(["a kitten"]);
  if (!outcome?.ok) throw new Error("Bug: the fake engine refused a text");
  const row = { imageId, corpusId: corpus.id, text: "a young cat", name: "a young cat", embedding: outcome.value };
  await saveTextEmbeddings(library.db, { spaceId: space.id, rows: [row] });
  const { hits } = await search({ text: "a kitten", candidates: 1 });
  expect(hits[0]).toMatchObject({ imageId, textShare: 0, textScore: expect.closeTo(1, 5) });
  expect(hits[0]?.textCosine).toBeCloseTo(1, 5);
  expect(hits[1]).toMatchObject({ textCosine: null, textScore: 0 });
  await library.db.query("delete from text_embeddings where image_id = $1::uuid", [imageId]);
});

test("orders by what BLIP sees alone when texts weigh nothing", async () => {
  const { hits, report } = await search({ text: "number 7", textWeight: 0 });
  const scores = hits.map(({ rerankScore }) => rerankScore ?? Number.NaN);
  expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  expect(hits.every(({ textShare }) => textShare === 0)).toBe(true);
  expect(report.stages.map(({ stage }) => stage)).toEqual(["EMBED_QUERY", "RETRIEVE", "RERANK"]);
});

test("gives a prefix of the same order when fewer hits are asked for, also where texts decide", async () => {
  const all = (await search({ text: "number 7", candidates: 2, first: 12 })).hits;
  const few = (await search({ text: "number 7", candidates: 2, first: 3 })).hits;
  expect(few.map(({ imageId }) => imageId)).toEqual(all.slice(0, 3).map(({ imageId }) => imageId));
  expect(few.map(({ fusedScore }) => fusedScore)).toEqual(all.slice(0, 3).map(({ fusedScore }) => fusedScore));
});

test("gives the same answer to the same query, and a prefix of it when fewer hits are asked for", async () => {
  const all = (await search()).hits;
  expect((await search()).hits).toEqual(all);
  expect((await search({ first: 3 })).hits).toEqual(all.slice(0, 3));
});

test("finds a picture that is not among the first by cosine when the matching head prefers it", async () => {
  const { hits } = await search({ first: 1 });
  expect(hits[0]?.rankBeforeRerank).toBeGreaterThan(1);
});

test("leaves pictures beyond the candidates in the order of itcCosine", async () => {
  const { hits, report } = await search({ candidates: 4 });
  expect(hits.slice(0, 4).every(({ itmLogit }) => itmLogit !== null)).toBe(true);
  expect(hits.slice(4).map(({ rankBeforeRerank }) => rankBeforeRerank)).toEqual([5, 6, 7, 8, 9, 10, 11, 12]);
  expect(report.candidates).toEqual({ requested: 4, retrieved: 12, byText: 0, reranked: 4 });
  expect(report.degraded).toEqual([]);
});

test("keeps the order of itcCosine when no candidate is to be matched", async () => {
  const { hits, report } = await search({ candidates: 0 });
  expect(hits.map(({ rankBeforeRerank }) => rankBeforeRerank)).toEqual(hits.map((_, index) => index + 1));
  expect(report.stages.map(({ stage }) => stage)).toEqual(["EMBED_QUERY", "RETRIEVE"]);
  expect(report.degraded).toEqual([]);
});

test("answers in the order of itcCosine and says so when matching is refused", async () => {
  library.interrupt("matchImages", () => {
    throw new InferenceError("OVERLOADED", "Inference queue is full.");
  });
  const { hits, report } = await search();
  expect(hits.map(({ rankBeforeRerank }) => rankBeforeRerank)).toEqual(hits.map((_, index) => index + 1));
  expect(hits.every(({ itmLogit }) => itmLogit === null)).toBe(true);
  expect(report.degraded).toEqual([
    {
      stage: "RERANK",
      code: "OVERLOADED",
      images: 12,
      message: "Nothing was re-ranked; hits are in the order of itcCosine. Cause: Inference queue is full.",
    },
  ]);
  expect(report.candidates.reranked).toBe(0);
});

test("answers within its deadline although the engine never comes back, and tells the engine to stop", async () => {
  let stopped = false;
  library.interrupt("matchImages", ({ signal, deadlineMs }) => {
    expect(deadlineMs).toBeLessThanOrEqual(300);
    signal?.addEventListener("abort", () => {
      stopped = true;
    });
    return new Promise<void>(() => {});
  });
  const { hits, report } = await search({ deadlineMs: 300 });
  expect(hits).toHaveLength(12);
  expect(report.degraded).toMatchObject([{ stage: "RERANK", code: "DEADLINE_EXCEEDED", images: 12 }]);
  expect(report.milliseconds).toBeLessThan(3000);
  expect(stopped).toBe(true);
});

test("does not hide a bug of ours behind a degraded answer", async () => {
  library.interrupt("matchImages", () => {
    throw new TypeError("Bug: broken");
  });
  await expect(search()).rejects.toThrow("Bug: broken");
});

test("answers by the words of the pictures' own texts and says so while the engine is away", async () => {
  library.interrupt("embedTexts", () => {
    throw new InferenceError("UNAVAILABLE", "The inference server is not reachable.");
  });
  const { hits, report } = await search({ text: "number 7" });
  expect(hits[0]).toMatchObject({ imageId: library.imageIds[7], textShare: 1, itcCosine: null, itmLogit: null });
  expect(hits).toHaveLength(12);
  expect(report.degraded).toMatchObject([{ stage: "EMBED_QUERY", code: "UNAVAILABLE" }]);
  expect(report.degraded[0]?.message).toContain("words of the pictures' own texts");
  expect((await search({ text: "nothing has this word" })).hits).toEqual([]);
});

test("finds pictures like a stored one while the engine is away", async () => {
  library.interrupt("models", () => {
    throw new InferenceError("UNAVAILABLE", "The inference server is not reachable.");
  });
  const [first = ""] = library.imageIds;
  const { hits, report } = await search({ all: [{ imageId: first }] });
  expect(hits).toHaveLength(11);
  expect(report.degraded[0]?.message).toContain("Stored vectors answer");
});

test("passes on that the text itself is at fault", async () => {
  library.interrupt("embedTexts", () => {
    throw new InferenceError("INVALID_TEXT", "The text has no token.");
  });
  expect(await codeOf(search())).toBe("INVALID_TEXT");
});

test("names the argument, its value and what was expected of a query that cannot be meant", async () => {
  await expect(search({ text: " \n " })).rejects.toThrow("all[0].text is empty, expected at least one word.");
  await expect(search({ text: "x".repeat(2001) })).rejects.toThrow(
    "all[0].text has 2001 characters, expected at most 2000.",
  );
  await expect(search({ first: 0 })).rejects.toThrow("first is 0, expected a whole number from 1 to 500.");
  await expect(search({ first: 501 })).rejects.toThrow("first is 501");
  await expect(search({ candidates: 1001 })).rejects.toThrow("candidates is 1001, expected a whole number from 0 to");
  await expect(search({ candidates: 1.5 })).rejects.toThrow("candidates is 1.5");
  await expect(search({ textWeight: 1.5 })).rejects.toThrow("textWeight is 1.5, expected a number from 0 to 1.");
  await expect(search({ textWeight: Number.NaN })).rejects.toThrow("textWeight is NaN");
  await expect(search({ deadlineMs: 0 })).rejects.toThrow("deadlineMs is 0");
  expect(await codeOf(search({ first: 0 }))).toBe("INVALID_QUERY");
});

test("names a corpus that does not exist", async () => {
  expect(await codeOf(search({ corpus: "nowhere" }))).toBe("CORPUS_NOT_FOUND");
  await expect(search({ corpus: "nowhere" })).rejects.toThrow('There is no corpus "nowhere".');
});

test("says that a corpus without an active space cannot be searched yet", async () => {
  const { name } = await ensureCorpus(library.db, { name: "fresh" });
  expect(await codeOf(search({ corpus: name }))).toBe("NO_ACTIVE_SPACE");
});

test("refuses to compare a query with vectors of another model, and names both", async () => {
  const corpus = await ensureCorpus(library.db, { name: "of another model" });
  const fingerprint = "f".repeat(64);
  const space = await ensureSpace(library.db, { fingerprint, name: "older", dimensions: 8, preprocessing: {} });
  await activateSpace(library.db, corpus.id, space.id);
  expect(await codeOf(search({ corpus: corpus.name }))).toBe("MODEL_MISMATCH");
  await expect(search({ corpus: corpus.name })).rejects.toThrow(fingerprint);
});

test("says that the model set has no model for retrieval", async () => {
  const inference = { ...library.inference, models: async () => [] };
  const work = searchImages({ ...library, inference }, { corpus: library.corpus.name, all: [{ text: "dog" }] });
  expect(await codeOf(work)).toBe("MODEL_MISSING");
});

test("finds pictures like a stored one by cosine, nearest first and without itself", async () => {
  const [first = ""] = library.imageIds;
  const { hits, report } = await search({ all: [{ imageId: first }] });
  expect(hits).toHaveLength(11);
  expect(hits.map(({ imageId }) => imageId)).not.toContain(first);
  const cosines = hits.map(({ itcCosine }) => itcCosine ?? Number.NaN);
  expect(cosines).toEqual(cosines.toSorted((a, b) => b - a));
  expect(report.stages.map(({ stage }) => stage)).toEqual(["EMBED_QUERY", "RETRIEVE"]);
  expect(report.candidates.reranked).toBe(0);
});

test("finds the stored picture by its own bytes, which are not stored", async () => {
  const bytes = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.from("picture 4")]);
  const { hits } = await search({ all: [{ picture: bytes }] });
  expect(hits[0]?.imageId).toBe(library.imageIds[4]);
  expect(hits[0]?.itcCosine).toBeCloseTo(1, 5);
  const text = Buffer.from("no picture");
  expect(await codeOf(search({ all: [{ picture: text }] }))).toBe("INVALID_IMAGE");
});

test("keeps away what none names, by what its texts say", async () => {
  const all = [{ text: "the picture with number" }];
  const names = (await search({ all, none: [{ text: "number 3" }] })).hits.map(({ imageId }) => imageId);
  expect(names).toHaveLength(12);
  expect(names.indexOf(library.imageIds[3] ?? "")).toBeGreaterThan(8);
  const { report } = await search({ all, none: [{ text: "number 3" }] });
  expect(report.candidates).toMatchObject({ byText: 0, reranked: 12 });
});

test("gives every hit the scores of each clause in the order of the query", async () => {
  const [first = ""] = library.imageIds;
  const query = { corpus: library.corpus.name, all: [{ text: "dog" }, { imageId: first }], none: [{ text: "cat" }] };
  const { hits } = await searchImages(library, query);
  const alone = (await searchImages(library, { corpus: library.corpus.name, all: [{ text: "cat" }] })).hits;
  for (const { imageId, clauses } of hits) {
    expect(clauses).toHaveLength(3);
    expect(clauses[1]).toMatchObject({ itmLogit: null, textShare: 0 });
    const cat = alone.find((hit) => hit.imageId === imageId)?.clauses[0];
    expect(clauses[2]?.itmLogit).toBe(cat?.itmLogit);
    expect(clauses[2]?.itcCosine).toBeCloseTo(cat?.itcCosine ?? Number.NaN, 6);
  }
});

test("looks only at pictures that pass the filter, by vectors and by texts, and says whether it saw them all", async () => {
  const filter = { attribute: { name: "number", from: 3, to: 5 } };
  const { hits, total } = await search({ text: "number 7", filter });
  expect(hits.map(({ imageId }) => imageId).sort()).toEqual(library.imageIds.slice(3, 6).toSorted());
  expect(total).toEqual({ value: 3, relation: "EXACT" });
  expect((await search({ first: 1, candidates: 2 })).total).toEqual({ value: 4, relation: "AT_LEAST" });
  expect(await search({ filter: { attribute: { name: "number", from: 99 } } })).toMatchObject({
    hits: [],
    total: { value: 0 },
  });
});

test("reads a filter's values in the types that the corpus declares", async () => {
  const { db, corpus } = library;
  const declaration = { name: "number", type: "number", list: false, required: false, values: null } as const;
  await db.transaction((tx) => declareAttributes(tx, corpus.id, [declaration]));
  try {
    const filter = { attribute: { name: "number", from: "3", to: "5" } };
    expect((await search({ text: "number 7", filter })).hits).toHaveLength(3);
    const wrong = search({ filter: { attribute: { name: "number", from: "three" } } });
    await expect(wrong).rejects.toMatchObject({
      code: "INVALID_VALUE",
      message: expect.stringContaining('"from" of the attribute "number" is "three", expected a number') as string,
    });
  } finally {
    await db.transaction((tx) => declareAttributes(tx, corpus.id, []));
  }
});

test("counts an attribute's values without the query's own selection of it, each with the filter that selects it", async () => {
  const filter = { and: [{ attribute: { name: "number", in: [2] } }, { origin: { startsWith: "/pictures/" } }] };
  const { facets } = await search({ filter, facets: [{ name: "number", first: 3 }, { name: "missing" }] });
  expect(facets).toEqual([
    {
      name: "number",
      of: "ATTRIBUTE",
      values: [2, 0, 1].map((value, index) => ({
        value,
        count: 1,
        hits: index === 0 ? 1 : 0,
        filter: { attribute: { name: "number", in: [value] } },
      })),
    },
    { name: "missing", of: "ATTRIBUTE", values: [] },
  ]);
});

test("says by the pictures' texts that there is an answer, and nothing where neither texts nor a calibration tell", async () => {
  expect((await search({ text: "number 7" })).verdict).toMatchObject({ verdict: "STRONG", decidedBy: "TEXTS" });
  expect((await search({ text: "zebra" })).verdict).toBeNull();
  expect((await search({ all: [{ text: "number 7" }, { text: "number 8" }] })).verdict).toBeNull();
});

test("gives probabilities of the corpus's calibration, cuts by them, and says that nothing fits", async () => {
  const curve = { slope: 1, offset: 0 };
  await saveCalibration(library.db, {
    corpusId: library.corpus.id,
    spaceId: library.space.id,
    modelFingerprint: library.space.fingerprint,
    itcWeight: 1,
    corpusImages: 12,
    pair: { ...curve, examples: 40 },
    query: { slope: 1, offset: -1000, examples: 40, strongFrom: 0.8, noneBelow: 0.2 },
    measured: { pair: null, query: null },
  } as Parameters<typeof saveCalibration>[1]);
  const { hits, verdict } = await search({ text: "zebra" });
  for (const { matchProbability, rerankScore } of hits) {
    expect(matchProbability).toBeCloseTo(1 / (1 + Math.exp(-(rerankScore ?? Number.NaN))), 9);
  }
  expect(verdict).toMatchObject({ verdict: "NONE", decidedBy: "MODELS", answerProbability: expect.closeTo(0, 9) });
  const least = hits[5]?.matchProbability ?? 1;
  const cut = await search({ text: "zebra", minMatch: least });
  expect(cut.report.degraded).toEqual([]);
  expect(cut.hits.length).toBeGreaterThan(0);
  expect(cut.hits.length).toBeLessThan(12);
  expect(cut.hits.every(({ matchProbability }) => (matchProbability ?? 0) >= least)).toBe(true);
  expect(cut.total.value).toBe(cut.hits.length);
  await library.db.query("delete from calibrations", []);
});

test("says that a least probability cannot be applied without a calibration, and cuts nothing", async () => {
  const { hits, report } = await search({ minMatch: 0.9 });
  expect(hits).toHaveLength(12);
  expect(report.degraded).toMatchObject([{ code: "NOT_CALIBRATED", images: 12 }]);
});

test("names what is wrong with a query's clauses", async () => {
  await expect(search({ all: [] })).rejects.toThrow("all and any are empty, expected at least one clause.");
  await expect(search({ all: [], none: [{ text: "x" }] })).rejects.toThrow("all and any are empty");
  await expect(search({ any: [{}] })).rejects.toThrow(
    "any[0] has 0 of text, imageId, picture and url, expected exactly one.",
  );
  await expect(search({ all: [{ text: "a", imageId: "b" }] })).rejects.toThrow("all[0] has 2 of");
  await expect(search({ any: Array.from({ length: 8 }, () => ({ text: "a" })) })).rejects.toThrow("9 clauses");
  await expect(search({ all: [{ picture: new Uint8Array() }] })).rejects.toThrow("all[0].picture has 0 bytes");
  await expect(search({ minMatch: 2 })).rejects.toThrow("minMatch is 2");
  await expect(search({ facets: [{ name: " " }] })).rejects.toThrow("facets[0].name is empty.");
  expect(await codeOf(search({ all: [{ imageId: "nobody" }] }))).toBe("IMAGE_NOT_FOUND");
});

test("counts a picture's tokens as stored when they were for every text that judged it, whichever text comes first", async () => {
  const told = (change: (outcome: Outcome<Match>, text: string, place: number) => Outcome<Match>) => {
    const matchImages: Inference["matchImages"] = async (text, images, call) =>
      (await library.inference.matchImages(text, images, call)).map((one, place) => change(one, text, place));
    const inference = { ...library.inference, matchImages };
    return async (texts: readonly string[]) => {
      const query = { corpus: library.corpus.name, any: texts.map((text) => ({ text })) };
      const { report } = await searchImages({ ...library, inference }, query);
      return [report.candidates.reranked, report.cacheHits.imageTokens];
    };
  };
  const stored = (outcome: Outcome<Match>, tokensWereStored: boolean): Outcome<Match> =>
    outcome.ok ? succeeded({ ...outcome.value, tokensWereStored }) : outcome;
  const lacksOne = told((one, text) => (text === "b" ? failed(new InferenceError("ENGINE_FAILED", "no")) : one));
  expect([await lacksOne(["a", "b"]), await lacksOne(["b", "a"])]).toEqual([
    [12, 12],
    [12, 12],
  ]);
  const firstComputes = told((one, text, place) => stored(one, text === "b" || place >= 2));
  expect([await firstComputes(["a", "b"]), await firstComputes(["b", "a"])]).toEqual([
    [12, 10],
    [12, 10],
  ]);
  const noLogit = told((one) => (one.ok ? succeeded({ ...one.value, itmLogit: Number.NaN }) : one));
  expect(await noLogit(["a"])).toEqual([0, null]);
  const silent = told((one) => (one.ok ? succeeded({ itmLogit: 1, itmNoMatchLogit: -1 }) : one));
  expect(await silent(["a", "b"])).toEqual([12, null]);
});

test("counts clauses whose vector was stored, and claims no recall where nothing was searched for", async () => {
  const [imageId = ""] = library.imageIds;
  const { report } = await search({ all: [{ imageId }, { text: "a dog" }] });
  expect([report.cacheHits.vectors, report.estimatedRecall]).toEqual([1, 1]);
  library.interrupt("embedTexts", () => {
    throw new InferenceError("UNAVAILABLE", "gone");
  });
  expect((await search()).report).toMatchObject({ indexMode: "exact", estimatedRecall: null });
});

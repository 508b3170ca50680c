import { expect, test } from "vitest";
import type { RetrievalSet } from "../datasets/dataset.ts";
import { createContext, picture, type Script } from "../testing/scripted-engine.ts";
import type { Metric, TaskResult } from "./result.ts";
import { evaluateRetrieval } from "./retrieval.ts";

// Cosines: "a" .8 .6 .96, "b" 0 1 .8, "c" 1 0 .6 with p0, p1, p2.
const SCRIPT: Script = {
  pictures: { p0: [1, 0], p1: [0, 1], p2: [0.6, 0.8] },
  texts: { a: [0.8, 0.6], b: [0, 1], c: [1, 0], nothing: [0, -1] },
  logits: {
    a: { p0: 1, p1: 0, p2: 0 },
    b: { p0: 0, p1: -1, p2: 0 },
    c: { p0: 0.2, p1: 0, p2: 0.5 },
    nothing: { p0: 2, p1: -9, p2: -5 },
  },
};

const SET: RetrievalSet = {
  pictures: ["p0", "p1", "p2"].map(picture),
  texts: ["a", "b", "c"].map((text, index) => ({ text, pictures: [index], groups: index < 2 ? ["first"] : [] })),
  unanswered: ["nothing"],
};

const BOTH = { retrieval: true, detection: true };

function figure(results: readonly TaskResult[], wanted: Partial<Metric>): Metric | undefined {
  const entries = Object.entries({ group: undefined, ...wanted });
  return results
    .flatMap(({ metrics }) => metrics)
    .find((metric) => entries.every(([key, value]) => metric[key as keyof Metric] === value));
}

test("ranks all pictures by cosine, and the first k again by the matching head with and without the cosine", async () => {
  const results = await evaluateRetrieval(createContext(SCRIPT), SET, BOTH);
  const recall = (by: "itc" | "itm" | "itm+itc") =>
    figure(results, { metric: "recallAt1", direction: "text-to-image", by })?.value;
  expect([recall("itc"), recall("itm+itc"), recall("itm")]).toEqual([1 / 3, 1 / 3, 2 / 3]);
  const itc = { direction: "text-to-image", by: "itc" } as const;
  expect(figure(results, { metric: "medianRank", ...itc })?.value).toBe(2);
  expect(figure(results, { metric: "meanReciprocalRank", ...itc })?.value).toBeCloseTo(2 / 3, 12);
  // p0 is nearest to "c" and to "a" (second), p1 to "b", p2 to "a"; "c" is third for p2.
  expect(figure(results, { metric: "meanReciprocalRank", direction: "image-to-text", by: "itc" })?.value).toBeCloseTo(
    (1 / 2 + 1 + 1 / 3) / 3,
    12,
  );
});

test("says what a random order reaches, and within which bounds other queries would move the figure", async () => {
  const results = await evaluateRetrieval(createContext(SCRIPT), SET, BOTH);
  const recall = figure(results, { metric: "recallAt1", direction: "text-to-image", by: "itc" });
  expect(recall).toMatchObject({
    n: 3,
    baseline: expect.closeTo(1 / 3, 12),
    baselineKind: "random order",
    low: 0,
    high: 1,
  });
  expect(figure(results, { metric: "recallAt5", direction: "text-to-image", by: "itc" })?.baseline).toBe(1);
});

test("gives the queries of a group by themselves, against all pictures", async () => {
  const results = await evaluateRetrieval(createContext(SCRIPT), SET, BOTH);
  const own = { metric: "recallAt1", direction: "text-to-image", by: "itc", group: "first" } as const;
  expect(figure(results, own)).toMatchObject({ n: 2, value: 0.5, baseline: expect.closeTo(1 / 3, 12) });
});

test("tells queries without an answer by their highest score", async () => {
  const results = await evaluateRetrieval(createContext(SCRIPT), SET, { retrieval: false, detection: true });
  expect(results.map(({ task }) => task)).toEqual(["detection"]);
  const area = (by: "itc" | "itm" | "itm+itc") => figure(results, { metric: "areaUnderCurve", by })?.value;
  // Highest cosines .96 1 1 against 0; highest logits 1 0 .5 against 2; sums 1.8 .8 1.2 against 2.
  expect([area("itc"), area("itm"), area("itm+itc")]).toEqual([1, 0, 0]);
});

test("weighs the cosine as it is told", async () => {
  const results = await evaluateRetrieval(createContext(SCRIPT, { itcWeight: 100 }), SET, BOTH);
  const both = figure(results, { metric: "medianRank", direction: "text-to-image", by: "itm+itc" });
  expect(both?.value).toBe(figure(results, { metric: "medianRank", direction: "text-to-image", by: "itc" })?.value);
});

test("leaves the matching head out when nothing is to be re-ranked", async () => {
  const results = await evaluateRetrieval(createContext({ ...SCRIPT, logits: {} }, { rerank: 0 }), SET, BOTH);
  expect(new Set(results.flatMap(({ metrics }) => metrics.map(({ by }) => by)))).toEqual(new Set(["itc"]));
  expect(results.flatMap(({ failures }) => failures)).toEqual([]);
});

test("lists pictures and texts that fail, and measures the rest", async () => {
  const set: RetrievalSet = {
    pictures: [picture("missing.png"), ...SET.pictures, picture("not in the script")],
    texts: [
      { text: "of the missing one", pictures: [0], groups: [] },
      ...SET.texts.map((text) => ({ ...text, pictures: text.pictures.map((index) => index + 1) })),
      { text: "not in the script", pictures: [1], groups: [] },
    ],
    unanswered: [],
  };
  const [result] = await evaluateRetrieval(createContext(SCRIPT), set, { retrieval: true, detection: false });
  expect(result?.failures.map(({ item, code }) => [item, code])).toEqual([
    ["missing.png", "IMAGE_NOT_FOUND"],
    ["not in the script", "ENGINE_FAILED"],
    ["not in the script", "ENGINE_FAILED"],
  ]);
  expect(result?.notes).toEqual(["2 of 5 texts were left out: they or their pictures cannot be read."]);
  expect(figure(result ? [result] : [], { metric: "recallAt1", direction: "text-to-image", by: "itc" })).toMatchObject({
    n: 3,
    value: 1 / 3,
  });
});

test("puts a pair that cannot be matched behind those that can", async () => {
  const logits = { ...SCRIPT.logits, a: { p1: 0, p2: 0 } };
  const [result] = await evaluateRetrieval(createContext({ ...SCRIPT, logits }), SET, {
    retrieval: true,
    detection: false,
  });
  const recall = figure(result ? [result] : [], { metric: "recallAt1", direction: "text-to-image", by: "itm+itc" });
  expect(recall?.value).toBe(0);
  expect(result?.failures.map(({ item, message }) => `${item}: ${message}`)).toEqual([
    "a: 1 of 2 pairs not matched; they stand behind the others. First cause: It is not in the script.",
    "p0: 1 of 2 pairs not matched; they stand behind the others. First cause: It is not in the script.",
  ]);
});

test("refuses to make figures up when no picture can be read", async () => {
  const set = { ...SET, pictures: ["missing 0", "missing 1", "missing 2"].map(picture) };
  await expect(evaluateRetrieval(createContext(SCRIPT), set, BOTH)).rejects.toMatchObject({
    code: "EMPTY",
    message: expect.stringContaining('There is no "missing 0".'),
  });
});

test("shows a query with its picture and what came before it", async () => {
  const [result] = await evaluateRetrieval(createContext(SCRIPT), SET, BOTH);
  expect(result?.best.map(({ title }) => title)).toEqual(["a"]);
  expect(result?.worst.map(({ title }) => title).sort()).toEqual(["b", "c"]);
  expect(result?.best[0]?.found?.map((one) => [one.picture.name, one.right])).toEqual([
    ["p0", true],
    ["p2", false],
    ["p1", false],
  ]);
});

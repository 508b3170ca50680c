import { afterAll, beforeAll, expect, test } from "vitest";
import { listCaptionRuns, revertCaptionRun, startCaptionRun } from "./caption-runs.ts";
import { captionsToScore, reopenUnscored, saveCaptionScores } from "./caption-scores.ts";
import { addCaption, type CaptionSource, captionsOf, findCaption, replaceCaption, saveLanguages } from "./captions.ts";
import { ensureCorpus } from "./corpora.ts";
import { explainCaption } from "./explain-caption.ts";
import {
  activateFilterPolicy,
  activeFilterPolicy,
  countVerdicts,
  decideCaptions,
  ensureFilterPolicy,
  type FilterRule,
  listFilterPolicies,
  reviewCaption,
} from "./filter-policies.ts";
import { registerImage } from "./images.ts";
import { ensureSpace } from "./spaces.ts";
import { completeSteps, planSteps, stepCounts } from "./steps.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

const BLIP_RULE: FilterRule = {
  slope: 1,
  offset: 0,
  keepFrom: { WEB: 0.5, SYNTHETIC: 0.5, IMPORTED: 0.5 },
  leastDistinctWords: 0.5,
  bestOf: null,
  languages: ["en"],
};
const FILTER = "filter 1";

let collections = 0;

/** A corpus of one picture, and shorthands for what a test does to its captions. */
async function newLedger() {
  collections += 1;
  const { db } = database;
  const { id: corpusId } = await ensureCorpus(db, { name: `ledger ${collections}` });
  const sha256 = `${collections}`.padStart(64, "0");
  const { imageId } = await registerImage(db, { corpusId, sha256, origin: "/a.png", attributes: {} });
  const add = async (text: string, source: CaptionSource, logits?: readonly [match: number, noMatch: number]) => {
    const model = source === "SYNTHETIC" ? { modelFingerprint: "captioner" } : {};
    const { id } = await addCaption(db, { imageId, text, source, ...model });
    if (logits) await score(id, logits);
    return id;
  };
  const score = (captionId: string, [itmLogit, itmNoMatchLogit]: readonly [number, number], filter = FILTER) =>
    saveCaptionScores(db, [{ captionId, filterFingerprint: filter, itcCosine: 0.5, itmLogit, itmNoMatchLogit }]);
  const policyOf = (rule: Partial<FilterRule> = {}, filterFingerprint = FILTER) =>
    db.transaction((tx) =>
      ensureFilterPolicy(tx, { corpusId, filterFingerprint, filterName: "f", rule: { ...BLIP_RULE, ...rule } }),
    );
  const decide = async (rule: Partial<FilterRule> = {}) => {
    const { id: policyId } = await policyOf(rule);
    const changed = await decideCaptions(db, { policyId, imageIds: null });
    await activateFilterPolicy(db, policyId);
    return changed;
  };
  const verdictOf = async (captionId: string) => {
    const caption = await findCaption(db, captionId);
    return [caption?.verdict, caption?.reason];
  };
  return { db, corpusId, imageId, add, score, policyOf, decide, verdictOf };
}

test("keeps what matches by BLIP's softmax and rejects what does not, in web and synthetic texts alike", async () => {
  const { add, decide, verdictOf } = await newLedger();
  const kept = await add("a red apple", "WEB", [1.1, 1]);
  const rejected = await add("a grey elephant", "WEB", [0.9, 1]);
  const synthetic = await add("an apple", "SYNTHETIC", [5, -5]);
  const waiting = await add("an apple that no filter has seen", "WEB");
  expect(await decide()).toBe(3);
  expect(await verdictOf(kept)).toEqual(["KEPT", "MATCHES"]);
  expect(await verdictOf(rejected)).toEqual(["REJECTED", "BELOW_THRESHOLD"]);
  expect(await verdictOf(synthetic)).toEqual(["KEPT", "MATCHES"]);
  expect(await verdictOf(waiting)).toEqual([null, null]);
  expect(await decide()).toBe(0);
});

test("never rejects what a person wrote, whatever the filter says", async () => {
  const { add, decide, verdictOf } = await newLedger();
  const written = await add("our garden in may", "HUMAN", [-9, 9]);
  await decide({ keepFrom: { WEB: 1, SYNTHETIC: 1, IMPORTED: 1 } });
  expect(await verdictOf(written)).toEqual(["KEPT", "WRITTEN_BY_A_PERSON"]);
});

test("decides again under another policy without a model, and back", async () => {
  const { db, corpusId, add, policyOf, decide, verdictOf } = await newLedger();
  const caption = await add("a red apple", "WEB", [1, 0]);
  await decide();
  const strict = { keepFrom: { ...BLIP_RULE.keepFrom, WEB: 0.75 } };
  expect(await decide(strict)).toBe(1);
  expect(await verdictOf(caption)).toEqual(["REJECTED", "BELOW_THRESHOLD"]);
  expect(await decide({ ...strict, slope: 2 })).toBe(1);
  expect(await verdictOf(caption)).toEqual(["KEPT", "MATCHES"]);
  await activateFilterPolicy(db, (await policyOf()).id);
  expect((await activeFilterPolicy(db, corpusId))?.version).toBe(1);
  expect(await verdictOf(caption)).toEqual(["KEPT", "MATCHES"]);
  expect((await listFilterPolicies(db, corpusId)).map(({ version, active }) => [version, active])).toEqual([
    [3, false],
    [2, false],
    [1, true],
  ]);
});

test("gates texts that say the same word again and again, and keeps only the best of a picture's synthetic captions", async () => {
  const { add, decide, verdictOf } = await newLedger();
  const loop = await add("a dog a dog a dog a dog", "SYNTHETIC", [9, 0]);
  const best = await add("a dog on a beach", "SYNTHETIC", [5, 0]);
  const second = await add("a brown dog", "SYNTHETIC", [4, 0]);
  const web = await add("a dog", "WEB", [1, 0]);
  await decide({ bestOf: 2 });
  expect(await verdictOf(loop)).toEqual(["REJECTED", "REPETITIVE"]);
  expect(await verdictOf(best)).toEqual(["KEPT", "MATCHES"]);
  expect(await verdictOf(second)).toEqual(["REJECTED", "NOT_AMONG_BEST"]);
  expect(await verdictOf(web)).toEqual(["KEPT", "MATCHES"]);
});

test("leaves texts of another language unjudged, and judges where the language is unknown", async () => {
  const { db, add, decide, verdictOf } = await newLedger();
  const german = await add("eine Wiese am Morgen", "WEB", [-5, 5]);
  const unknown = await add("apple", "WEB", [5, -5]);
  await saveLanguages(db, [
    { captionId: german, language: "de" },
    { captionId: unknown, language: "und" },
  ]);
  await decide();
  expect(await verdictOf(german)).toEqual(["UNJUDGED", "OTHER_LANGUAGE"]);
  expect(await verdictOf(unknown)).toEqual(["KEPT", "MATCHES"]);
  await decide({ languages: [] });
  expect(await verdictOf(german)).toEqual(["REJECTED", "BELOW_THRESHOLD"]);
});

test("judges a long text by its sentences", async () => {
  const { db, imageId, add, decide, verdictOf } = await newLedger();
  const whole = await add("We went to Rome. A red apple lies on a table.", "WEB");
  const parts = ["We went to Rome.", "A red apple lies on a table."].map((text) =>
    addCaption(db, { imageId, text, source: "WEB", partOf: whole }),
  );
  const [first, second] = await Promise.all(parts);
  const unscored = await captionsToScore(db, { imageIds: [imageId], filterFingerprint: FILTER });
  expect(unscored.find(({ captionId }) => captionId === whole)?.hasParts).toBe(true);
  await saveCaptionScores(db, [
    { captionId: first?.id ?? "", filterFingerprint: FILTER, itcCosine: 0, itmLogit: -1, itmNoMatchLogit: 1 },
    { captionId: second?.id ?? "", filterFingerprint: FILTER, itcCosine: 0, itmLogit: 1, itmNoMatchLogit: -1 },
  ]);
  await decide();
  expect(await verdictOf(whole)).toEqual(["UNJUDGED", "JUDGED_BY_SENTENCES"]);
  expect(await verdictOf(first?.id ?? "")).toEqual(["REJECTED", "BELOW_THRESHOLD"]);
  expect(await verdictOf(second?.id ?? "")).toEqual(["KEPT", "MATCHES"]);
});

test("lets the latest review of a person stand above every policy", async () => {
  const { db, add, decide, verdictOf } = await newLedger();
  const caption = await add("a red apple", "SYNTHETIC", [-1, 1]);
  await reviewCaption(db, { captionId: caption, verdict: "KEPT", reviewer: "ann", note: "it is one" });
  await decide();
  expect(await verdictOf(caption)).toEqual(["KEPT", "REVIEWED"]);
  await reviewCaption(db, { captionId: caption, verdict: "REJECTED", reviewer: "bob" });
  expect(await verdictOf(caption)).toEqual(["REJECTED", "REVIEWED"]);
  await expect(reviewCaption(db, { captionId: "none", verdict: "KEPT", reviewer: "ann" })).rejects.toThrow("none");
});

test("keeps a caption that a person replaced in the ledger, where it counts no longer", async () => {
  const { db, imageId, add, decide, verdictOf } = await newLedger();
  const old = await add("a pear", "WEB", [5, -5]);
  await decide();
  const written = await replaceCaption(db, { captionId: old, text: "a red apple", author: "ann" });
  expect(await verdictOf(old)).toEqual(["REJECTED", "SUPERSEDED"]);
  expect(written).toMatchObject({ source: "HUMAN", author: "ann", verdict: "KEPT" });
  expect((await captionsOf(db, [imageId])).get(imageId)?.map(({ text }) => text)).toEqual(["a pear", "a red apple"]);
});

test("takes a run of the captioner back as a whole, and begins a new one only when something differs", async () => {
  const { db, corpusId, imageId, decide, verdictOf } = await newLedger();
  const settings = {
    corpusId,
    captionerFingerprint: "captioner",
    captionerName: "c",
    prompt: null,
    decoding: { method: "nucleus", topP: 0.9, seed: 1 },
    captionsPerImage: 1,
  };
  const start = (changes = {}) => db.transaction((tx) => startCaptionRun(tx, { ...settings, ...changes }));
  const run = await start();
  expect((await start()).id).toBe(run.id);
  const written = { imageId, text: "a red apple", source: "SYNTHETIC", modelFingerprint: "captioner" } as const;
  const { id } = await addCaption(db, { ...written, runId: run.id, decoding: settings.decoding, seed: 1 });
  await saveCaptionScores(db, [
    { captionId: id, filterFingerprint: FILTER, itcCosine: 0.5, itmLogit: 3, itmNoMatchLogit: -3 },
  ]);
  await decide();
  const other = await start({ captionsPerImage: 2 });
  expect((await listCaptionRuns(db, corpusId)).map(({ id: runId, kept }) => [runId, kept])).toEqual([
    [other.id, 0],
    [run.id, 1],
  ]);
  expect(await revertCaptionRun(db, run.id)).toBe(1);
  expect(await verdictOf(id)).toEqual(["REJECTED", "RUN_REVERTED"]);
  expect((await start()).id).not.toBe(run.id);
  await expect(revertCaptionRun(db, "none")).rejects.toThrow('There is no caption run "none".');
});

test("opens the steps of captions and filter again for a new run, a new text and another filter", async () => {
  const { db, corpusId, imageId, add, score } = await newLedger();
  const space = { fingerprint: `ledger ${collections}`, name: "m", dimensions: 2, preprocessing: {} };
  const { id: spaceId } = await ensureSpace(db, space);
  await planSteps(db, { corpusId, spaceId, steps: ["caption", "filter"] });
  const finish = async () => {
    for (const step of ["prepare", "embed", "caption", "filter"] as const) {
      await completeSteps(db, { step, spaceId: step === "prepare" ? null : spaceId, imageIds: [imageId] });
    }
  };
  const open = async () => {
    const counts = await stepCounts(db, corpusId, spaceId);
    return (["caption", "filter"] as const).filter((step) => counts[step].pending === 1);
  };
  await finish();
  const caption = await add("a red apple", "WEB");
  expect(await open()).toEqual(["filter"]);
  await score(caption, [1, 0]);
  await finish();
  expect(await reopenUnscored(db, { corpusId, filterFingerprint: FILTER })).toBe(0);
  expect(await reopenUnscored(db, { corpusId, filterFingerprint: "filter 2" })).toBe(1);
  await finish();
  const decoding = { method: "greedy" };
  const run = { corpusId, captionerFingerprint: "c", captionerName: "c", prompt: null, decoding, captionsPerImage: 1 };
  await db.transaction((tx) => startCaptionRun(tx, run));
  expect(await open()).toEqual(["caption", "filter"]);
});

test("explains a verdict with every number that led to it", async () => {
  const { db, corpusId, add, score, decide } = await newLedger();
  const caption = await add("a red apple", "WEB", [2, 1]);
  await score(caption, [0.25, 0], "another filter");
  await decide();
  await decide({ keepFrom: { ...BLIP_RULE.keepFrom, WEB: 0.9 } });
  await reviewCaption(db, { captionId: caption, verdict: "KEPT", reviewer: "ann", note: "surely" });
  const explained = await explainCaption(db, caption);
  expect(explained).toMatchObject({
    caption: { text: "a red apple", verdict: "KEPT", reason: "REVIEWED" },
    run: null,
    distinctWords: 1,
    words: 3,
    parts: [],
    reviews: [{ verdict: "KEPT", reviewer: "ann", note: "surely" }],
    decisions: [
      { version: 2, active: true, verdict: "REJECTED", reason: "BELOW_THRESHOLD", filterFingerprint: FILTER },
      { version: 1, active: false, verdict: "KEPT", reason: "MATCHES", rule: BLIP_RULE },
    ],
  });
  expect(explained?.decisions[0]?.matchProbability).toBeCloseTo(1 / (1 + Math.exp(-1)), 9);
  expect(explained?.scores).toHaveLength(2);
  expect(await explainCaption(db, corpusId)).toBeNull();
  expect(await countVerdicts(db, corpusId)).toEqual([
    { source: "WEB", verdict: "KEPT", reason: "REVIEWED", captions: 1 },
  ]);
});

test("stands logits of any size", async () => {
  const { add, decide, verdictOf } = await newLedger();
  const sure = await add("a red apple", "WEB", [1e6, -1e6]);
  const never = await add("a pear", "WEB", [-1e6, 1e6]);
  await decide({ slope: 1e3 });
  expect(await verdictOf(sure)).toEqual(["KEPT", "MATCHES"]);
  expect(await verdictOf(never)).toEqual(["REJECTED", "BELOW_THRESHOLD"]);
});

import { failed, InferenceError, type Match, type Outcome, succeeded } from "@medley/inference-api";
import { expect, test } from "vitest";
import type { ClausePlace } from "./query.ts";
import { type JudgedClause, type Picture, quickOrder, rankPictures, type TextEvidence } from "./rank.ts";
import { describeFailures } from "./report.ts";

type Candidate = Picture & TextEvidence & { readonly itcCosine: number };

/** The hits of a query with one text, with the scores of that text. */
function rankCandidates(
  list: readonly Candidate[],
  matches: Outcome<Match>[],
  { itc, text }: { itc: number; text: number },
) {
  const known = new Map(list.map((candidate) => [candidate.imageId, candidate]));
  const clause: JudgedClause = {
    place: "ALL",
    isText: true,
    cosineOf: (imageId) => known.get(imageId)?.itcCosine ?? null,
    textsOf: (imageId) => {
      const { textShare = 0, textCosine = null, textScore = 0 } = known.get(imageId) ?? {};
      return { textShare, textCosine, textScore };
    },
    matches,
  };
  const pictures = list.map(({ imageId, sha256, rankBeforeRerank }) => ({ imageId, sha256, rankBeforeRerank }));
  const { hits, failures } = rankPictures(pictures, [clause], {
    itcWeight: itc,
    textWeight: text,
    probabilityOf: null,
  });
  const flat = hits.map(({ clauses, score, ...hit }) => {
    if (clauses[0] === undefined) throw new Error("a hit without scores");
    const { fit: _fit, place: _place, ...scores } = clauses[0];
    return { ...scores, ...hit, fusedScore: score };
  });
  return { hits: flat, failures };
}

const textless = { textShare: 0, textCosine: null, textScore: 0 };
const candidates: Candidate[] = [
  { imageId: "a", sha256: "aa", itcCosine: 0.9, rankBeforeRerank: 1, ...textless },
  { imageId: "b", sha256: "bb", itcCosine: 0.5, rankBeforeRerank: 2, ...textless },
  { imageId: "c", sha256: "cc", itcCosine: 0.4, rankBeforeRerank: 3, ...textless },
  { imageId: "d", sha256: "dd", itcCosine: 0.1, rankBeforeRerank: 4, ...textless },
];
const match = (itmLogit: number) => succeeded<Match>({ itmLogit, itmNoMatchLogit: -itmLogit });
const lost = (message: string) => failed<Match>(new InferenceError("IMAGE_NOT_FOUND", message));

function orderOf(matches: Outcome<Match>[], itc: number, list = candidates, text = 0.5): string {
  return rankCandidates(list, matches, { itc, text })
    .hits.map(({ imageId }) => imageId)
    .join("");
}

test("orders by itmLogit + w * itcCosine", () => {
  const matches = [match(0), match(0.3), match(3), match(-2)];
  expect(orderOf(matches, 0)).toBe("cbad");
  expect(orderOf(matches, 1)).toBe("cabd");
  expect(orderOf(matches, 100)).toBe("abcd");
});

test("gives each hit both of its scores, both of its ranks and what it was ordered by", () => {
  const [first, second] = rankCandidates(candidates.slice(0, 2), [match(-1), match(1)], { itc: 2, text: 0.5 }).hits;
  expect(first).toEqual({
    ...candidates[1],
    itmLogit: 1,
    matchProbability: null,
    rerankScore: 2,
    fusedScore: 0.5,
    rankAfterRerank: 1,
  });
  expect(second).toMatchObject({
    imageId: "a",
    itmLogit: -1,
    rerankScore: 0.8,
    fusedScore: 0,
    rankBeforeRerank: 1,
    rankAfterRerank: 2,
  });
});

test("keeps the order of the vector search between equal pictures", () => {
  const same = candidates.map((candidate) => ({ ...candidate, itcCosine: 0.5 }));
  expect(orderOf([match(1), match(1), match(1), match(1)], 1, same)).toBe("abcd");
});

test("mixes in what the pictures' own texts say, by the weight of texts", () => {
  const matches = [match(0), match(0), match(0), match(0)];
  const named = candidates.map((each, index) => ({ ...each, textScore: index === 3 ? 1 : 0 }));
  expect(orderOf(matches, 1, named, 0)).toBe("abcd");
  expect(orderOf(matches, 1, named, 0.3)).toBe("abdc");
  expect(orderOf(matches, 1, named, 0.6)).toBe("dabc");
  const { hits } = rankCandidates(named, matches, { itc: 1, text: 0.25 });
  expect(hits.find(({ imageId }) => imageId === "b")?.fusedScore).toBeCloseTo(0.375, 9);
  expect(hits.find(({ imageId }) => imageId === "d")?.fusedScore).toBeCloseTo(0.25, 9);
});

test("puts a picture whose texts say it all before the one that the models find best when both weigh the same", () => {
  const matches = [match(0), match(0), match(0), match(0)];
  const named = candidates.map((each, index) => ({ ...each, textScore: index === 3 ? 1 : 0 }));
  expect(orderOf(matches, 1, named, 0.5)).toBe("dabc");
});

test("orders pictures that only their texts found among the others, and behind the vector search's when none is judged", () => {
  const found = { imageId: "e", sha256: "ee", itcCosine: 0.3, rankBeforeRerank: null, ...textless, textScore: 1 };
  expect(orderOf([match(0), match(0), match(0), match(0), match(0)], 1, [...candidates, found], 0.7)).toBe("eabcd");
  expect(orderOf([], 1, [found, ...candidates], 0.7)).toBe("abcde");
});

test("keeps the order of itcCosine when nothing was matched", () => {
  const { hits, failures } = rankCandidates(candidates, [], { itc: 1, text: 0.5 });
  expect(hits.map(({ imageId }) => imageId).join("")).toBe("abcd");
  expect(hits.every(({ itmLogit, rerankScore }) => itmLogit === null && rerankScore === null)).toBe(true);
  expect(failures).toEqual([]);
});

test("puts pictures that could not be matched below the others, in the order of itcCosine, and names them", () => {
  const matches = [lost("a is gone"), match(-9), lost("c is gone"), match(-5)];
  expect(orderOf(matches, 1)).toBe("dbac");
  expect(rankCandidates(candidates, matches, { itc: 1, text: 0.5 }).failures).toEqual([
    { imageId: "a", code: "IMAGE_NOT_FOUND", message: "a is gone" },
    { imageId: "c", code: "IMAGE_NOT_FOUND", message: "c is gone" },
  ]);
});

test("puts pictures beyond the matched depth below the matched ones without calling them failures", () => {
  const matches = [match(-5), match(1)];
  expect(orderOf(matches, 1)).toBe("bacd");
  expect(rankCandidates(candidates, matches, { itc: 1, text: 0.5 }).failures).toEqual([]);
});

test("takes a logit that is not a number for a failure of the engine", () => {
  const { hits, failures } = rankCandidates(candidates.slice(0, 2), [match(Number.NaN), match(-4)], {
    itc: 1,
    text: 0.5,
  });
  expect(hits.map(({ imageId }) => imageId)).toEqual(["b", "a"]);
  expect(failures).toMatchObject([{ imageId: "a", code: "ENGINE_FAILED" }]);
});

test("orders nothing when there is nothing", () => {
  expect(rankCandidates([], [], { itc: 1, text: 0.5 })).toEqual({ hits: [], failures: [] });
});

test("says one sentence for each cause of failure, and whether anything was re-ranked", () => {
  const failures = [
    { imageId: "a", code: "DEADLINE_EXCEEDED", message: "Out of time." },
    { imageId: "b", code: "DEADLINE_EXCEEDED", message: "Out of time." },
    { imageId: "c", code: "IMAGE_NOT_FOUND", message: "c is gone." },
  ] as const;
  expect(describeFailures(failures, 5)).toEqual([
    {
      stage: "RERANK",
      code: "DEADLINE_EXCEEDED",
      images: 2,
      message: "2 of 5 candidates not re-ranked; they stand below the others. First cause: Out of time.",
    },
    {
      stage: "RERANK",
      code: "IMAGE_NOT_FOUND",
      images: 1,
      message: "1 of 5 candidates not re-ranked; they stand below the others. First cause: c is gone.",
    },
  ]);
  expect(describeFailures(failures.slice(0, 2), 2)[0]?.message).toBe(
    "Nothing was re-ranked; hits are in the order of itcCosine. Cause: Out of time.",
  );
  expect(describeFailures([], 0)).toEqual([]);
});

const plainPictures = ["a", "b", "c"].map((imageId, index) => ({
  imageId,
  sha256: imageId,
  rankBeforeRerank: index + 1,
}));

/** A clause that the models are certain about: probability 1, 0.5 or 0 of a, b, c by "1", "?", "0". */
function certain(place: ClausePlace, of: string): JudgedClause {
  const logit = { "1": 100, "?": 0, "0": -100 };
  return {
    place,
    isText: true,
    cosineOf: () => 0,
    textsOf: () => textless,
    matches: [...of].map((each) => match(logit[each as keyof typeof logit])),
  };
}

function joined(clauses: readonly JudgedClause[]) {
  const rule = { itcWeight: 1, textWeight: 0, probabilityOf: (score: number) => 1 / (1 + Math.exp(-score)) };
  const { hits } = rankPictures(plainPictures, clauses, rule);
  return hits.map(({ imageId, matchProbability }) => `${imageId} ${(matchProbability ?? Number.NaN).toFixed(2)}`);
}

test("joins clauses as probabilities: all of them, any of them, none of them", () => {
  expect(joined([certain("ALL", "11?"), certain("ALL", "?11")])).toEqual(["b 1.00", "a 0.50", "c 0.50"]);
  expect(joined([certain("ANY", "010"), certain("ANY", "?01")])).toEqual(["b 1.00", "c 1.00", "a 0.50"]);
  expect(joined([certain("ALL", "111"), certain("NONE", "10?")])).toEqual(["b 1.00", "c 0.50", "a 0.00"]);
  expect(joined([certain("ALL", "1?0"), certain("ANY", "111"), certain("NONE", "000")])).toEqual([
    "a 1.00",
    "b 0.50",
    "c 0.00",
  ]);
});

test("scales each clause by itself where no probability is known, so that none outweighs another", () => {
  const clause = (place: ClausePlace, logits: number[]): JudgedClause => ({
    place,
    isText: true,
    cosineOf: () => 0,
    textsOf: () => textless,
    matches: logits.map(match),
  });
  const rule = { itcWeight: 1, textWeight: 0, probabilityOf: null };
  const loud = clause("ALL", [9000, 8000, 0]);
  const { hits } = rankPictures(plainPictures, [loud, clause("ALL", [0, 0.09, 0.1])], rule);
  expect(hits.map(({ imageId }) => imageId).join("")).toBe("bac");
  expect(hits.every(({ matchProbability }) => matchProbability === null)).toBe(true);
});

test("judges a clause that is a picture by its cosine, also where nothing was matched", () => {
  const cosines: Record<string, number> = { a: 0.2, b: 0.9, c: 0.5 };
  const picture: JudgedClause = {
    place: "ALL",
    isText: false,
    cosineOf: (imageId) => cosines[imageId] ?? null,
    textsOf: () => textless,
    matches: null,
  };
  const rule = { itcWeight: 1, textWeight: 0.5, probabilityOf: () => 0.5 };
  const alone = rankPictures(plainPictures, [picture], rule).hits;
  expect(alone.map(({ imageId, score }) => [imageId, score])).toEqual([
    ["b", 1],
    ["c", expect.closeTo(3 / 7, 9)],
    ["a", 0],
  ]);
  expect(alone[0]).toMatchObject({ matchProbability: null, clauses: [{ itcCosine: 0.9, itmLogit: null }] });
});

test("does not judge a picture that one of its clauses could not be matched with, and names it once", () => {
  const partly: JudgedClause = { ...certain("NONE", "00"), matches: [lost("a is gone"), match(0)] };
  const { hits, failures } = rankPictures(plainPictures, [certain("ALL", "11"), partly, partly], {
    itcWeight: 1,
    textWeight: 0,
    probabilityOf: null,
  });
  expect(hits.map(({ imageId, score }) => [imageId, score === null])).toEqual([
    ["b", false],
    ["a", true],
    ["c", true],
  ]);
  expect(failures).toEqual([{ imageId: "a", code: "IMAGE_NOT_FOUND", message: "a is gone" }]);
});

test("keeps a picture away whose texts name what none excludes, though the models do not see it, and no other for its texts", () => {
  const named = (imageId: string) => (imageId === "b" ? { textShare: 1, textCosine: null, textScore: 1 } : textless);
  const near = (imageId: string) =>
    imageId === "c" ? { textShare: 0, textCosine: 0.2, textScore: 1 } : named(imageId);
  const clause: JudgedClause = { ...certain("NONE", "000"), textsOf: near };
  const rule = { itcWeight: 1, textWeight: 0.5, probabilityOf: (score: number) => 1 / (1 + Math.exp(-score)) };
  const { hits } = rankPictures(plainPictures, [certain("ALL", "???"), clause], rule);
  expect(hits.map(({ imageId, score }) => [imageId, (score ?? Number.NaN).toFixed(2)])).toEqual([
    ["a", "0.25"],
    ["c", "0.25"],
    ["b", "0.00"],
  ]);
  const alone = rankPictures(plainPictures, [certain("ALL", "???"), clause], { ...rule, textWeight: 0 }).hits;
  expect(alone.map(({ imageId }) => imageId).join("")).toBe("abc");
});

test("orders what nobody has judged by cosines and texts, and keeps pictures in that order until they are judged", () => {
  const texts: Record<string, number> = { d: 1 };
  const clause: JudgedClause = {
    place: "ALL",
    isText: true,
    cosineOf: (imageId) => candidates.find((candidate) => candidate.imageId === imageId)?.itcCosine ?? null,
    textsOf: (imageId) => ({ ...textless, textScore: texts[imageId] ?? 0 }),
    matches: [undefined, match(-1), undefined, match(-2)],
  };
  const pictures = candidates.map(({ imageId, sha256, rankBeforeRerank }) => ({ imageId, sha256, rankBeforeRerank }));
  const rule = { itcWeight: 1, textWeight: 0.6, probabilityOf: null };
  expect(quickOrder(pictures, [clause], { ...rule, textWeight: 0 }).join("")).toBe("abcd");
  expect(quickOrder(pictures, [clause], rule).join("")).toBe("dabc");
  const orderWith = (unjudgedOrder?: string[]) =>
    rankPictures(pictures, [clause], { ...rule, unjudgedOrder })
      .hits.map(({ imageId }) => imageId)
      .join("");
  expect(orderWith()).toBe("dbac");
  expect(orderWith(["d", "c", "b", "a"])).toBe("dbca");
});

import { failed, InferenceError, type Match, type Outcome, succeeded } from "@medley/inference-api";
import { expect, test } from "vitest";
import { type Candidate, rankCandidates } from "./rank.ts";
import { describeFailures } from "./report.ts";

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

import { expect, test } from "vitest";
import { answerModeOf, answerValue } from "./question-columns.ts";

test("ranks the whole of a closed list, and generates otherwise", () => {
  expect(answerModeOf({ answers: ["red", "blue"] })).toEqual({ mode: "rank", answers: ["red", "blue"], candidates: 2 });
  expect(answerModeOf({ answers: null })).toMatchObject({ mode: "generate", decoding: { method: "beam", beams: 3 } });
});

test("reads an answer in the type of its question, or not at all", () => {
  expect([answerValue({ type: "BOOLEAN" }, "yes"), answerValue({ type: "BOOLEAN" }, "no")]).toEqual([true, false]);
  expect(answerValue({ type: "CATEGORY" }, "dark red")).toBe("dark red");
  expect([answerValue({ type: "TEXT" }, " a dog "), answerValue({ type: "TEXT" }, " ")]).toEqual(["a dog", null]);
  const numberOf = (answer: string) => answerValue({ type: "NUMBER" }, answer);
  expect(["2", "two", "Twenty", "12 people", "none", "3 . 5", "1 , 200"].map(numberOf)).toEqual([
    2, 2, 20, 12, 0, 3.5, 1200,
  ]);
  expect(["many", "", "a lot", "2nd", "1e9"].map(numberOf)).toEqual([null, null, null, null, null]);
});

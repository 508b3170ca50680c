import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { isHeldOutAuthor } from "./clip-art.ts";

const LABELS = ["TRUE", "PARTLY", "FALSE", "EMPTY", "FOREIGN", "UNCLEAR"];

interface LabelledPair {
  readonly source: string;
  readonly author: string;
  readonly text: string;
  readonly label: string;
  readonly foreignTrue?: boolean;
  readonly truth: string;
  readonly note?: string;
}

const pairs: LabelledPair[] = readFileSync(new URL("labels.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));

test("labels 240 pairs, each once", () => {
  expect(pairs).toHaveLength(240);
  expect(new Set(pairs.map(({ source }) => source)).size).toBe(240);
});

test("gives a label and a true description of three to ten words to each pair", () => {
  expect(pairs.filter((pair) => !isWellFormed(pair))).toEqual([]);
});

test("holds pairs of held-out authors only", () => {
  expect(pairs.filter(({ author }) => !isHeldOutAuthor(author))).toEqual([]);
});

test("knows the authors that the bundled model learned from", () => {
  // Both sides as medley_pretraining/splits.py decides them.
  expect(isHeldOutAuthor("Nicu Buculei")).toBe(true);
  expect(isHeldOutAuthor("Dan Gerhards")).toBe(false);
});

function isWellFormed({ source, author, text, label, foreignTrue, truth, note, ...others }: LabelledPair): boolean {
  const words = truth.split(/\s+/).length;
  return (
    /^[^/].*\.svg$/.test(source) &&
    author !== "" &&
    text.trim() !== "" &&
    LABELS.includes(label) &&
    typeof foreignTrue === (label === "FOREIGN" ? "boolean" : "undefined") &&
    words >= 3 &&
    words <= 10 &&
    (note ?? (label === "UNCLEAR" ? "" : "none")) !== "" &&
    Object.keys(others).length === 0
  );
}

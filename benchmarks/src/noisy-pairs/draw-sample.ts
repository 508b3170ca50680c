// Draws the pairs that were labelled by hand and prints them as JSON lines: node draw-sample.ts MANIFEST
import { readFileSync } from "node:fs";
import type { Pair } from "./build-corpus.ts";
import { isHeldOutAuthor } from "./clip-art.ts";

const SEED = 20261125;
const SAMPLE_SIZE = 240;

const pairs: Pair[] = readFileSync(process.argv[2] ?? "manifest.jsonl", "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));
const random = mulberry32(SEED);
// Nothing but the author decides who can be drawn; copies of a picture stay in.
const sample = pairs
  .filter(({ attributes }) => isHeldOutAuthor(attributes.author))
  .sort((one, other) => (one.attributes.source < other.attributes.source ? -1 : 1))
  .map((pair) => ({ pair, ticket: random() }))
  .sort((one, other) => one.ticket - other.ticket)
  .slice(0, SAMPLE_SIZE);
for (const { pair } of sample) console.log(JSON.stringify(pair));

/** Uniform numbers in [0, 1) from a 32-bit seed (Mulberry32 by Tommy Ettinger, public domain). */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

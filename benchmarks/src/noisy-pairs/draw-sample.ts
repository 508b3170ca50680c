// Draws the pairs that were labelled by hand and prints them as JSON lines: node draw-sample.ts MANIFEST
import { readFileSync } from "node:fs";
import type { Pair } from "./build-corpus.ts";
import { randomSource } from "../random-source.ts";
import { isHeldOutAuthor } from "./clip-art.ts";

const SEED = 20261125;
const SAMPLE_SIZE = 240;

const pairs: Pair[] = readFileSync(process.argv[2] ?? "manifest.jsonl", "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));
const random = randomSource(SEED);
// Nothing but the author decides who can be drawn; copies of a picture stay in.
const sample = pairs
  .filter(({ attributes }) => isHeldOutAuthor(attributes.author))
  .sort((one, other) => (one.attributes.source < other.attributes.source ? -1 : 1))
  .map((pair) => ({ pair, ticket: random() }))
  .sort((one, other) => one.ticket - other.ticket)
  .slice(0, SAMPLE_SIZE);
for (const { pair } of sample) console.log(JSON.stringify(pair));

// npm run bench -- encode rerank caption start responsiveness redecide ingest search gateway [--json] [--runs 5] [--threads 2]
//   ingest: [--part preparation|embeddings|rate|memory] [--pictures 400] [--memory-pictures 3000]
//   search: [--set glosses|clusters] [--vectors 100000]
import { parseArgs } from "node:util";
import { caption } from "./benches/caption.ts";
import { encode } from "./benches/encode.ts";
import { ingest, INGEST_PARTS, type IngestSizes } from "./benches/ingest.ts";
import { gateway } from "./benches/gateway.ts";
import { redecide } from "./benches/redecide.ts";
import { rerank } from "./benches/rerank.ts";
import { responsiveness } from "./benches/responsiveness.ts";
import { search, type SearchSizes, VECTOR_SETS } from "./benches/search.ts";
import { start } from "./benches/start.ts";
import type { Measurement } from "./measure.ts";
import { benchServer, noServer } from "./redecide/bench-database.ts";

const BENCHES: Readonly<
  Record<string, (runs: number, threads: number, sizes: IngestSizes & SearchSizes) => Promise<readonly Measurement[]>>
> = {
  encode,
  rerank,
  caption,
  start,
  responsiveness,
  redecide,
  ingest,
  search,
  gateway,
};

/** Benches that a PostgreSQL server is needed for. */
const ON_A_SERVER = ["redecide", "search"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    runs: { type: "string", default: "5" },
    threads: { type: "string", default: "2" },
    part: { type: "string", multiple: true, default: [...INGEST_PARTS] },
    pictures: { type: "string", default: "400" },
    "memory-pictures": { type: "string", default: "3000" },
    set: { type: "string", multiple: true, default: [...VECTOR_SETS] },
    vectors: { type: "string", default: "100000" },
  },
});
const { part: parts } = values;
const unknownPart = parts.find((name) => !INGEST_PARTS.some((part) => part === name));
if (unknownPart !== undefined) {
  console.error(`Unknown part of ingest: ${unknownPart}. There are: ${INGEST_PARTS.join(", ")}.`);
  process.exit(2);
}
const unknownSet = values.set.find((name) => !VECTOR_SETS.some((set) => set === name));
if (unknownSet !== undefined) {
  console.error(`Unknown set of vectors: ${unknownSet}. There are: ${VECTOR_SETS.join(", ")}.`);
  process.exit(2);
}
const runs = wholeNumber("runs", values.runs);
const threads = wholeNumber("threads", values.threads);
const sizes = {
  parts,
  pictures: wholeNumber("pictures", values.pictures),
  memoryPictures: wholeNumber("memory-pictures", values["memory-pictures"]),
  vectors: wholeNumber("vectors", values.vectors),
  sets: values.set,
};
const unknown = positionals.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`Unknown benchmark: ${unknown.join(", ")}. There are: ${Object.keys(BENCHES).join(", ")}.`);
  process.exit(2);
}
const named = positionals.length > 0 ? positionals : Object.keys(BENCHES);
for (const name of ON_A_SERVER) {
  if (!named.includes(name) || benchServer()) continue;
  console.error(noServer(name));
  if (positionals.length > 0) process.exit(2);
  named.splice(named.indexOf(name), 1);
}
for (const name of named) {
  for (const one of await (BENCHES[name] as (typeof BENCHES)[string])(runs, threads, sizes)) {
    console.log(values.json ? JSON.stringify(one) : describe(one));
  }
}

function wholeNumber(option: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  console.error(`--${option} is "${text}", expected a whole number from 1 on.`);
  process.exit(2);
}

function describe({ bench, metric, ours, baseline, ratio, unit, runs, cpu }: Measurement): string {
  const figures = `ours ${ours.toPrecision(3)} ${unit}, baseline ${baseline.toPrecision(3)} ${unit}`;
  const share = `ours / baseline ${(ours / baseline).toFixed(2)}, ${ratio.toFixed(2)} x better`;
  return `${bench}: ${metric}: ${figures}; ${share} (median of ${runs}, ${cpu})`;
}

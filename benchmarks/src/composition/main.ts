// How right searches of several conditions are: by clauses, by vector arithmetic, and by a plain sentence (README.md, docs/composition.md).
//   npm run composition -w @medley/benchmarks [-- --output answers.jsonl]
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { openDemoInstallation } from "./demo-installation.ts";
import { LOOKED_AT } from "./precision.ts";
import { type CompositionQuery, readCompositionQueries } from "./read-queries.ts";
import {
  type Answers,
  compare,
  FIGURES,
  judge,
  summarise,
  tableOfDifferences,
  tableOfMeans,
  type WayDifference,
} from "./summary.ts";
import { type Corpus, type Way, WAYS } from "./ways.ts";

const { values } = parseArgs({
  options: {
    // One JSON object a line: every answer, then the figures.
    output: { type: "string" },
  },
});

const queries = readCompositionQueries();
const answers = await askAll();
const ours = answers.filter(({ way }) => way.startsWith("clauses"));
const others = answers.filter(({ way }) => !way.startsWith("clauses"));
const pairs = [
  ...ours.flatMap((first) => others.map((second) => [first, second] as const)),
  ...pairsByCalibration(ours),
];
const means = FIGURES.map((figure) => answers.map((answer) => summarise(queries, answer, figure)));
const differences = FIGURES.map((figure) => pairs.map((pair): WayDifference => compare(queries, pair, figure)));
for (const [index, figure] of FIGURES.entries()) {
  console.log(`\n${figure === "bounded" ? "hits among min(10, right)" : "precision@10"}\n`);
  for (const line of tableOfMeans(means[index] ?? [])) console.log(line);
  console.log("");
  for (const line of tableOfDifferences(differences[index] ?? [])) console.log(line);
}
if (values.output !== undefined) {
  await writeRecords(values.output, [...queries.map(recordOf), ...means.flat(), ...differences.flat()]);
}

async function askAll(): Promise<Answers[]> {
  console.error("Bringing the demo corpus into a new installation ...");
  await using installation = await openDemoInstallation();
  const { corpus, calibrate } = installation;
  const before: Answers[] = [];
  for (const way of WAYS) before.push(await askEach(corpus, way, way.calibrates ? ", not calibrated" : ""));
  await calibrate();
  const after: Answers[] = [];
  for (const way of WAYS.filter(({ calibrates }) => calibrates)) {
    after.push(await askEach(corpus, way, ", calibrated"));
  }
  return [...after, ...before];
}

async function askEach(corpus: Corpus, { name, ask }: Way, state: string): Promise<Answers> {
  const way = `${name}${state}`;
  console.error(`${way} ...`);
  const rankings: string[][] = [];
  for (const query of queries) rankings.push((await ask(corpus, query)).slice(0, LOOKED_AT));
  return { way, rankings };
}

/** The same clauses with and without a calibration. */
function pairsByCalibration(some: readonly Answers[]): (readonly [Answers, Answers])[] {
  const pairOf = (first: Answers) =>
    some.find(({ way }) => way === first.way.replace(/, calibrated$/, ", not calibrated"));
  return some.flatMap((first) => {
    const second = pairOf(first);
    return second === undefined || second === first ? [] : [[first, second] as const];
  });
}

function recordOf(query: CompositionQuery, index: number) {
  const { kind, sentence, right } = query;
  return {
    kind,
    sentence,
    rightCount: right.length,
    answers: answers.map(({ way, rankings }) => ({
      way,
      ...judge(query, rankings[index]),
      first: (rankings[index] ?? []).map((picture) => ({ picture, right: right.includes(picture) })),
    })),
  };
}

async function writeRecords(file: string, records: readonly object[]): Promise<void> {
  const stream = createWriteStream(file);
  for (const record of records) stream.write(`${JSON.stringify(record)}\n`);
  stream.end();
  await once(stream, "finish");
}

import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { areaUnderCurve, bootstrapStatistic } from "@medley/evaluation";
import {
  captionsOf,
  type CaptionDecision,
  type CaptionExplanation,
  explainCaption,
  findCorpus,
  type Image,
  listCaptionRuns,
  listImages,
  openDatabase,
} from "@medley/storage";

// What the filter keeps of the labelled pairs, under every policy that has decided them. Reads the database of MEDLEY_HOME (or DATABASE_URL);
// run it after `medley ingest` and `medley capfilt`.

interface Label {
  readonly source: string;
  readonly author: string;
  readonly text: string;
  readonly label: "TRUE" | "PARTLY" | "FALSE" | "EMPTY" | "FOREIGN" | "UNCLEAR";
  readonly truth: string;
}

/** The author of half of the sample, and of all its false texts. */
const MAIN_AUTHOR = "Nicu Buculei";
/** Colours and grammar: shared by texts of different things. */
const STOP_WORDS = new Set(
  "a an and the of on in with for to from at by under over its his her is are two three white black red blue green yellow brown grey gray orange pink purple small large long".split(
    " ",
  ),
);

const { values } = parseArgs({
  options: { manifest: { type: "string" }, corpus: { type: "string", default: "noisy" } },
});
if (values.manifest === undefined) {
  console.error("Usage: node measure.ts --manifest MANIFEST.jsonl [--corpus noisy]");
  process.exit(2);
}
const labels = readLines<Label>(join(import.meta.dirname, "labels.jsonl"));
const paths = new Map(
  readLines<{ path: string; attributes: { source: string } }>(values.manifest).map(({ path, attributes }) => [
    attributes.source,
    resolve(dirname(values.manifest ?? ""), path),
  ]),
);
await using db = await openDatabase({
  home: resolve(process.env.MEDLEY_HOME ?? ".medley"),
  databaseUrl: process.env.DATABASE_URL,
});
const corpus = await findCorpus(db, values.corpus);
if (corpus === null) throw new Error(`There is no corpus "${values.corpus}". Ingest the manifest into it first.`);
const images = new Map<string, Image>();
for (let after: string | undefined; ; ) {
  const page = await listImages(db, corpus.id, { after, limit: 500 });
  for (const image of page) for (const origin of image.origins) images.set(origin, image);
  after = page.at(-1)?.id;
  if (page.length < 500) break;
}

interface Judged {
  readonly label: Label;
  readonly explanation: CaptionExplanation;
}

const web: Judged[] = [];
const synthetic: Judged[] = [];
let missing = 0;
for (const label of labels) {
  const image = images.get(paths.get(label.source) ?? "");
  const captions = image ? ((await captionsOf(db, [image.id])).get(image.id) ?? []) : [];
  const own = captions.find(({ source, text }) => source === "WEB" && text === label.text.replace(/\s+/g, " "));
  if (own === undefined) missing += 1;
  for (const caption of captions) {
    if (caption !== own && caption.source !== "SYNTHETIC") continue;
    const explanation = await explainCaption(db, caption.id);
    if (explanation) (caption === own ? web : synthetic).push({ label, explanation });
  }
}
console.log(
  `${labels.length} labelled pairs, ${web.length} found with their text in corpus "${corpus.name}", ${missing} not.`,
);

const versions = [...new Set(web.flatMap(({ explanation }) => explanation.decisions.map(({ version }) => version)))];
for (const version of versions.toSorted((a, b) => a - b)) {
  const decided = web.flatMap((judged) => {
    const decision = decisionOf(judged, version);
    return decision ? [{ ...judged, decision }] : [];
  });
  const { rule } = decided[0]?.decision ?? {};
  console.log(`\npolicy ${version}: slope ${rule?.slope}, offset ${rule?.offset}, keep web from ${rule?.keepFrom.WEB}`);
  report("all TRUE and FALSE", decided);
  report(
    `"Clipart by ${MAIN_AUTHOR} - X"`,
    decided.filter(({ label }) => label.text.includes(MAIN_AUTHOR)),
  );
  report(
    "other texts",
    decided.filter(({ label }) => !label.text.includes(MAIN_AUTHOR)),
  );
  for (const name of ["PARTLY", "FOREIGN"] as const) {
    const some = decided.filter(({ label }) => label.label === name);
    console.log(`  ${name}: ${some.filter(isKept).length} of ${some.length} kept`);
  }
}
console.log(
  "\nsynthetic captions of the labelled pictures that share a word with what is to be seen, by run and verdict of the active policy",
);
for (const run of await listCaptionRuns(db, corpus.id)) {
  const written = synthetic.filter(({ explanation }) => explanation.run?.id === run.id);
  const kept = written.filter(({ explanation }) =>
    explanation.decisions.some(({ active, verdict }) => active && verdict === "KEPT"),
  );
  const right = (some: readonly Judged[]) =>
    some.filter(({ label, explanation }) => sharesWord(label.truth, explanation.caption.text)).length;
  console.log(
    `  ${JSON.stringify(run.decoding)}: ${right(written)} of ${written.length} written, ${right(kept)} of ${kept.length} kept (whole corpus: ${run.kept} of ${run.captions} kept)`,
  );
}

function decisionOf({ explanation }: Judged, version: number): CaptionDecision | undefined {
  return explanation.decisions.find((decision) => decision.version === version);
}

interface Decided extends Judged {
  readonly decision: CaptionDecision;
}

function isKept({ decision }: Decided): boolean {
  return decision.verdict === "KEPT";
}

/** Precision and recall of "kept" for TRUE texts, with 95 % intervals over authors, and how well the score parts the two. */
function report(name: string, decided: readonly Decided[]): void {
  const judged = decided.filter(
    ({ label, decision }) => (label.label === "TRUE" || label.label === "FALSE") && decision.verdict !== "UNJUDGED",
  );
  const trues = judged.filter(({ label }) => label.label === "TRUE");
  if (trues.length === 0 || trues.length === judged.length) {
    console.log(`  ${name}: ${trues.length} TRUE of ${judged.length}, ${judged.filter(isKept).length} kept`);
    return;
  }
  const [precision, recall, rejected] = [precisionOf, recallOf, rejectedOf].map((figure) =>
    withInterval(judged, figure),
  );
  console.log(
    `  ${name}: n ${judged.length} (${trues.length} TRUE), kept ${judged.filter(isKept).length}; precision ${precision}, recall ${recall}, FALSE rejected ${rejected}, area under the curve ${areaOf(judged).toFixed(3)}`,
  );
}

function precisionOf(judged: readonly Decided[]): number {
  const kept = judged.filter(isKept);
  return kept.filter(({ label }) => label.label === "TRUE").length / kept.length;
}

function recallOf(judged: readonly Decided[]): number {
  const trues = judged.filter(({ label }) => label.label === "TRUE");
  return trues.filter(isKept).length / trues.length;
}

function rejectedOf(judged: readonly Decided[]): number {
  const falses = judged.filter(({ label }) => label.label === "FALSE");
  return falses.filter((each) => !isKept(each)).length / falses.length;
}

/** Authors are drawn, not pairs: texts of one author are right and wrong for the same reasons. */
function withInterval(judged: readonly Decided[], figure: (judged: readonly Decided[]) => number): string {
  const authors = [...Map.groupBy(judged, ({ label }) => label.author).values()];
  const { estimate, low, high } = bootstrapStatistic(authors.length, (indices) =>
    figure(Array.from(indices, (index) => authors[index] ?? []).flat()),
  );
  if (Number.isNaN(estimate)) return "of nothing";
  // A resample may hold no item that the figure is a share of.
  const interval = [low, high].map((end) => (Number.isNaN(end) ? "?" : end.toFixed(2)));
  return `${estimate.toFixed(3)} (${interval.join("-")})`;
}

function areaOf(judged: readonly Decided[]): number {
  const scoresOf = (wanted: Label["label"]) =>
    judged.flatMap(({ label, decision }) => (label.label === wanted ? [decision.matchProbability ?? 0] : []));
  return areaUnderCurve(scoresOf("TRUE"), scoresOf("FALSE"));
}

/** A rough sign of a right caption: a word that is neither a colour nor grammar stands in both; plural and singular count as one. */
function sharesWord(truth: string, caption: string): boolean {
  const words = (text: string) =>
    (text.toLowerCase().match(/[a-z]+/g) ?? [])
      .map((word) => word.replace(/s$/, ""))
      .filter((word) => !STOP_WORDS.has(word));
  const seen = new Set(words(truth));
  return words(caption).some((word) => seen.has(word));
}

function readLines<Row>(file: string): Row[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Row);
}

import { writeFile } from "node:fs/promises";
import type { LabelledScore, Reliability } from "@medley/calibration";
import type { Settings } from "@medley/config";
import { areaUnderCurve } from "@medley/evaluation";
import { type CalibrationOutcome, calibrateSearch, SearchError } from "@medley/search";
import { activeSpace, type Database, findCorpus, openDatabase } from "@medley/storage";
import { calibrationPage } from "../calibration/calibration-page.ts";
import { writeLine, writeRecord } from "../output.ts";
import { withInference } from "../processes/with-inference.ts";
import { requireWritable } from "../require-writable.ts";

export interface CalibrateOptions {
  readonly corpus: string;
  readonly images: number;
  readonly seed: number;
  readonly report?: string;
  readonly json: boolean;
}

/** Fits anew what the scores of searches mean in a corpus; from then on its answers say so. */
export async function runCalibrate(settings: Settings, options: CalibrateOptions): Promise<void> {
  requireWritable(options.report);
  const { corpus, images, seed } = options;
  const outcome = await withInference(settings, "exit", async ({ inference }) => {
    await using db = await openSettingsDatabase(settings);
    const target = await requireSearched(db, corpus);
    return await calibrateSearch({ db, inference }, { ...target, images, seed });
  });
  if (options.json) await writeRecord(recordOf(corpus, outcome));
  else for (const line of describe(outcome)) await writeLine(line);
  if (options.report !== undefined) await writeFile(options.report, pageOf(corpus, outcome));
}

function recordOf(corpus: string, { calibration, pairs, queries, images, found }: CalibrationOutcome) {
  const { pair, query, measured, itcWeight, modelFingerprint } = calibration;
  const figures = (examples: readonly LabelledScore[], reliability: Reliability | null) => ({
    areaUnderCurve: areaOf(examples),
    expectedCalibrationError: reliability?.expectedCalibrationError ?? null,
    positives: examples.filter(({ matches }) => matches).length,
    negatives: examples.filter(({ matches }) => !matches).length,
  });
  return {
    corpus,
    modelFingerprint,
    itcWeight,
    images,
    found,
    pair: { ...pair, ...figures(pairs, measured.pair) },
    query: query && { ...query, ...figures(queries, measured.query) },
  };
}

function describe({ calibration, pairs, queries, images, found }: CalibrationOutcome): string[] {
  const { pair, query, measured } = calibration;
  const lines = [
    `A picture and a text (${images} pictures): slope ${pair.slope.toFixed(4)}, offset ${pair.offset.toFixed(4)}; ${figuresOf(pairs, measured.pair)}.`,
  ];
  if (query === null) {
    return [
      ...lines,
      `Too few texts find their picture (${found}), or it makes no difference: verdicts come from texts alone.`,
    ];
  }
  const { slope, offset, strongFrom, noneBelow } = query;
  return [
    ...lines,
    `Whether there is an answer (${found} pictures that their text finds): slope ${slope.toFixed(4)}, offset ${offset.toFixed(4)}; ${figuresOf(queries, measured.query)}.`,
    `STRONG from an answer probability of ${strongFrom.toFixed(2)}, NONE below ${noneBelow.toFixed(3)}.`,
  ];
}

function figuresOf(examples: readonly LabelledScore[], reliability: Reliability | null): string {
  const error = reliability?.expectedCalibrationError.toFixed(3) ?? "unknown";
  return `area under the curve ${areaOf(examples).toFixed(3)}, expected calibration error on held-out examples ${error}`;
}

function areaOf(examples: readonly LabelledScore[]): number {
  const scoresOf = (wanted: boolean) => examples.flatMap(({ score, matches }) => (matches === wanted ? [score] : []));
  return areaUnderCurve(scoresOf(true), scoresOf(false));
}

function pageOf(corpus: string, outcome: CalibrationOutcome): string {
  const { measured, createdAt, modelFingerprint, itcWeight } = outcome.calibration;
  const curves = [
    { name: "A picture and a text belong together", reliability: measured.pair },
    { name: "The corpus holds an answer", reliability: measured.query },
  ];
  return calibrationPage({
    title: `Calibration of searches in ${corpus}`,
    sentences: [
      "Texts of people and of the web with their own pictures, against those of neighbours and of any other picture; and queries with their picture against the same queries without it.",
      "Each fifth was predicted by a fit on the other four. Both classes weigh the same.",
    ],
    figures: [
      ...describe(outcome).map((value, index) => ({
        name: index === 0 ? "Pairs" : index === 1 ? "Queries" : "Verdicts",
        value,
      })),
      { name: "Model", value: `${modelFingerprint}, w = ${itcWeight}` },
      { name: "Date", value: `${createdAt.toISOString().slice(0, 16).replace("T", " ")} UTC` },
    ],
    curves: curves.flatMap(({ name, reliability }) => (reliability ? [{ name, reliability }] : [])),
  });
}

export async function requireSearched(db: Database, name: string): Promise<{ corpusId: string; spaceId: string }> {
  const corpus = await findCorpus(db, name);
  if (corpus === null) {
    throw new SearchError("CORPUS_NOT_FOUND", `There is no corpus "${name}". Ingest into it first.`);
  }
  const space = await activeSpace(db, corpus.id);
  if (space !== null) return { corpusId: corpus.id, spaceId: space.id };
  throw new SearchError("NO_ACTIVE_SPACE", `Corpus "${name}" has no embedded pictures yet. Ingest first.`);
}

export function openSettingsDatabase({ home, databaseMaxConnections, databaseUrl }: Settings): Promise<Database> {
  return openDatabase({ home, maxConnections: databaseMaxConnections, databaseUrl });
}

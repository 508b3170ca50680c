import { writeFile } from "node:fs/promises";
import { type Reliability, reliabilityOf } from "@medley/calibration";
import type { Settings } from "@medley/config";
import { areaUnderCurve } from "@medley/evaluation";
import type { Inference } from "@medley/inference-api";
import {
  bestScoreOf,
  type Judgement,
  loadSearchCalibration,
  type SearchCalibration,
  searchImages,
  VERDICT_CANDIDATES,
  verdictOf,
} from "@medley/search";
import type { Database } from "@medley/storage";
import { z } from "zod";
import { calibrationPage } from "../calibration/calibration-page.ts";
import { CliError, errorRecord } from "../cli-error.ts";
import { readLines } from "../engine/read-lines.ts";
import { note, writeLine, writeRecord } from "../output.ts";
import { withInference } from "../processes/with-inference.ts";
import { requireWritable } from "../require-writable.ts";
import { openSettingsDatabase, requireSearched } from "./calibrate.ts";

export interface VerdictOptions {
  readonly corpus: string;
  readonly input: string;
  readonly report?: string;
  readonly json: boolean;
}

const querySchema = z.object({ text: z.string(), answerable: z.boolean().optional() });
type Query = z.infer<typeof querySchema>;

interface JudgedQuery extends Query {
  readonly verdict: Judgement["verdict"] | null;
  readonly decidedBy: Judgement["decidedBy"] | null;
  /** What the models say without the pictures' own texts. */
  readonly verdictByModels: Judgement["verdict"] | null;
  readonly answerProbability: number | null;
  readonly best: number | null;
  readonly textShare: number;
}

/** {text} → {text,verdict,…}: whether the corpus answers each query; with `answerable` in the lines also how often that is right. */
export async function runVerdicts(settings: Settings, options: VerdictOptions): Promise<void> {
  requireWritable(options.report);
  const judged: JudgedQuery[] = [];
  await withInference(settings, "exit", async ({ inference }) => {
    await using db = await openSettingsDatabase(settings);
    const judge = await openJudge(db, inference, options.corpus);
    for await (const entry of readLines(options.input, querySchema)) {
      const result = entry.ok
        ? await judge(entry.item).catch((error: unknown) => failure(entry.item, error))
        : failure(entry.given, entry);
      if ("error" in result) {
        if (options.json) await writeRecord(result);
        else note(`line ${entry.line}: ${result.error.message}`);
        continue;
      }
      judged.push(result);
      if (options.json) await writeRecord(result);
      else await writeLine(describe(result));
    }
  });
  const summary = summaryOf(judged);
  if (summary && options.json) await writeRecord({ summary });
  if (summary && !options.json) for (const line of describeSummary(summary)) await writeLine(line);
  if (options.report === undefined) return;
  if (summary === null)
    throw new CliError("WRONG_USAGE", '--report needs lines with "answerable": true and lines with false.');
  await writeFile(options.report, pageOf(options.corpus, summary, judged));
}

function failure(given: object, error: unknown) {
  const known = typeof error === "object" && error !== null && "error" in error ? error.error : undefined;
  return { ...given, error: (known as { code: string; message: string } | undefined) ?? errorRecord(error) };
}

/** Judges one query after another; the calibration is read once. */
async function openJudge(
  db: Database,
  inference: Inference,
  corpus: string,
): Promise<(query: Query) => Promise<JudgedQuery>> {
  const target = await requireSearched(db, corpus);
  const itcWeight = (await inference.models()).find(({ role }) => role === "retrieval")?.itcWeight ?? 1;
  const calibration = await loadSearchCalibration(db, { ...target, itcWeight });
  if (calibration === null)
    note(`"${corpus}" has no calibration for this model yet. Run: medley calibrate --corpus ${corpus}`);
  return (query) => judgeQuery({ db, inference }, corpus, calibration, query);
}

/** More than are matched: the nearest and those that only their texts found. */
const HITS = 3 * VERDICT_CANDIDATES;

async function judgeQuery(
  dependencies: { readonly db: Database; readonly inference: Inference },
  corpus: string,
  calibration: SearchCalibration | null,
  query: Query,
): Promise<JudgedQuery> {
  const search = { corpus, all: [{ text: query.text }], first: HITS, candidates: VERDICT_CANDIDATES };
  const { hits } = await searchImages(dependencies, search);
  const best = bestScoreOf(hits);
  const textShare = Math.max(0, ...hits.map(({ clauses }) => clauses[0]?.textShare ?? 0));
  const judgement = verdictOf({ calibration, best, textShare });
  return {
    ...query,
    verdict: judgement?.verdict ?? null,
    decidedBy: judgement?.decidedBy ?? null,
    verdictByModels: verdictOf({ calibration, best, textShare: 0 })?.verdict ?? null,
    answerProbability: judgement?.answerProbability ?? null,
    best,
    textShare,
  };
}

function describe({ text, verdict, decidedBy, answerProbability, textShare }: JudgedQuery): string {
  const by = decidedBy === null ? "" : ` by ${decidedBy.toLowerCase()}`;
  const probability = answerProbability?.toFixed(3) ?? "-";
  return `${(verdict ?? "unknown").padEnd(7)}${by.padEnd(10)}  answer probability ${probability}, words in texts ${textShare.toFixed(2)}  ${text}`;
}

interface Summary {
  readonly answerable: number;
  readonly unanswerable: number;
  /** Share of right verdicts: STRONG or WEAK where there is an answer, NONE where there is none. */
  readonly right: Rightness;
  readonly rightByModels: Rightness;
  /** Of the best score, as a detector of queries with an answer. */
  readonly areaUnderCurve: number | null;
  /** Of the answer probability; both kinds weigh the same. */
  readonly reliability: Reliability | null;
}

interface Rightness {
  readonly all: number;
  readonly answerable: number;
  readonly unanswerable: number;
}

/** Null without both kinds of queries. */
function summaryOf(judged: readonly JudgedQuery[]): Summary | null {
  const [yes, no] = [true, false].map((wanted) => judged.filter(({ answerable }) => answerable === wanted));
  if (!yes?.length || !no?.length) return null;
  const rightness = (verdictOfQuery: (query: JudgedQuery) => JudgedQuery["verdict"]): Rightness => {
    const answered = yes.filter((query) => isRight(query, verdictOfQuery(query))).length;
    const refused = no.filter((query) => isRight(query, verdictOfQuery(query))).length;
    return {
      all: (answered + refused) / (yes.length + no.length),
      answerable: answered / yes.length,
      unanswerable: refused / no.length,
    };
  };
  const bestOf = (some: readonly JudgedQuery[]) => some.flatMap(({ best }) => best ?? []);
  const [bestWith, bestWithout] = [bestOf(yes), bestOf(no)];
  const predictions = [...yes, ...no].flatMap(({ answerProbability, answerable }) =>
    answerProbability === null ? [] : [{ probability: answerProbability, holds: answerable === true }],
  );
  return {
    answerable: yes.length,
    unanswerable: no.length,
    right: rightness(({ verdict }) => verdict),
    rightByModels: rightness(({ verdictByModels }) => verdictByModels),
    areaUnderCurve: bestWith.length && bestWithout.length ? areaUnderCurve(bestWith, bestWithout) : null,
    reliability: reliabilityOf(predictions),
  };
}

function isRight({ answerable }: JudgedQuery, verdict: JudgedQuery["verdict"]): boolean {
  return verdict !== null && answerable === (verdict !== "NONE");
}

function describeSummary({
  answerable,
  unanswerable,
  right,
  rightByModels,
  areaUnderCurve: area,
  reliability,
}: Summary): string[] {
  const shares = (some: Rightness) =>
    `${percent(some.all)} (with an answer ${percent(some.answerable)}, without ${percent(some.unanswerable)})`;
  return [
    `${answerable} queries with an answer, ${unanswerable} without.`,
    `Right verdicts: ${shares(right)}; by the models alone: ${shares(rightByModels)}.`,
    `Area under the curve of the best score ${area?.toFixed(3) ?? "-"}; expected calibration error ${reliability?.expectedCalibrationError.toFixed(3) ?? "-"}.`,
  ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function pageOf(corpus: string, summary: Summary, judged: readonly JudgedQuery[]): string {
  const cells = judged.map((query) => ({
    wrong: query.answerable !== undefined && !isRight(query, query.verdict),
    texts: [
      query.text,
      query.answerable === undefined ? "" : query.answerable ? "yes" : "no",
      query.verdict ?? "",
      query.decidedBy ?? "",
      query.verdictByModels ?? "",
      query.answerProbability?.toFixed(3) ?? "",
      query.textShare.toFixed(2),
    ],
  }));
  return calibrationPage({
    title: `Verdicts of searches in ${corpus}`,
    sentences: ["STRONG or WEAK is right where the corpus has an answer, NONE where it has none."],
    figures: describeSummary(summary).map((value, index) => ({
      name: ["Queries", "Verdicts", "Scores"][index] ?? "",
      value,
    })),
    curves: summary.reliability ? [{ name: "The corpus holds an answer", reliability: summary.reliability }] : [],
    rows: { head: ["Query", "Answer", "Verdict", "By", "Models alone", "Answer probability", "Words in texts"], cells },
  });
}

import { fitPlatt, heldOutPredictions, type LabelledScore, probabilityOf, reliabilityOf } from "@medley/calibration";
import type { Inference } from "@medley/inference-api";
import {
  countImages,
  type Database,
  type DrawnCaption,
  drawCaptionPairs,
  findSpace,
  saveCalibration,
} from "@medley/storage";
import { type QueryCalibration, type SearchCalibration, searchCalibrationOf } from "./calibration.ts";
import { type ExampleSource, type KnownItemExample, knownItemExample, pairExamples } from "./calibration-examples.ts";
import { SearchError } from "./errors.ts";
import { requireModelOf } from "./models.ts";

export interface CalibrationRequest {
  readonly corpusId: string;
  readonly spaceId: string;
  /** How many pictures with texts of their own are drawn; each costs one short search and one picture against three texts. */
  readonly images: number;
  /** The same seed draws the same pictures of the same corpus. */
  readonly seed: number;
  readonly signal?: AbortSignal;
}

export interface CalibrationOutcome {
  readonly calibration: SearchCalibration;
  /** What both curves were fitted on, for figures that are not stored. */
  readonly pairs: readonly LabelledScore[];
  readonly queries: readonly LabelledScore[];
  /** Pictures that were drawn, and those of them that their own text finds. */
  readonly images: number;
  readonly found: number;
}

/** Below, two numbers cannot be fitted to anything. */
export const LEAST_CALIBRATION_IMAGES = 20;
/** The verdict is STRONG where four in five such queries have an answer. */
const STRONG_FROM = 0.8;
/** Share of the queries with an answer that may be told that there is none. */
const LOST_AT_MOST = 0.02;
/** A text finds its picture when it is among so many: the others (alt texts that say nothing) are no queries with an answer. */
const FOUND_WITHIN = 10;

/**
 * Fits what the scores of searches mean in a corpus, and saves it, after which it counts. Two curves by Platt scaling: of a picture and a text,
 * whether they belong together, and of a query's best score, whether the corpus holds an answer. docs/calibration.md says what was measured, also
 * of isotonic regression and of the margin to the pool's median. One call at a time, so that searches go on beside it.
 * @throws SearchError TOO_FEW_TEXTS, NOT_SEPARABLE, NO_ACTIVE_SPACE, MODEL_MISSING, MODEL_MISMATCH
 */
export async function calibrateSearch(
  { db, inference }: { readonly db: Database; readonly inference: Inference },
  request: CalibrationRequest,
): Promise<CalibrationOutcome> {
  const { corpusId, spaceId, signal } = request;
  const space = await findSpace(db, spaceId);
  if (space === null) throw new SearchError("NO_ACTIVE_SPACE", `There is no space "${spaceId}".`);
  const model = await requireModelOf({ db, inference }, space);
  const corpusImages = await countImages(db, corpusId);
  const drawn = await drawCaptionPairs(db, request);
  if (drawn.length < LEAST_CALIBRATION_IMAGES) {
    const found = `Only ${drawn.length} pictures of the corpus have a text of people or of the web`;
    const remedy = "Bring in pictures with texts (docs/ingestion.md), or write some with addCaption";
    const message = `${found}, expected at least ${LEAST_CALIBRATION_IMAGES} to calibrate on. ${remedy}.`;
    throw new SearchError("TOO_FEW_TEXTS", message);
  }
  const { itcWeight, fingerprint } = model;
  const source = { db, inference, corpusId, spaceId, itcWeight, model: fingerprint, ...(signal && { signal }) };
  const { pairs, items } = await collectExamples(source, drawn);
  const pair = fitPlatt(pairs.flat());
  if (pair === null) {
    const found = `The model "${model.name}" does not tell texts of a picture from those of others`;
    throw new SearchError("NOT_SEPARABLE", `${found}. Searches of this corpus cannot be calibrated.`);
  }
  const found = items.filter(({ rank }) => rank !== null && rank <= FOUND_WITHIN);
  const queries = found.map(({ present, absent }): LabelledScore[] => [
    { score: present, matches: true },
    { score: absent, matches: false },
  ]);
  const stored = await saveCalibration(db, {
    corpusId,
    spaceId,
    modelFingerprint: model.fingerprint,
    itcWeight: model.itcWeight,
    corpusImages,
    pair,
    query: found.length < LEAST_CALIBRATION_IMAGES ? null : fitQueries(queries.flat()),
    measured: {
      pair: reliabilityOf(heldOutPredictions(pairs)),
      query: reliabilityOf(heldOutPredictions(queries)),
    },
  });
  return {
    calibration: searchCalibrationOf(stored),
    pairs: pairs.flat(),
    queries: queries.flat(),
    images: drawn.length,
    found: found.length,
  };
}

async function collectExamples(source: ExampleSource, drawn: readonly DrawnCaption[]) {
  const pairs: LabelledScore[][] = [];
  const items: KnownItemExample[] = [];
  const asked = new Set<string>();
  for (const each of drawn) {
    source.signal?.throwIfAborted();
    pairs.push(await pairExamples(source, each));
    const text = each.own.toLowerCase();
    // A text that several pictures share is one query.
    if (asked.has(text)) continue;
    asked.add(text);
    const item = await knownItemExample(source, each);
    if (item !== null) items.push(item);
  }
  return { pairs, items };
}

/** The curve of the best score, with the thresholds of verdicts; null where the scores do not tell. */
export function fitQueries(examples: readonly LabelledScore[]): QueryCalibration | null {
  const curve = fitPlatt(examples);
  if (curve === null) return null;
  const answered = examples
    .filter(({ matches }) => matches)
    .map(({ score }) => probabilityOf(curve, score))
    .toSorted((a, b) => a - b);
  // So many of them lie below the one at this place.
  const threshold = answered[Math.floor(LOST_AT_MOST * answered.length)] ?? 0;
  return { ...curve, strongFrom: STRONG_FROM, noneBelow: Math.min(STRONG_FROM, threshold) };
}

import type { Inference, ModelInfo } from "@medley/inference-api";
import { type CaptionTriple, type Database, drawCaptionPairs } from "@medley/storage";
import { CapFiltError } from "./errors.ts";
import { fitPlatt, type LabelledScore, type PlattCalibration } from "./platt.ts";

export interface CalibrationResult extends PlattCalibration {
  /** How many pairs that should match and that should not it was fitted on. */
  readonly positives: number;
  readonly negatives: number;
  /** Area under the ROC curve of the filter's score on these pairs: 0.5 says nothing, 1 parts them cleanly. */
  readonly area: number;
}

/** Pictures whose pairs wait in the engine at the same time; its queue is bounded. */
const AT_ONCE = 32;
/** Below, two numbers cannot be fitted to anything. */
const LEAST_PICTURES = 20;

/**
 * Fits what a filter's logits mean in a corpus: texts that people and the web gave to their pictures should match, those of neighbours and of any other
 * picture should not. Texts of the web are partly wrong, which makes the probabilities a little too modest; captions of machines play no part.
 * @param images how many pictures to draw; each gives up to three pairs
 * @throws CapFiltError TOO_FEW_TEXTS, NOT_SEPARABLE
 */
export async function calibrateFilter(
  { db, inference }: { readonly db: Database; readonly inference: Inference },
  { corpusId, spaceId }: { readonly corpusId: string; readonly spaceId: string },
  filter: ModelInfo,
  { images, seed }: { readonly images: number; readonly seed: number },
): Promise<CalibrationResult> {
  const triples = await drawCaptionPairs(db, { corpusId, spaceId, images, seed });
  if (triples.length < LEAST_PICTURES) {
    const found = `Only ${triples.length} pictures of the corpus have a text of people or of the web`;
    throw new CapFiltError("TOO_FEW_TEXTS", `${found}, expected at least ${LEAST_PICTURES} to calibrate on.`);
  }
  const role = filter.role === "filter" ? "filter" : "retrieval";
  const examples: LabelledScore[] = [];
  for (let start = 0; start < triples.length; start += AT_ONCE) {
    const chunk = triples.slice(start, start + AT_ONCE).map((triple) => scoreTriple(inference, triple, role));
    examples.push(...(await Promise.all(chunk)).flat());
  }
  const fitted = fitPlatt(examples);
  const positives = examples.filter(({ matches }) => matches).length;
  const area = areaUnderCurve(examples);
  if (!fitted) {
    const found = `The filter "${filter.name}" does not tell texts of a picture from those of others (area under the curve ${area.toFixed(2)})`;
    throw new CapFiltError("NOT_SEPARABLE", `${found}. It cannot be calibrated on this corpus.`);
  }
  return { ...fitted, positives, negatives: examples.length - positives, area };
}

async function scoreTriple(
  inference: Inference,
  { sha256, own, ofNeighbour, ofAnother }: CaptionTriple,
  role: "filter" | "retrieval",
): Promise<LabelledScore[]> {
  const wrong = [ofNeighbour, ofAnother].filter((text) => text !== null);
  const outcomes = await inference.matchTexts({ sha256 }, [own, ...wrong], { role });
  return outcomes.flatMap((outcome, index) =>
    outcome.ok ? [{ score: outcome.value.itmLogit - outcome.value.itmNoMatchLogit, matches: index === 0 }] : [],
  );
}

/** The share of pairs of examples, one that matches and one that does not, of which the matching one has the higher score; ties count half. */
export function areaUnderCurve(examples: readonly LabelledScore[]): number {
  const sorted = examples.toSorted((a, b) => a.score - b.score);
  let [below, wins, start] = [0, 0, 0];
  while (start < sorted.length) {
    let end = start;
    while (end < sorted.length && sorted[end]?.score === sorted[start]?.score) end += 1;
    const tied = sorted.slice(start, end);
    const negatives = tied.filter(({ matches }) => !matches).length;
    wins += (tied.length - negatives) * (below + negatives / 2);
    below += negatives;
    start = end;
  }
  const positives = examples.length - below;
  return positives * below === 0 ? Number.NaN : wins / (positives * below);
}

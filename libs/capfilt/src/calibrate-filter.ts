import { fitPlatt, type LabelledScore, type PlattCalibration } from "@medley/calibration";
import type { Inference, ModelInfo } from "@medley/inference-api";
import { type Database, type DrawnCaption, drawCaptionPairs } from "@medley/storage";
import { CapFiltError } from "./errors.ts";

export interface CalibrationResult extends PlattCalibration {
  /** What it was fitted on: itmLogit - itmNoMatchLogit of pairs that should match and of pairs that should not. */
  readonly examples: readonly LabelledScore[];
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
  const drawn = await drawCaptionPairs(db, { corpusId, spaceId, images, seed });
  if (drawn.length < LEAST_PICTURES) {
    const found = `Only ${drawn.length} pictures of the corpus have a text of people or of the web`;
    const remedy =
      "Bring in pictures with texts (docs/ingestion.md), or write some with addCaption; until then the rule is a plain softmax";
    throw new CapFiltError(
      "TOO_FEW_TEXTS",
      `${found}, expected at least ${LEAST_PICTURES} to calibrate on. ${remedy}.`,
    );
  }
  const role = filter.role === "filter" ? "filter" : "retrieval";
  const examples: LabelledScore[] = [];
  for (let start = 0; start < drawn.length; start += AT_ONCE) {
    const chunk = drawn.slice(start, start + AT_ONCE).map((each) => scorePairs(inference, each, role));
    examples.push(...(await Promise.all(chunk)).flat());
  }
  const fitted = fitPlatt(examples);
  if (fitted) return { ...fitted, examples };
  const found = `The filter "${filter.name}" does not tell texts of a picture from those of others`;
  throw new CapFiltError(
    "NOT_SEPARABLE",
    `${found}. It cannot be calibrated on this corpus: give the role "filter" another checkpoint.`,
  );
}

async function scorePairs(
  inference: Inference,
  { sha256, own, ofNeighbour, ofAnother }: DrawnCaption,
  role: "filter" | "retrieval",
): Promise<LabelledScore[]> {
  const texts = [own, ofNeighbour, ofAnother].filter((text) => text !== null);
  const outcomes = await inference.matchTexts({ sha256 }, texts, { role });
  return outcomes.flatMap((outcome, index) =>
    outcome.ok ? [{ score: outcome.value.itmLogit - outcome.value.itmNoMatchLogit, matches: index === 0 }] : [],
  );
}

import {
  alternativesComplaint,
  type Decoding,
  type GeneratedText,
  type Inference,
  toldAlternatives,
} from "@medley/inference-api";
import { addCaption, type Caption, captionsOf, type Database, findImage, type Image } from "@medley/storage";
import { SearchError } from "./errors.ts";
import { requireModel } from "./models.ts";
import { requireInteger } from "./query.ts";

/** The settings of BLIP's caption evaluation. */
export const CAPTION_DECODING: Decoding = { method: "beam", beams: 3, maxLength: 20, minLength: 5 };

export interface CaptionQuery {
  readonly imageId: string;
  readonly decoding?: Decoding;
  /** How many further texts are wanted, 0 to 15 and not more than the decoding can find; 0 when absent. */
  readonly alternatives?: number;
  readonly deadlineMs?: number;
}

export interface CaptionResult {
  readonly image: Image;
  readonly text: string;
  /** Sum of log-probabilities of the caption's tokens (natural logarithm); null where the ledger has none. */
  readonly logProbability: number | null;
  /** Further texts of the same decoding, best first, each once; fewer than wanted where the decoding found no more. Never stored. */
  readonly alternatives: readonly GeneratedText[];
  /** True when the text came from the ledger of captions: the same model has decoded this picture so before. */
  readonly stored: boolean;
  readonly modelName: string;
  readonly modelFingerprint: string;
  readonly decoding: Decoding;
}

interface CaptionDependencies {
  readonly db: Database;
  readonly inference: Inference;
}

/**
 * The captioner's caption of a picture: the stored one when this model wrote one with this decoding before, otherwise a new
 * one, which is added to the ledger. Alternatives are not stored, so that the model decodes whenever some are wanted.
 */
export async function captionOf(dependencies: CaptionDependencies, query: CaptionQuery): Promise<CaptionResult> {
  const { db, inference } = dependencies;
  const decoding = validateDecoding(query.decoding ?? CAPTION_DECODING);
  const alternatives = query.alternatives ?? 0;
  const complaint = alternativesComplaint(alternatives, decoding);
  if (complaint !== null) throw new SearchError("INVALID_QUERY", complaint);
  const image = await requireImage(db, query.imageId);
  const model = requireModel(await inference.models(), "captioner");
  const origin = { image, modelName: model.name, modelFingerprint: model.fingerprint, decoding };
  const ledger = (await captionsOf(db, [image.id])).get(image.id) ?? [];
  const earlier = ledger.findLast((caption) => isWrittenBy(caption, model.fingerprint, decoding));
  if (earlier !== undefined && alternatives === 0) {
    return { ...origin, text: earlier.text, logProbability: earlier.logProbability, alternatives: [], stored: true };
  }

  const options = query.deadlineMs === undefined ? {} : { deadlineMs: query.deadlineMs };
  const request = { decoding, ...(alternatives > 0 && { alternatives }) };
  const [outcome] = await inference.captionImages([{ sha256: image.sha256 }], request, options);
  if (outcome === undefined) throw new Error("Bug: captionImages returned no outcome for one picture");
  if (!outcome.ok) throw outcome.error;
  const { alternatives: _told, ...best } = outcome.value;
  const told = alternatives === 0 ? [] : toldAlternatives(outcome.value);
  const others = told.filter(({ text }) => text.trim() !== "");
  // The caption is the one that was told before, also where another machine finds another text a little likelier.
  if (earlier !== undefined) {
    const kept = [best, ...others].filter(({ text }) => text !== earlier.text && text.trim() !== "");
    return {
      ...origin,
      text: earlier.text,
      logProbability: earlier.logProbability,
      alternatives: kept.slice(0, alternatives),
      stored: true,
    };
  }
  const { text, logProbability } = best;
  // A model may have nothing to say, and an empty text is no caption.
  if (text.trim() !== "") {
    const seed = decoding.method === "nucleus" ? decoding.seed : null;
    const { fingerprint: modelFingerprint } = model;
    await addCaption(db, {
      imageId: image.id,
      text,
      source: "SYNTHETIC",
      modelFingerprint,
      decoding,
      seed,
      logProbability,
    });
  }
  return { ...origin, text, logProbability, alternatives: others, stored: false };
}

function isWrittenBy(caption: Caption, modelFingerprint: string, decoding: Decoding): boolean {
  const sameModel = caption.source === "SYNTHETIC" && caption.modelFingerprint === modelFingerprint;
  return sameModel && isSameDecoding(caption.decoding, decoding);
}

/** The database returns the members of an object in its own order. */
function isSameDecoding(stored: unknown, wanted: Decoding): boolean {
  if (typeof stored !== "object" || stored === null) return false;
  const sorted = (value: object) => JSON.stringify(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return sorted(stored) === sorted(wanted);
}

/** Refuses decodings that no engine could run, naming the setting. */
export function validateDecoding(decoding: Decoding): Decoding {
  if (decoding.maxLength !== undefined) requireInteger("decoding.maxLength", decoding.maxLength, 1, 200);
  if (decoding.minLength !== undefined) requireInteger("decoding.minLength", decoding.minLength, 0, 200);
  if (decoding.method === "beam") requireInteger("decoding.beams", decoding.beams, 1, 16);
  if (decoding.method === "nucleus") requireFraction("decoding.topP", decoding.topP);
  if (decoding.method === "nucleus" && decoding.topK !== undefined) {
    requireInteger("decoding.topK", decoding.topK, 0, 100_000);
  }
  const { repetitionPenalty: penalty } = decoding;
  if (penalty !== undefined && !(penalty >= 0.1 && penalty <= 10)) {
    const found = `decoding.repetitionPenalty is ${penalty}`;
    throw new SearchError("INVALID_QUERY", `${found}, expected a number from 0.1 to 10; 1 changes nothing.`);
  }
  return decoding;
}

function requireFraction(name: string, value: number): void {
  if (value > 0 && value <= 1) return;
  throw new SearchError("INVALID_QUERY", `${name} is ${value}, expected more than 0 and at most 1.`);
}

/** The picture with this id; an error that names the id when there is none. */
export async function requireImage(db: Database, imageId: string): Promise<Image> {
  const image = await findImage(db, imageId);
  if (image !== null) return image;
  throw new SearchError("IMAGE_NOT_FOUND", `There is no image "${imageId}".`);
}

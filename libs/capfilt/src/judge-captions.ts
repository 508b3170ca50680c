import type { Inference, InferenceError, Match, ModelInfo, Outcome } from "@medley/inference-api";
import {
  addCaption,
  type CaptionScore,
  captionsToScore,
  type CaptionToScore,
  type Database,
  decideCaptions,
  type FilterPolicy,
  saveCaptionScores,
  saveLanguages,
} from "@medley/storage";
import { languageOf } from "./language.ts";
import { sentencesOf } from "./sentences.ts";

export interface JudgeDependencies {
  readonly db: Database;
  readonly inference: Inference;
}

export interface ImageToJudge {
  readonly imageId: string;
  readonly sha256: string;
}

/** What became of one picture's captions. */
export type Judgement =
  /** `seen`: ids of the captions that were shown to the filter. */
  | { readonly imageId: string; readonly ok: true; readonly seen: readonly string[] }
  | { readonly imageId: string; readonly ok: false; readonly error: InferenceError };

/**
 * Scores the captions of pictures that this filter has not seen, and decides them under the policy. Long texts of the web are cut into
 * sentences first, which are judged in their place (section 3.3 of the paper judges alt texts as they are; those of data sets are short).
 * Texts of people are scored too, so that a calibration can learn from them, and never rejected.
 */
export async function judgeCaptions(
  { db, inference }: JudgeDependencies,
  images: readonly ImageToJudge[],
  { filter, policy }: { readonly filter: ModelInfo; readonly policy: FilterPolicy },
): Promise<Judgement[]> {
  const filterFingerprint = filter.fingerprint;
  const imageIds = images.map(({ imageId }) => imageId);
  const found = await captionsToScore(db, { imageIds, filterFingerprint });
  await readTexts(db, found);
  const unscored = Map.groupBy(await captionsToScore(db, { imageIds, filterFingerprint }), ({ imageId }) => imageId);
  const judged = await Promise.all(
    images.map((image) => scoreImage(inference, image, unscored.get(image.imageId) ?? [], filter)),
  );
  const whole = judged.flatMap(({ judgement }) => (judgement.ok ? [judgement.imageId] : []));
  await saveCaptionScores(
    db,
    judged.flatMap(({ scores }) => scores),
  );
  await decideCaptions(db, { policyId: policy.id, imageIds: whole });
  return judged.map(({ judgement }) => judgement);
}

/** Writes down the language of each text, and the sentences of long ones as captions of their own. */
async function readTexts(db: Database, captions: readonly CaptionToScore[]): Promise<void> {
  const unread = captions.filter(({ language }) => language === null);
  if (unread.length > 0) {
    await saveLanguages(
      db,
      unread.map(({ captionId, text }) => ({ captionId, language: languageOf(text) })),
    );
  }
  for (const { captionId, imageId, text, source, partOf, hasParts } of captions) {
    if (partOf !== null || hasParts || source === "HUMAN" || source === "SYNTHETIC") continue;
    const sentences = sentencesOf(text);
    if (sentences.length === 0) continue;
    await db.transaction(async (tx) => {
      for (const sentence of sentences) {
        await addCaption(tx, { imageId, text: sentence, source, partOf: captionId, language: languageOf(sentence) });
      }
    });
  }
}

/** A text without words says nothing that could match, and one with sentences in the ledger is judged by them. */
export function canBeJudged({ language, hasParts }: CaptionToScore): boolean {
  return language !== "zxx" && !hasParts;
}

/** A placeholder picture can have thousands of texts, and the engine's queue is bounded: more at once would be refused however often they are tried. */
const TEXTS_AT_ONCE = 32;

interface ScoredImage {
  readonly judgement: Judgement;
  readonly scores: readonly CaptionScore[];
}

async function scoreImage(
  inference: Inference,
  { imageId, sha256 }: ImageToJudge,
  captions: readonly CaptionToScore[],
  filter: ModelInfo,
): Promise<ScoredImage> {
  const worded = captions.filter(canBeJudged);
  if (worded.length === 0) return { judgement: { imageId, ok: true, seen: [] }, scores: [] };
  const role = filter.role === "filter" ? "filter" : "retrieval";
  const itcCosine = filter.abilities.includes("embed");
  const outcomes: Outcome<Match>[] = [];
  for (let start = 0; start < worded.length; start += TEXTS_AT_ONCE) {
    const texts = worded.slice(start, start + TEXTS_AT_ONCE).map(({ text }) => text);
    outcomes.push(...(await inference.matchTexts({ sha256 }, texts, { role, itcCosine })));
  }
  const scores: CaptionScore[] = [];
  let error: InferenceError | undefined;
  for (const [index, { captionId }] of worded.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) throw new Error("Bug: matchTexts returned fewer outcomes than texts");
    if (outcome.ok) {
      const { itmLogit, itmNoMatchLogit, itcCosine: cosine } = outcome.value;
      const numbers = { itmLogit, itmNoMatchLogit, itcCosine: cosine ?? null };
      scores.push({ captionId, filterFingerprint: filter.fingerprint, ...numbers });
    } else if (outcome.error.code !== "INVALID_TEXT") {
      error ??= outcome.error;
    }
  }
  const seen = worded.map(({ captionId }) => captionId);
  return { judgement: error ? { imageId, ok: false, error } : { imageId, ok: true, seen }, scores };
}

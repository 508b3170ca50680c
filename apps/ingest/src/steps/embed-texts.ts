import type { InferenceError, ModelInfo, Outcome } from "@medley/inference-api";
import { ownTextsOf } from "@medley/search";
import {
  type ClaimedStep,
  completeSteps,
  type OwnText,
  reopenSteps,
  saveTextEmbeddings,
  type TextEmbeddingRow,
  textKeyOf,
} from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { retryTransient } from "../retry.ts";
import { callModelOf } from "../spaces/with-model.ts";
import { failWithInferenceError } from "./fail-step.ts";
import type { StepResult } from "./prepare.ts";

/** The space of the texts, and the model that built it. */
export interface TextTarget {
  readonly spaceId: string;
  readonly retrieval: ModelInfo;
}

/** Embeds the texts that stand beside the pictures, so that a search finds "a kitten" by the caption "a young cat". */
export async function embedOwnTexts(
  context: IngestContext,
  target: TextTarget,
  claimed: readonly ClaimedStep[],
): Promise<StepResult[]> {
  const { spaceId } = target;
  const imageIds = claimed.map(({ imageId }) => imageId);
  const texts = await retryTransient(() => ownTextsOf(context.db, imageIds), context.retry);
  const { rows, wordless, failures } = await embedTexts(context, target, texts);
  const whole = imageIds.filter((imageId) => !failures.has(imageId));
  await retryTransient(
    () =>
      context.db.transaction(async (db) => {
        await saveTextEmbeddings(db, { spaceId, rows });
        await completeSteps(db, { step: "caption-embed", spaceId, imageIds: whole });
        // A text that came while these were embedded: whoever added it either waits for this transaction or is seen now.
        const seen = new Set([...rows, ...wordless].map(keyInImage));
        const later = (await ownTextsOf(db, whole)).filter((text) => !seen.has(keyInImage(text)));
        const changed = [...new Set(later.map(({ imageId }) => imageId))];
        if (changed.length > 0) await reopenSteps(db, { imageIds: changed, steps: ["caption-embed"] });
      }),
    context.retry,
  );
  return Promise.all(
    imageIds.map((imageId) => {
      const error = failures.get(imageId);
      return error
        ? failWithInferenceError(context, { step: "caption-embed", spaceId, imageId, error })
        : ({ imageId, state: "done" } as const);
    }),
  );
}

/** A placeholder picture can have thousands of texts, and the engine's queue is bounded. */
const TEXTS_AT_ONCE = 128;

interface EmbeddedTexts {
  readonly rows: readonly TextEmbeddingRow[];
  /** Texts that hold no word for the model, such as "!!!": nobody can look for them, and they are no failure. */
  readonly wordless: readonly OwnText[];
  /** By image. A picture one of whose texts failed is tried again as a whole; what was embedded of it stays. */
  readonly failures: ReadonlyMap<string, InferenceError>;
}

async function embedTexts(
  context: IngestContext,
  target: TextTarget,
  texts: readonly OwnText[],
): Promise<EmbeddedTexts> {
  const rows: TextEmbeddingRow[] = [];
  const wordless: OwnText[] = [];
  const failures = new Map<string, InferenceError>();
  const outcomes: Outcome<Float32Array>[] = [];
  for (let start = 0; start < texts.length; start += TEXTS_AT_ONCE) {
    const chunk = texts.slice(start, start + TEXTS_AT_ONCE).map(({ text }) => text);
    outcomes.push(...(await callModelOf(context, target, (model) => context.inference.embedTexts(chunk, model))));
  }
  for (const [index, text] of texts.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) throw new Error("Bug: embedTexts returned fewer outcomes than texts");
    if (outcome.ok) rows.push({ ...text, embedding: outcome.value });
    else if (outcome.error.code === "INVALID_TEXT") wordless.push(text);
    else failures.set(text.imageId, outcome.error);
  }
  return { rows, wordless, failures };
}

function keyInImage(text: OwnText): string {
  return `${text.imageId} ${textKeyOf(text)}`;
}

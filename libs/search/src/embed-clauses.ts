import {
  type CallOptions,
  type EmbedOptions,
  type ImageInput,
  type Inference,
  InferenceError,
  type ModelInfo,
  type Outcome,
} from "@medley/inference-api";
import { type Database, embeddingOf, findImage, type Space } from "@medley/storage";
import { SearchError } from "./errors.ts";
import { requireModelOf } from "./models.ts";
import type { Clause } from "./query.ts";
import type { Degradation } from "./report.ts";

export interface EmbeddedClauses {
  /** The model that embedded and will match; null where the engine does not answer. */
  readonly model: ModelInfo | null;
  /** In the order of the clauses; null where the engine does not answer. */
  readonly vectors: readonly (Float32Array | null)[];
  readonly degraded: readonly Degradation[];
}

/**
 * The vector of each clause in the corpus's space. The space decides which model may embed, so query and index can never disagree. While the engine
 * is away, stored pictures still have their vectors and texts their words; the result says so.
 * @throws SearchError IMAGE_NOT_FOUND, MODEL_MISMATCH, MODEL_MISSING; InferenceError where the clause itself is at fault
 */
export async function embedClauses(
  {
    db,
    inference,
    served,
    outwait,
  }: {
    readonly db: Database;
    readonly inference: Inference;
    /** What the engine serves, asked already. */
    readonly served: Promise<readonly ModelInfo[]>;
    readonly outwait: <T>(call: () => Promise<T>) => Promise<T>;
  },
  space: Space,
  clauses: readonly Clause[],
  limitsNow: () => Pick<CallOptions, "deadlineMs" | "signal">,
): Promise<EmbeddedClauses> {
  const stored = await Promise.all(clauses.map((clause) => storedVector(db, space, clause)));
  try {
    const model = await requireModelOf({ db, inference, served }, space);
    const vectors = await outwait(() =>
      embedMissing(inference, clauses, stored, { ...limitsNow(), model: model.fingerprint }),
    );
    return { model, vectors, degraded: [] };
  } catch (error) {
    if (!(error instanceof InferenceError) || !isAway(error)) throw error;
    const vectors = stored.map((each) => each?.vector ?? null);
    return { model: null, vectors, degraded: [describeAbsence(error, vectors)] };
  }
}

/** Causes that lie with the engine and not with what was asked. */
function isAway({ code }: InferenceError): boolean {
  return code === "UNAVAILABLE" || code === "OVERLOADED" || code === "DEADLINE_EXCEEDED" || code === "ENGINE_FAILED";
}

function describeAbsence(error: InferenceError, vectors: readonly (Float32Array | null)[]): Degradation {
  const missing = vectors.filter((vector) => vector === null).length;
  const found =
    missing === 0 ? "Stored vectors answer" : "The words of the pictures' own texts and stored vectors answer";
  const message = `${found}; nothing was embedded or re-ranked. Cause: ${error.message}`;
  return { stage: "EMBED_QUERY", code: error.code, message, images: 0 };
}

interface StoredPicture {
  readonly sha256: string;
  readonly vector: Float32Array | null;
}

/** Of a clause that names an image: its bytes, and its vector where the space has one. */
async function storedVector(db: Database, space: Space, clause: Clause): Promise<StoredPicture | null> {
  if (clause.kind !== "image") return null;
  const image = await findImage(db, clause.imageId);
  if (image === null) throw new SearchError("IMAGE_NOT_FOUND", `There is no image "${clause.imageId}".`);
  const vector = await embeddingOf(db, { spaceId: space.id, imageId: image.id });
  return { sha256: image.sha256, vector };
}

async function embedMissing(
  inference: Inference,
  clauses: readonly Clause[],
  stored: readonly (StoredPicture | null)[],
  options: EmbedOptions,
): Promise<Float32Array[]> {
  const texts = clauses.flatMap((clause) => (clause.kind === "text" ? [clause.text] : []));
  const pictures = clauses.flatMap((clause, index): ImageInput[] => {
    const known = stored[index];
    if (clause.kind === "picture") return [{ bytes: clause.bytes }];
    return known && known.vector === null ? [{ sha256: known.sha256 }] : [];
  });
  const [ofTexts, ofPictures] = await Promise.all([
    texts.length === 0 ? [] : inference.embedTexts(texts, options),
    pictures.length === 0 ? [] : inference.embedImages(pictures, options),
  ]);
  const nextText = ofTexts.values();
  const nextPicture = ofPictures.values();
  return clauses.map((clause, index) => {
    const known = stored[index]?.vector;
    if (known) return known;
    return valueOf((clause.kind === "text" ? nextText : nextPicture).next().value);
  });
}

function valueOf(outcome: Outcome<Float32Array> | undefined): Float32Array {
  if (outcome === undefined) throw new Error("Bug: the engine returned fewer outcomes than it was given items");
  if (!outcome.ok) throw outcome.error;
  return outcome.value;
}

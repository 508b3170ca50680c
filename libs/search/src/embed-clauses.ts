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
  /** How many of them the space had. */
  readonly storedVectors: number;
  readonly degraded: readonly Degradation[];
}

/**
 * The vector of each clause in the corpus's space. The space decides which model may embed, so query and index can never disagree. While the engine
 * is away, stored pictures still have their vectors and texts their words; the result says so.
 * @throws SearchError IMAGE_NOT_FOUND, PICTURE_NOT_FETCHED, MODEL_MISMATCH, MODEL_MISSING; InferenceError where the clause itself is at fault
 */
export async function embedClauses(
  {
    db,
    inference,
    served,
    outwait,
    fetchPicture,
  }: {
    readonly db: Database;
    readonly inference: Inference;
    /** What the engine serves, asked already. */
    readonly served: Promise<readonly ModelInfo[]>;
    readonly outwait: <T>(call: () => Promise<T>) => Promise<T>;
    readonly fetchPicture: FetchPicture | undefined;
  },
  space: Space,
  clauses: readonly Clause[],
  limitsNow: () => Pick<CallOptions, "deadlineMs" | "signal">,
): Promise<EmbeddedClauses> {
  const read = (clause: Clause) =>
    clause.kind === "url"
      ? fetchClause(fetchPicture, clause.url, limitsNow())
      : clause.kind === "image"
        ? storedVector(db, space, clause.imageId)
        : null;
  const known = await Promise.all(clauses.map(read));
  const storedVectors = known.filter((each) => each?.vector).length;
  try {
    const model = await requireModelOf({ db, inference, served }, space);
    const vectors = await outwait(() =>
      embedMissing(inference, clauses, known, { ...limitsNow(), model: model.fingerprint }),
    );
    return { model, vectors, storedVectors, degraded: [] };
  } catch (error) {
    if (!(error instanceof InferenceError) || !isAway(error)) throw error;
    const vectors = known.map((each) => each?.vector ?? null);
    return { model: null, vectors, storedVectors, degraded: [describeAbsence(error, vectors)] };
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

/** What a picture clause names: what the engine is given for it, and its vector where the space has one. */
interface NamedPicture {
  readonly input: ImageInput;
  readonly vector: Float32Array | null;
}

async function storedVector(db: Database, space: Space, imageId: string): Promise<NamedPicture> {
  const image = await findImage(db, imageId);
  if (image === null) throw new SearchError("IMAGE_NOT_FOUND", `There is no image "${imageId}".`);
  const vector = await embeddingOf(db, { spaceId: space.id, imageId: image.id });
  return { input: { sha256: image.sha256 }, vector };
}

/** Reads a picture from an address that nobody vouches for. Rejects with an error whose message is for people; `retryable` where it may pass. */
export type FetchPicture = (url: string, options: { readonly signal: AbortSignal }) => Promise<Uint8Array>;

/** Within the time that the search has left. */
async function fetchClause(
  fetchPicture: FetchPicture | undefined,
  url: string,
  { deadlineMs, signal }: Pick<CallOptions, "deadlineMs" | "signal">,
): Promise<NamedPicture> {
  if (fetchPicture === undefined) {
    throw new SearchError(
      "INVALID_QUERY",
      "Pictures are not fetched for searches here. Send the picture itself (picture), or ingest it and name it by imageId.",
    );
  }
  const limits = [deadlineMs === undefined ? [] : AbortSignal.timeout(deadlineMs), signal ?? []].flat();
  try {
    return { input: { bytes: await fetchPicture(url, { signal: AbortSignal.any(limits) }) }, vector: null };
  } catch (cause) {
    signal?.throwIfAborted();
    const message = cause instanceof Error ? cause.message : String(cause);
    const retryable = cause instanceof Error && "retryable" in cause && cause.retryable === true;
    throw new SearchError("PICTURE_NOT_FETCHED", message, { cause, retryable });
  }
}

async function embedMissing(
  inference: Inference,
  clauses: readonly Clause[],
  known: readonly (NamedPicture | null)[],
  options: EmbedOptions,
): Promise<Float32Array[]> {
  const texts = clauses.flatMap((clause) => (clause.kind === "text" ? [clause.text] : []));
  const pictures = clauses.flatMap((clause, index): ImageInput[] => {
    const named = known[index];
    if (clause.kind === "picture") return [{ bytes: clause.bytes }];
    return named && named.vector === null ? [named.input] : [];
  });
  const [ofTexts, ofPictures] = await Promise.all([
    texts.length === 0 ? [] : inference.embedTexts(texts, options),
    pictures.length === 0 ? [] : inference.embedImages(pictures, options),
  ]);
  const nextText = ofTexts.values();
  const nextPicture = ofPictures.values();
  return clauses.map((clause, index) => {
    const vector = known[index]?.vector;
    if (vector) return vector;
    return valueOf((clause.kind === "text" ? nextText : nextPicture).next().value);
  });
}

function valueOf(outcome: Outcome<Float32Array> | undefined): Float32Array {
  if (outcome === undefined) throw new Error("Bug: the engine returned fewer outcomes than it was given items");
  if (!outcome.ok) throw outcome.error;
  return outcome.value;
}

import {
  failed,
  type Inference,
  InferenceError,
  type Match,
  type ModelInfo,
  type Outcome,
} from "@medley/inference-api";
import type { Picture } from "./rank.ts";

/** Pictures that one call judges: two of the local engine's batches, so that what comes back in between is worth showing. */
const CHUNK = 32;
/**
 * Chunks of one search that the engine has at a time. With two batches in each, eight workers never wait for the next one, while other searches still
 * come in between those of a deep one.
 */
const CHUNKS_AT_ONCE = 4;

export interface Judging {
  readonly inference: Inference;
  readonly model: ModelInfo | null;
  /** The texts that each picture is judged against. */
  readonly texts: readonly string[];
  readonly pictures: readonly Picture[];
  /** Positions in `pictures`, each once, in the order in which they are to be judged. */
  readonly order: readonly number[];
  /** Milliseconds that the search still has; null without a deadline. */
  readonly remainingMs: () => number | null;
  /** Repeats a call that is refused because the engine's queue is full, for as long as that makes sense. */
  readonly outwait: <T>(call: () => Promise<T>) => Promise<T>;
  /** Gives up what is not judged yet. */
  readonly signal?: AbortSignal | undefined;
  /** Told the outcomes so far whenever there are more of them; the last are returned. */
  readonly onJudged?: ((matches: Matches) => void) | undefined;
}

/** For each text the outcomes in the order of the pictures; undefined where a picture was not judged yet. */
export type Matches = readonly (readonly (Outcome<Match> | undefined)[])[];

/**
 * Judges pictures against every text in chunks, so that at any time the best of them are judged by all texts: a deadline, an engine that dies or a
 * caller who goes away costs the rest and not the whole.
 * @returns one outcome for each text and picture, also where calls fail as a whole or an engine does not come back in time
 */
export async function judgeCandidates(judging: Judging): Promise<Matches> {
  const { texts, pictures, order, outwait, signal, onJudged } = judging;
  const matches = texts.map(() => new Array<Outcome<Match> | undefined>(pictures.length).fill(undefined));
  const chunks = chunksOf(order).values();
  const giveUp = new AbortController();
  const until = signal === undefined ? giveUp.signal : AbortSignal.any([signal, giveUp.signal]);
  let refusal: InferenceError | null = null;

  /** What an engine refused as a whole it would refuse again. */
  async function judgeText(text: string, chunk: readonly Picture[]): Promise<Outcome<Match>[]> {
    if (refusal === null) {
      try {
        return await outwait(() => matchChunk(judging, text, chunk, until));
      } catch (error) {
        if (!(error instanceof InferenceError)) throw error;
        refusal ??= error;
      }
    }
    const cause = refusal;
    return chunk.map(() => failed<Match>(cause));
  }

  async function judgeInTurn(): Promise<void> {
    // The turns share the iterator: each takes the best chunk that nobody has begun with.
    for (const chunk of chunks) {
      const chosen = chunk.flatMap((place) => pictures[place] ?? []);
      const judged = await Promise.all(texts.map((text) => judgeText(text, chosen)));
      for (const [text, outcomes] of judged.entries()) {
        for (const [row, place] of chunk.entries()) (matches[text] ?? [])[place] = outcomes[row];
      }
      signal?.throwIfAborted();
      onJudged?.(matches);
    }
  }

  try {
    await Promise.all(Array.from({ length: CHUNKS_AT_ONCE }, judgeInTurn));
  } catch (error) {
    giveUp.abort();
    throw error;
  }
  return matches;
}

function chunksOf(order: readonly number[]): number[][] {
  return Array.from({ length: Math.ceil(order.length / CHUNK) }, (_, chunk) =>
    order.slice(chunk * CHUNK, (chunk + 1) * CHUNK),
  );
}

/** One outcome per picture. Rejects with InferenceError when the call as a whole fails or its engine does not come back in time. */
async function matchChunk(
  { inference, model, remainingMs }: Judging,
  text: string,
  chunk: readonly Picture[],
  until: AbortSignal,
): Promise<Outcome<Match>[]> {
  const leftMs = remainingMs();
  if (leftMs !== null && leftMs <= 0) throw timeOver("before everything was re-ranked");
  const engineMs = leftMs === null ? null : leftMs - Math.min(RETURN_MS, leftMs / 10);
  const giveUp = new AbortController();
  const chosen = model === null ? {} : { model: model.fingerprint };
  const signal = AbortSignal.any([until, giveUp.signal]);
  const options = { ...deadlineOption(engineMs), ...chosen, signal, role: "retrieval" } as const;
  const images = chunk.map(({ sha256 }) => ({ sha256 }));
  try {
    const matches = await withinDeadline(inference.matchImages(text, images, options), leftMs);
    if (matches.length === chunk.length) return matches;
    throw new InferenceError("ENGINE_FAILED", `matchImages returned ${matches.length} of ${chunk.length} outcomes`);
  } catch (error) {
    giveUp.abort();
    throw error;
  }
}

/** Kept back from the engine's deadline, so that what it has finished by then arrives within the search's. */
const RETURN_MS = 500;
/** How much longer than the search's deadline an engine may take to hand that back, before it counts as hung. */
const GRACE_MS = 1000;

async function withinDeadline<T>(work: Promise<T>, remainingMs: number | null): Promise<T> {
  if (remainingMs === null) return work;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(timeOver("and the engine did not answer")), remainingMs + GRACE_MS);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function timeOver(when: string): InferenceError {
  return new InferenceError("DEADLINE_EXCEEDED", `The search's deadline passed ${when}. Ask for fewer candidates.`);
}

/** The engine's own clock counts whole milliseconds from when it is called. */
export function deadlineOption(remainingMs: number | null): { deadlineMs?: number } {
  return remainingMs === null ? {} : { deadlineMs: Math.max(1, Math.floor(remainingMs)) };
}

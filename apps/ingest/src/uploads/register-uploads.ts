import { activeSpace, corporaWithUploads, PRIORITIES, STEPS, stepCounts } from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { isDeleted } from "../is-deleted.ts";
import { type Registration, registerPictures, type Target } from "../register-pictures.ts";
import { retryTransient } from "../retry.ts";
import { findUploads } from "./find-uploads.ts";

export interface UploadListener {
  readonly onRegistration: (corpus: string, registration: Registration) => void;
}

/**
 * Makes images of the complete uploads of one corpus, or of all. No model is needed for it, so it neither waits for one nor for the steps of other
 * pictures. Returns the ids of the corpora that gained any.
 */
export async function registerUploads(
  context: IngestContext,
  { corpus }: { readonly corpus?: string | undefined },
  listener: UploadListener,
): Promise<string[]> {
  const waiting = await retryTransient(() => corporaWithUploads(context.db), context.retry);
  const gained = new Set<string>();
  for (const { id, name } of waiting) {
    if (corpus !== undefined && name !== corpus) continue;
    try {
      const target = await retryTransient(() => targetOf(context, id), context.retry);
      for await (const registration of registerPictures(context, target, findUploads(context, id))) {
        listener.onRegistration(name, registration);
        if (registration.kind === "registered") gained.add(id);
        if (context.signal.aborted) return [...gained];
      }
    } catch (error) {
      // Whoever deleted the corpus has refused its uploads as well.
      if (!(await isDeleted(context.db, id))) throw error;
    }
  }
  return [...gained];
}

/** The steps that the corpus's other pictures have; those of its first ones, and of another model, are planned by whoever does them. */
async function targetOf({ db }: IngestContext, corpusId: string): Promise<Target> {
  const space = await activeSpace(db, corpusId);
  const target = { corpusId, priority: PRIORITIES.upload, waitsWhilePaused: false };
  if (!space) return { ...target, spaceId: null, steps: ["prepare"] };
  const counts = await stepCounts(db, corpusId, space.id);
  return { ...target, spaceId: space.id, steps: STEPS.filter((step) => step === "prepare" || counts[step].total > 0) };
}

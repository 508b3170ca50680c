import type { Decoding, ModelInfo } from "@medley/inference-api";
import {
  activeCaptionRun,
  beginSupersedingRun,
  type CaptionRun,
  type Database,
  type Queryable,
  startCaptionRun,
} from "@medley/storage";
import { CapFiltError } from "./errors.ts";
import { checkPrompt } from "./prompt-template.ts";

export interface CaptionRunSettings {
  readonly decoding: Decoding;
  /** Null: the model set's own prompt. It may name attributes: "a picture of {category}" (fillPrompt). */
  readonly prompt: string | null;
  /** 1 to 20; more than 1 needs nucleus sampling, the others write the same each time. */
  readonly captionsPerImage: number;
}

/**
 * Makes these settings the ones that a corpus is captioned with; its pictures become open for it, unless it is so already.
 * @throws CapFiltError INVALID_RUN
 */
export async function beginCaptionRun(
  db: Database,
  corpusId: string,
  captioner: ModelInfo,
  { decoding, prompt, captionsPerImage }: CaptionRunSettings,
): Promise<CaptionRun> {
  if (!Number.isInteger(captionsPerImage) || captionsPerImage < 1 || captionsPerImage > 20) {
    throw new CapFiltError("INVALID_RUN", `Captions per picture are ${captionsPerImage}, expected 1 to 20.`);
  }
  if (captionsPerImage > 1 && decoding.method !== "nucleus") {
    const found = `${captionsPerImage} captions per picture were asked for with ${decoding.method} decoding`;
    throw new CapFiltError("INVALID_RUN", `${found}, which writes the same each time. Use nucleus sampling, or 1.`);
  }
  checkPrompt(prompt);
  return await db.transaction((tx) =>
    startCaptionRun(tx, {
      corpusId,
      captionerFingerprint: captioner.fingerprint,
      captionerName: captioner.name,
      prompt,
      decoding,
      captionsPerImage,
    }),
  );
}

/**
 * Begins a run with the settings that the corpus is captioned with, or where it has no run with these: what it writes about a picture stands in the place of
 * what captioners wrote before. No picture is opened for it yet. Call it in a transaction.
 */
export async function beginCaptionsAnew(
  db: Queryable,
  corpusId: string,
  captioner: ModelInfo,
  otherwise: CaptionRunSettings,
): Promise<CaptionRun> {
  const settings = (await activeCaptionRun(db, corpusId)) ?? otherwise;
  return await beginSupersedingRun(db, {
    corpusId,
    captionerFingerprint: captioner.fingerprint,
    captionerName: captioner.name,
    prompt: settings.prompt,
    decoding: settings.decoding,
    captionsPerImage: settings.captionsPerImage,
  });
}

/** How each of a picture's captions is decoded: the run's way, with seeds that follow one another. */
export function decodingsOf(run: Pick<CaptionRun, "decoding" | "captionsPerImage">): Decoding[] {
  const decoding = run.decoding as Decoding;
  return Array.from({ length: run.captionsPerImage }, (_, index) =>
    decoding.method === "nucleus" ? { ...decoding, seed: decoding.seed + index } : decoding,
  );
}

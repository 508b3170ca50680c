import type { FailedImage, IngestProgress } from "./run-ingest.ts";
import type { Registration } from "./register-pictures.ts";

/** One JSON object for what became of one file: its image, or why it was refused. */
export function registrationRecord(registration: Registration): object {
  const { path } = registration;
  if (registration.kind === "rejected") {
    return { path, error: { code: registration.code, message: registration.message } };
  }
  const { imageId, sha256, created, metadataIsBroken } = registration;
  return { path, imageId, sha256, created, ...(metadataIsBroken && { metadataIsBroken }) };
}

/** One JSON object for a registered picture that a model could not take. */
export function failedImageRecord({ path, imageId, step, code, message, trace }: FailedImage): object {
  return { path, imageId, step, error: { code, message }, ...trace };
}

/** The closing line: what came in and what was done, with everything that is missing. */
export function describeSummary(corpus: string, progress: IngestProgress, seconds: number): string {
  const { added, known, rejected, brokenMetadata, steps, wanted } = progress;
  const broken = brokenMetadata > 0 ? ` (the metadata of ${brokenMetadata} cannot be read)` : "";
  const stepTexts = wanted.map((step) => {
    const { done, failed, excluded, pending, leased } = steps[step];
    const open = pending + leased;
    const rest = [failed && `${failed} failed`, excluded && `${excluded} excluded`, open && `${open} open`];
    return [`${step} ${done} done`, ...rest.filter(Boolean)].join(", ");
  });
  return `Corpus "${corpus}": ${added} added, ${known} known${broken}, ${rejected} rejected; ${stepTexts.join("; ")}; ${seconds.toFixed(1)} s.`;
}

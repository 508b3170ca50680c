import type { FailedImage, IngestListener, IngestProgress } from "./run-ingest.ts";
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

/**
 * Shows each note once: of a corpus once for it, of the models once for all. The word in front tells whoever keeps the last lines of a worker that
 * ends that this is no reason for it (apps/cli/src/processes/child.ts).
 * @param said  what was shown before; shared by the runs of a process
 */
export function sayOnce(corpus: string, said: Set<string>, show: (line: string) => void): IngestListener["onNote"] {
  return (note, about = "CORPUS") => {
    const sentence = about === "MODELS" ? note : `${corpus}: ${note}`;
    if (!said.has(sentence)) show(`Note: ${sentence}`);
    said.add(sentence);
  };
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

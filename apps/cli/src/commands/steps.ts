import type { Settings } from "@medley/config";
import {
  activeSpace,
  ANSWER_OPERATION,
  ANSWER_STEP,
  cancelOperations,
  type Corpus,
  countImages,
  countRejectedFiles,
  type Database,
  type ErrorClass,
  type FailureClass,
  failureClasses,
  INGEST_OPERATION,
  type Operation,
  openOperations,
  pauseCorpus,
  resumeCorpus,
  retryFailedAnswers,
  retryFailedSteps,
  STEPS,
  type Step,
  type StepCounts,
  stepCounts,
} from "@medley/storage";
import { withCorpus } from "../with-corpus.ts";
import { note, writeLine, writeRecord } from "../output.ts";

interface CorpusOptions {
  readonly corpus: string;
  readonly json: boolean;
}

export interface RetryOptions extends CorpusOptions {
  readonly step?: Step | typeof ANSWER_STEP;
  readonly code?: string;
  readonly class?: "permanent" | "transient";
}

/** How far the work on a corpus is. */
interface StepStatus {
  readonly corpus: string;
  readonly images: number;
  readonly rejectedFiles: number;
  readonly pausedAt: Date | null;
  /** For each step images = pending + leased + done + failed + excluded + notPlanned. */
  readonly coverage: readonly (StepCounts & { readonly step: Step; readonly notPlanned: number })[];
  readonly failures: readonly FailureClass[];
  readonly operations: readonly Operation[];
}

/** Prints every step in numbers, failures by class, and runs. */
export async function printStepStatus(settings: Settings, { corpus, json }: CorpusOptions): Promise<void> {
  const status = await withCorpus(settings, corpus, readStatus);
  if (json) await writeRecord(status);
  else for (const line of describeStatus(status)) await writeLine(line);
}

/** From now on nobody begins a step of the corpus. */
export async function pause(settings: Settings, { corpus, json }: CorpusOptions): Promise<void> {
  const pausedAt = await withCorpus(settings, corpus, (db, { id }) => pauseCorpus(db, id));
  if (json) await writeRecord({ corpus, pausedAt });
  else
    note(
      `Corpus "${corpus}" is paused. What is in hand is finished. Go on with: medley steps resume --corpus ${corpus}`,
    );
}

export async function resume(settings: Settings, { corpus, json }: CorpusOptions): Promise<void> {
  const wasPaused = await withCorpus(settings, corpus, (db, { id }) => resumeCorpus(db, id));
  if (json) await writeRecord({ corpus, pausedAt: null, wasPaused });
  else note(wasPaused ? `Corpus "${corpus}" goes on.` : `Corpus "${corpus}" was not paused.`);
}

/** Opens failed steps, and answers to questions, that the options name; it does not do them. */
export async function retry(settings: Settings, options: RetryOptions): Promise<void> {
  const { corpus, step, code, json } = options;
  const errorClass: ErrorClass | undefined =
    options.class === undefined ? undefined : options.class === "permanent" ? "PERMANENT" : "TRANSIENT";
  const opened = await withCorpus(settings, corpus, (db, { id: corpusId }) =>
    db.transaction(async (tx) => {
      const filter = { corpusId, code, errorClass };
      const steps = step === ANSWER_STEP ? 0 : await retryFailedSteps(tx, { ...filter, step });
      const answers = step === undefined || step === ANSWER_STEP ? await retryFailedAnswers(tx, filter) : 0;
      return steps + answers;
    }),
  );
  if (json) await writeRecord({ corpus, opened });
  else if (opened === 0)
    note(`No failed step of "${corpus}" is like that. See: medley steps status --corpus ${corpus}`);
  else note(`${opened} steps are open again. A running worker does them, or: medley ingest --corpus ${corpus}`);
}

/** Ends the runs that work on the corpus, and takes its open steps and answers out of the work. */
export async function cancelRuns(settings: Settings, { corpus, json }: CorpusOptions): Promise<void> {
  const cancelled = await withCorpus(settings, corpus, (db, { id }) =>
    db.transaction(async (tx) => [
      ...(await cancelOperations(tx, { corpusId: id, kind: INGEST_OPERATION })),
      ...(await cancelOperations(tx, { corpusId: id, kind: ANSWER_OPERATION })),
    ]),
  );
  if (json) await writeRecord({ corpus, cancelled: cancelled.map(({ id }) => id) });
  else
    note(
      `${cancelled.length} runs stop after what they have in hand, and the open steps are out of the work. Bring them back with: medley steps retry --corpus ${corpus}`,
    );
}

async function readStatus(db: Database, { id, name, pausedAt }: Corpus): Promise<StepStatus> {
  const spaceId = (await activeSpace(db, id))?.id ?? null;
  const [images, counts] = [await countImages(db, id), await stepCounts(db, id, spaceId)];
  return {
    corpus: name,
    images,
    rejectedFiles: await countRejectedFiles(db, id),
    pausedAt,
    coverage: STEPS.map((step) => ({ step, ...counts[step], notPlanned: images - counts[step].total })),
    failures: await failureClasses(db, id, spaceId),
    operations: await openOperations(db, id),
  };
}

function describeStatus(status: StepStatus): string[] {
  const { corpus, images, rejectedFiles, pausedAt, coverage, failures, operations } = status;
  const columns = ["pending", "leased", "done", "failed", "excluded", "notPlanned"] as const;
  const row = (cells: readonly (string | number)[]) =>
    cells.map((cell, index) => (index === 0 ? String(cell).padEnd(14) : String(cell).padStart(10))).join("");
  return [
    `Corpus "${corpus}": ${images} images, ${rejectedFiles} rejected files${pausedAt ? `; paused since ${pausedAt.toISOString()}` : ""}`,
    row(["step", "pending", "leased", "done", "failed", "excluded", "unplanned"]),
    ...coverage.map((counts) => row([counts.step, ...columns.map((column) => counts[column])])),
    ...failures.map(describeFailure),
    ...operations.map(describeOperation),
  ];
}

function describeFailure({ step, code, errorClass, failed, waiting, cancelled, message }: FailureClass): string {
  if (cancelled > 0) return `${step}: ${cancelled} cancelled`;
  const numbers = [failed && `${failed} failed`, waiting && `${waiting} to be tried again`].filter(Boolean).join(", ");
  return `${step}: ${code} (${errorClass.toLowerCase()}): ${numbers}; last: ${message}`;
}

function describeOperation({ id, kind, state, createdAt, counts }: Operation): string {
  const numbers = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
  return `${kind} ${id} ${state} since ${createdAt.toISOString()}: ${numbers.join(", ") || "just begun"}`;
}

import type { MetadataKind } from "@medley/media";
import { spaceOf } from "@medley/search";
import {
  type AttributeSchema,
  activateSpace,
  activeSpace,
  countImages,
  createOperation,
  ensureCorpus,
  ensureSpace,
  excludeOpenSteps,
  failSilentOperations,
  findImage,
  forgetOldChanges,
  INGEST_OPERATION,
  pausedSince,
  planSteps,
  retryFailedSteps,
  type OperationUpdate,
  type Step,
  type StepCounts,
  stepCounts,
  switchSpace,
  updateOperation,
} from "@medley/storage";
import { errorType, type Span, type TraceFields, traceFields } from "@medley/tracing";
import { calibrateWhenDue } from "./calibrate-when-due.ts";
import { planCaptions } from "./plan-captions.ts";
import { allOrAbort } from "./all-or-abort.ts";
import { declareForRun } from "./declare-for-run.ts";
import type { IngestContext } from "./ingest-context.ts";
import { corpusDeleted, IngestError } from "./ingest-error.ts";
import { isDeleted } from "./is-deleted.ts";
import { createPace, workOf } from "./progress-view.ts";
import { type Registration, registerPictures } from "./register-pictures.ts";
import { indexLargeSpace } from "./index-large-space.ts";
import { observeRegularly } from "./observe-regularly.ts";
import { isTransient, retryTransient } from "./retry.ts";
import type { Finding } from "./scan/finding.ts";
import { createOtherSpaces } from "./spaces/other-spaces.ts";
import { builderOf, planOf } from "./spaces/space-plan.ts";
import { runSteps, type StepPlan } from "./steps/run-steps.ts";
import { openRun } from "./trace-work.ts";

export interface IngestRequest {
  readonly corpus: string;
  /** Absent: only the open steps of what is registered already. */
  readonly findings?: AsyncIterable<Finding>;
  readonly captions: boolean;
  /** False leaves it to a later run to calibrate searches, which takes a minute or two; true when absent. */
  readonly calibration?: boolean;
  /** Takes the calibration over, so that the run ends before it; absent: the run waits for it. */
  readonly calibrateBeside?: (calibrate: () => Promise<void>) => void;
  /** Gives steps that failed for good in earlier runs a fresh set of attempts. */
  readonly retryFailed: boolean;
  /** What the corpus is to declare about attributes before anything comes in; what it declares already when absent. */
  readonly attributes?: AttributeSchema;
  /** What is read from the EXIF and XMP of the pictures that are found; nothing when absent. */
  readonly readMetadata?: readonly MetadataKind[];
  /** Of the steps of the pictures that are found: 0 unless told otherwise, more for what somebody waits for. */
  readonly priority?: number;
}

export interface FailedImage {
  /** Where the picture came from first. */
  readonly path: string;
  readonly imageId: string;
  readonly step: Step;
  readonly code: string;
  readonly message: string;
  /** Of the batch; empty where nothing is traced. */
  readonly trace: TraceFields;
}

export interface IngestListener {
  readonly onRegistration: (registration: Registration) => void;
  readonly onFailedImage: (failed: FailedImage) => void;
  readonly onProgress: (progress: IngestProgress) => void;
  /** Something that a person should know and that is no error. */
  readonly onNote: (note: string, about?: NoteSubject) => void;
}

/** What a note is about: the corpus of the run, unless it says that it is the models, which serve every corpus. */
export type NoteSubject = "CORPUS" | "MODELS";

export interface IngestProgress {
  readonly added: number;
  readonly known: number;
  readonly rejected: number;
  /** Pictures that came in though their metadata was asked for and cannot be read. */
  readonly brokenMetadata: number;
  /** False while the scan still finds pictures, so that the totals still grow. */
  readonly scanned: boolean;
  readonly steps: Readonly<Record<Step, StepCounts>>;
  /** Steps that this run is to do. */
  readonly wanted: readonly Step[];
  /** True when there was nothing to do, so that nothing was begun. */
  readonly idle: boolean;
  readonly outcome: IngestOutcome;
}

/**
 * How a run ended: STOPPED by a signal to this process, CANCELLED by somebody who cancelled its operation, PAUSED because its corpus was. Only a
 * run without files to read ends for a pause; one that reads waits.
 */
export type IngestOutcome = "DONE" | "STOPPED" | "CANCELLED" | "PAUSED";

/** A living run is seen every second; one that was not seen for this long was killed. */
const SILENT_MS = 60_000;

/**
 * Brings pictures into a corpus and does every open step of it. What is recorded is not done again, so the same request after
 * a crash goes on where it was. Rejects only when the run as a whole cannot go on, as when its corpus is deleted; bad pictures are reported.
 */
export async function runIngest(
  outer: IngestContext,
  request: IngestRequest,
  listener: IngestListener,
): Promise<IngestProgress> {
  const failure = new AbortController();
  const control = createControl(outer.signal);
  const signal = AbortSignal.any([control.signal, failure.signal]);
  let run: Span | null = null;
  const context = { ...outer, signal, retry: { ...outer.retry, signal }, run: () => run };
  const persist = <T>(call: () => Promise<T>) => retryTransient(call, context.retry);
  const { corpusId, plan, replaces, wanted } = await persist(() => beginRun(context, request, listener));
  const otherSpaces = createOtherSpaces(context, {
    corpusId,
    besideSpaceId: plan.spaceId,
    onNote: listener.onNote,
  });

  const tally = { added: 0, known: 0, rejected: 0, brokenMetadata: 0, scanned: request.findings === undefined };
  const observe = async (): Promise<IngestProgress> => ({
    ...tally,
    steps: await persist(() => stepCounts(context.db, corpusId, plan.spaceId)),
    wanted,
    idle: false,
    outcome: control.outcome(),
  });
  const calibrate = async () => {
    const work = () => calibrateWhenDue(context, calibrationTargetOf(plan), listener.onNote);
    if (request.calibrateBeside) request.calibrateBeside(work);
    else await work();
  };
  if (request.findings === undefined) {
    const progress = await observe();
    const isIdle = wanted.every((step) => openOf(progress.steps[step]) === 0);
    if (isIdle && !(await otherSpaces.areBehind())) {
      // A corpus of before there were calibrations has nothing else to do.
      await calibrate();
      return { ...progress, idle: true };
    }
  }
  const stepsAtStart = workOf(await observe()).done;
  const operation = await persist(() =>
    createOperation(context.db, { kind: INGEST_OPERATION, corpusId, state: "RUNNING", counts: { stepsAtStart } }),
  );
  run = openRun("ingest", { corpusId, operationId: operation.id });
  const pace = createPace(() => performance.now());
  const countsNow = (progress: IngestProgress) => {
    const { done, total } = workOf(progress);
    return { ...countsOf(progress), stepsPerMinute: Math.round(pace(done, total).stepsPerSecond * 60) };
  };
  const observer = observeRegularly(async () => {
    // Counting a large corpus takes a while, and whoever cancels must not wait for it.
    const { state } = await updateOperation(context.db, { operationId: operation.id });
    if (state === "CANCELLED") control.stop("CANCELLED");
    else if ((await pausedSince(context.db, corpusId)) !== null) {
      if (request.findings === undefined) control.stop("PAUSED");
      else listener.onNote(`The corpus is paused. Go on with: medley steps resume --corpus ${request.corpus}`);
    }
    const progress = await observe();
    listener.onProgress(progress);
    await updateOperation(context.db, { operationId: operation.id, counts: countsNow(progress) });
    await otherSpaces.look();
  });
  try {
    const register = async () => {
      const priority = request.priority === undefined ? {} : { priority: request.priority };
      const metadata = request.readMetadata === undefined ? {} : { readMetadata: request.readMetadata };
      const { modelInput } = plan;
      const target = { corpusId, spaceId: plan.spaceId, steps: wanted, modelInput, ...priority, ...metadata };
      for await (const registration of registerPictures(context, target, request.findings ?? nothing())) {
        count(tally, registration);
        listener.onRegistration(registration);
        if (context.signal.aborted) return;
      }
      tally.scanned = true;
    };
    const registered = register();
    const reports: Promise<void>[] = [];
    const steps = runSteps(context, plan, {
      registered,
      onResults: (step, results) => {
        for (const { imageId, state, error } of results) {
          if (state === "failed" && error) {
            const failed = { imageId, step, ...error, trace: traceFields() };
            reports.push(reportFailedImage(context, listener, failed));
          }
        }
      },
      onEmbedded: () => persist(() => activateWhenBuilt(context, plan, replaces, listener)),
    });
    const filled = allOrAbort(failure, [registered, steps]).then(otherSpaces.finish);
    await allOrAbort(failure, [registered, steps, filled]).catch((error: unknown) => {
      // A server that was being waited for when the run was told to stop is no failure of the run.
      if (!control.signal.aborted || !isTransient(error)) throw error;
    });
    await Promise.all(reports);
    if (!context.signal.aborted) await persist(() => indexLargeSpace(context, plan.spaceId, listener.onNote));
    await observer.stop();
    // What was registered, or given back, between the cancellation and its notice.
    if (control.outcome() === "CANCELLED") {
      if (await isDeleted(context.db, corpusId)) throw corpusDeleted(request.corpus);
      await persist(() => excludeOpenSteps(context.db, corpusId));
    }
    const progress = await observe();
    const end = { operationId: operation.id, counts: countsNow(progress), ...endOf(progress) };
    await persist(() => updateOperation(context.db, end));
    listener.onProgress(progress);
    run?.set({ ...forTraces(progress), "medley.outcome": progress.outcome });
    if (request.calibration !== false && !context.signal.aborted) await calibrate();
    return progress;
  } catch (error) {
    run?.fail(errorType(error));
    await observer.stop();
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof IngestError ? error.code : "FAILED";
    await updateOperation(context.db, {
      operationId: operation.id,
      state: "FAILED",
      errorCode: code,
      errorMessage: message,
    }).catch(() => {});
    // Whatever failed because its rows went.
    if (await isDeleted(context.db, corpusId)) throw corpusDeleted(request.corpus);
    throw error;
  } finally {
    run?.end();
  }
}

/** Tells a run to stop in good order, and remembers who did: the first one counts. */
function createControl(outer: AbortSignal) {
  const stop = new AbortController();
  let reason: IngestOutcome | undefined;
  return {
    signal: AbortSignal.any([outer, stop.signal]),
    stop: (why: "CANCELLED" | "PAUSED") => {
      if (!outer.aborted) reason ??= why;
      stop.abort();
    },
    outcome: (): IngestOutcome => reason ?? (outer.aborted ? "STOPPED" : "DONE"),
  };
}

/** What the operation of a run says at its end. */
function endOf({ outcome }: IngestProgress): Pick<OperationUpdate, "state" | "errorCode" | "errorMessage"> {
  if (outcome === "DONE") return { state: "SUCCEEDED" };
  if (outcome !== "PAUSED") return { state: "CANCELLED" };
  return { state: "CANCELLED", errorCode: "PAUSED", errorMessage: "The corpus was paused; its open steps stay open." };
}

/** Everything that must be there before the first step. Repeating it is harmless. */
async function beginRun(
  context: IngestContext,
  request: IngestRequest,
  listener: IngestListener,
): Promise<{ corpusId: string; plan: StepPlan; replaces: string | null; wanted: Step[] }> {
  const { id: corpusId } = await ensureCorpus(context.db, { name: request.corpus });
  if (request.attributes) await declareForRun(context, corpusId, request.attributes, listener.onNote);
  await failSilentOperations(context.db, { corpusId, kind: INGEST_OPERATION, silentForMs: SILENT_MS });
  // Its rows come from writing, whether anything reads them or not.
  await forgetOldChanges(context.db);
  const { plan, replaces } = await makePlan(context, corpusId, request, listener);
  const wanted: Step[] = [
    ...(["prepare", "embed", "caption-embed"] as const),
    ...(plan.captioner ? (["caption"] as const) : []),
    ...(plan.filter ? (["filter"] as const) : []),
  ];
  if (request.retryFailed) await retryFailedSteps(context.db, { corpusId });
  await planMissingSteps(context, plan, wanted);
  return { corpusId, plan, replaces, wanted };
}

/**
 * Finds the models and the space that they fill: the one that answers, as long as its model is served, and otherwise that of the retrieval model, which
 * then answers in place of `replaces` when it is built. A corpus without a space gets it at once.
 */
async function makePlan(
  context: IngestContext,
  corpusId: string,
  request: IngestRequest,
  listener: IngestListener,
): Promise<{ plan: StepPlan; replaces: string | null }> {
  const models = await retryTransient(() => context.inference.models(), context.retry);
  const active = await activeSpace(context.db, corpusId);
  const builder = active && (await builderOf(context, active));
  const retrieval = builder ?? models.find(({ role }) => role === "retrieval");
  if (!retrieval || retrieval.embeddingDimensions === null) {
    const served = models.map(({ role, name }) => `${role}: ${name}`).join(", ") || "none";
    const message = `The model set has no model that embeds pictures (served: ${served}). Add one with the role "retrieval".`;
    throw new IngestError("MODEL_MISSING", message);
  }
  const space = builder && active ? active : await ensureSpace(context.db, spaceOf(retrieval));
  // The first space answers searches from the first picture on; a later one only when it is complete (activateWhenBuilt).
  if (active === null) await activateSpace(context.db, corpusId, space.id);
  const replaces = active === null || active.id === space.id ? null : active.id;
  const plan = planOf(corpusId, space.id, retrieval);
  if (!request.captions) return { plan, replaces };
  return { plan: { ...plan, ...(await planCaptions(context, corpusId, models, listener)) }, replaces };
}

function calibrationTargetOf({ corpusId, spaceId, retrieval }: StepPlan) {
  return { corpusId, spaceId, itcWeight: retrieval.itcWeight };
}

/** Rows for images that came without this plan: another way into the corpus, a new model, captions left out before. */
async function planMissingSteps(context: IngestContext, plan: StepPlan, wanted: readonly Step[]): Promise<void> {
  const images = await countImages(context.db, plan.corpusId);
  const counts = await stepCounts(context.db, plan.corpusId, plan.spaceId);
  if (wanted.every((step) => counts[step].total === images)) return;
  await planSteps(context.db, { corpusId: plan.corpusId, spaceId: plan.spaceId, steps: wanted });
}

/** Whoever moved the corpus into another space meanwhile has decided: then nothing is changed. */
async function activateWhenBuilt(
  { db }: IngestContext,
  { corpusId, spaceId, retrieval }: StepPlan,
  replaces: string | null,
  listener: IngestListener,
): Promise<void> {
  const active = await activeSpace(db, corpusId);
  if (replaces === null || active?.id !== replaces) return;
  // The model of the space before is not served any more: whatever this one has is more than nothing.
  const change = { corpusId, fromSpaceId: replaces, spaceId, mayMiss: Number.MAX_SAFE_INTEGER };
  await db.transaction((tx) => switchSpace(tx, change));
  listener.onNote(`The corpus is now searched in the space of "${retrieval.name}" (before: "${active.name}").`);
}

async function reportFailedImage(
  context: IngestContext,
  listener: IngestListener,
  failed: Omit<FailedImage, "path">,
): Promise<void> {
  const image = await findImage(context.db, failed.imageId).catch(() => null);
  listener.onFailedImage({ ...failed, path: image?.origins[0] ?? failed.imageId });
}

function count(
  tally: { added: number; known: number; rejected: number; brokenMetadata: number },
  registration: Registration,
): void {
  if (registration.kind === "registered" && registration.metadataIsBroken) tally.brokenMetadata += 1;
  if (registration.kind === "rejected") tally.rejected += 1;
  else if (registration.created) tally.added += 1;
  else tally.known += 1;
}

/** Also what rate and time left are computed from: stepsEnded and stepsTotal, beside stepsAtStart of when the run began. */
function countsOf(progress: IngestProgress): Record<string, number> {
  const { added, known, rejected, scanned, steps, wanted } = progress;
  const counts = wanted.flatMap((step): [string, number][] => [
    [`${step}Done`, steps[step].done],
    [`${step}Failed`, steps[step].failed],
    [`${step}Open`, openOf(steps[step])],
  ]);
  const { done, total } = workOf(progress);
  const rest = { stepsEnded: done, stepsTotal: total, scanned: scanned ? 1 : 0 };
  return { added, known, rejected, ...Object.fromEntries(counts), ...rest };
}

function forTraces({ added, known, rejected }: IngestProgress) {
  return { "medley.run.added": added, "medley.run.known": known, "medley.run.rejected": rejected };
}

function openOf({ pending, leased }: StepCounts): number {
  return pending + leased;
}

async function* nothing(): AsyncGenerator<Finding> {}

import type { ModelInfo } from "@medley/inference-api";
import {
  ANSWER_OPERATION,
  beginRenewals,
  claimAnswers,
  type ClaimedStep,
  createOperation,
  excludeOpenAnswers,
  extendAnswerLeases,
  failSilentOperations,
  findCorpus,
  liveQuestions,
  openAnswers,
  type OperationUpdate,
  pausedSince,
  planAnswers,
  type QuestionCoverage,
  questionCoverage,
  releaseAnswerLeases,
  retryFailedAnswers,
  updateOperation,
} from "@medley/storage";
import { allOrAbort } from "../all-or-abort.ts";
import type { IngestContext } from "../ingest-context.ts";
import { IngestError } from "../ingest-error.ts";
import { createLeases, type Leases } from "../leases.ts";
import { observeRegularly } from "../observe-regularly.ts";
import { isTransient, retryTransient } from "../retry.ts";
import { openRun, traceBatch } from "../trace-work.ts";
import { answerBatch, type FailedAnswer } from "./answer-batch.ts";

type AnswerClaim = { readonly questionId: string; readonly limit: number };
type AnswerLeases = Leases<AnswerClaim, ClaimedStep>;

function leaseAnswers(context: IngestContext): AnswerLeases {
  const { db } = context;
  return createLeases<AnswerClaim, ClaimedStep>(context, {
    claim: (claim) => claimAnswers(db, claim),
    extend: (held) => extendAnswerLeases(db, held),
    release: (held) => releaseAnswerLeases(db, held),
  });
}

export interface QuestionsRequest {
  readonly corpus: string;
  /** Gives answers that failed for good in earlier runs a fresh set of attempts. */
  readonly retryFailed: boolean;
  /** Waits for answers that others have in hand, a killed process among them, also when nothing else is left; false leaves them to the next look. */
  readonly waitsForOthers: boolean;
}

export interface QuestionsListener {
  readonly onFailedAnswer: (failed: FailedAnswer & { readonly question: string }) => void;
  readonly onProgress: (progress: AnswersProgress) => void;
  /** Something that a person should know and that is no error. */
  readonly onNote: (note: string) => void;
}

/** Answers to all questions of a corpus together. */
export interface AnswersProgress {
  readonly answered: number;
  readonly failed: number;
  readonly excluded: number;
  readonly pending: number;
}

export interface QuestionsOutcome {
  /** True when there was nothing to do, so that nothing was begun. */
  readonly idle: boolean;
  /** As of an ingest: STOPPED by a signal to this process, CANCELLED by somebody, PAUSED because the corpus was. */
  readonly outcome: "DONE" | "STOPPED" | "CANCELLED" | "PAUSED";
  readonly progress: AnswersProgress;
}

const NOTHING: AnswersProgress = { answered: 0, failed: 0, excluded: 0, pending: 0 };

/** A living run is seen every second; one that was not seen for this long was killed. */
const SILENT_MS = 60_000;
const POLL_MS = 250;
/** 100,000 answers take 0.2 s to count (2026-11-26, PostgreSQL 18): of a large corpus they are counted in a tenth of the time at most. */
const COUNTING_SHARE = 9;
/** Two batches keep the model busy while answers are saved. */
const WORKERS = 2;
const PICTURES = 8;

/**
 * Answers the questions of a corpus about every picture that is ready for it, until none is left. What is answered is not asked again, whatever was
 * killed, and a question that is declared or retired meanwhile is taken up or let go. Rejects only when the run as a whole cannot go on.
 */
export async function runQuestions(
  outer: IngestContext,
  request: QuestionsRequest,
  listener: QuestionsListener,
): Promise<QuestionsOutcome> {
  const idle: QuestionsOutcome = { idle: true, outcome: "DONE", progress: NOTHING };
  const persist = <T>(call: () => Promise<T>) => retryTransient(call, outer.retry);
  const corpus = await persist(() => findCorpus(outer.db, request.corpus));
  if (!corpus || corpus.pausedAt !== null || outer.signal.aborted) return idle;
  const corpusId = corpus.id;
  if ((await persist(() => liveQuestions(outer.db, corpusId))).length === 0) return idle;
  if (request.retryFailed) await persist(() => retryFailedAnswers(outer.db, { corpusId }));
  const answerer = (await persist(() => outer.inference.models())).find(({ role }) => role === "answerer");
  if (!answerer) {
    listener.onNote("The model set has no answerer: the questions of the corpus are not answered.");
    return idle;
  }
  await persist(() => failSilentOperations(outer.db, { corpusId, kind: ANSWER_OPERATION, silentForMs: SILENT_MS }));
  const { claimable, left } = await plan(outer, corpusId, answerer);
  if (!(request.waitsForOthers ? left : claimable)) return idle;
  return await runPlanned(outer, { corpusId, answerer }, listener);
}

interface Target {
  readonly corpusId: string;
  readonly answerer: ModelInfo;
}

/** Rows for pictures and questions that came meanwhile, and for answers that were asked for again. */
function plan({ db, retry }: IngestContext, corpusId: string, answerer: ModelInfo) {
  return retryTransient(async () => {
    await beginRenewals(db, { corpusId, modelFingerprint: answerer.fingerprint });
    await planAnswers(db, corpusId);
    return await openAnswers(db, corpusId);
  }, retry);
}

async function runPlanned(
  outer: IngestContext,
  target: Target,
  listener: QuestionsListener,
): Promise<QuestionsOutcome> {
  const { corpusId } = target;
  const stop = new AbortController();
  const failure = new AbortController();
  let reason: "CANCELLED" | "PAUSED" | undefined;
  const signal = AbortSignal.any([outer.signal, stop.signal, failure.signal]);
  const outcomeNow = () => reason ?? (outer.signal.aborted ? "STOPPED" : "DONE");
  const observe = async () => progressOf(await questionCoverage(outer.db, corpusId));
  const atStart = await retryTransient(observe, outer.retry);
  const stepsAtStart = countsOf(atStart)["stepsEnded"] ?? 0;
  const { id: operationId } = await retryTransient(() => {
    const counts = { ...countsOf(atStart), stepsAtStart };
    return createOperation(outer.db, { kind: ANSWER_OPERATION, corpusId, state: "RUNNING", counts });
  }, outer.retry);
  const run = openRun("answer", { corpusId, operationId });
  const context: IngestContext = { ...outer, signal, retry: { ...outer.retry, signal }, run: () => run };
  let countAt = 0;
  const watch = observeRegularly(async () => {
    const { state } = await updateOperation(outer.db, { operationId });
    if (state === "CANCELLED") reason ??= "CANCELLED";
    else if ((await pausedSince(outer.db, corpusId)) !== null) reason ??= "PAUSED";
    if (reason !== undefined) stop.abort();
    const startedAt = performance.now();
    if (startedAt < countAt) return;
    const progress = await observe();
    const endedAt = performance.now();
    countAt = endedAt + COUNTING_SHARE * (endedAt - startedAt);
    listener.onProgress(progress);
    await updateOperation(outer.db, { operationId, counts: countsOf(progress) });
  });
  const leases = leaseAnswers(context);
  try {
    const workers = Array.from({ length: WORKERS }, () => work(context, target, leases, listener));
    await allOrAbort(failure, workers).catch((error: unknown) => {
      // A server that was being waited for when the run was told to stop is no failure of the run.
      if (!(stop.signal.aborted || outer.signal.aborted) || !isTransient(error)) throw error;
    });
    await leases.end();
    await watch.stop();
    // What is cancelled is open no longer, so a run may end before it has seen why.
    const { state } = await retryTransient(() => updateOperation(outer.db, { operationId }), outer.retry);
    if (state === "CANCELLED") reason ??= "CANCELLED";
    // What was given back between the cancellation and its notice.
    if (reason === "CANCELLED") await retryTransient(() => excludeOpenAnswers(outer.db, corpusId), outer.retry);
    const progress = await retryTransient(observe, outer.retry);
    const end = { operationId, counts: countsOf(progress), ...endOf(outcomeNow()) };
    await retryTransient(() => updateOperation(outer.db, end), outer.retry);
    listener.onProgress(progress);
    return { idle: false, outcome: outcomeNow(), progress };
  } catch (error) {
    await leases.end();
    await watch.stop();
    const errorCode = error instanceof IngestError ? error.code : "FAILED";
    const errorMessage = error instanceof Error ? error.message : String(error);
    await updateOperation(outer.db, { operationId, state: "FAILED", errorCode, errorMessage }).catch(() => {});
    run?.fail(errorCode);
    throw error;
  } finally {
    run?.end();
  }
}

/** One question after the other, the oldest first: a column that is complete is worth more than two halves. */
async function work(
  context: IngestContext,
  { corpusId, answerer }: Target,
  leases: AnswerLeases,
  listener: QuestionsListener,
): Promise<void> {
  const { db, retry, signal } = context;
  while (!signal.aborted) {
    const questions = await retryTransient(() => liveQuestions(db, corpusId), retry);
    let did = false;
    for (const question of questions) {
      const claim = { questionId: question.id, limit: PICTURES };
      did = await leases.withBatch(claim, (batch) =>
        traceBatch(context, { step: "answer", corpusId, images: batch.claimed.length }, async (span) => {
          const failed = await answerBatch(context, { question, answerer }, batch);
          span.set({ "medley.batch.failed": failed.length, "medley.question.id": question.id });
          for (const each of failed) listener.onFailedAnswer({ ...each, question: question.name });
        }),
      );
      if (did) break;
    }
    if (did) continue;
    // What another process holds, or waits for another try, is waited for; so are pictures that came meanwhile.
    const { left, claimable } = await retryTransient(() => openAnswers(db, corpusId), retry);
    if (left && !claimable) await retry.sleep(POLL_MS, signal);
    if (!left && !(await plan(context, corpusId, answerer)).left) return;
  }
}

function progressOf(coverage: readonly QuestionCoverage[]): AnswersProgress {
  const sum = (name: keyof AnswersProgress) => coverage.reduce((total, each) => total + each[name], 0);
  return { answered: sum("answered"), failed: sum("failed"), excluded: sum("excluded"), pending: sum("pending") };
}

/** Also what rate and time left are computed from, as of an ingest. */
function countsOf({ answered, failed, excluded, pending }: AnswersProgress): Record<string, number> {
  const stepsEnded = answered + failed + excluded;
  return { answered, failed, excluded, pending, stepsEnded, stepsTotal: stepsEnded + pending, scanned: 1 };
}

function endOf(outcome: QuestionsOutcome["outcome"]): Pick<OperationUpdate, "state" | "errorCode" | "errorMessage"> {
  if (outcome === "DONE") return { state: "SUCCEEDED" };
  if (outcome !== "PAUSED") return { state: "CANCELLED" };
  return {
    state: "CANCELLED",
    errorCode: "PAUSED",
    errorMessage: "The corpus was paused; its open answers stay open.",
  };
}

/** For the log: what a run came to. */
export function describeAnswers(corpus: string, { answered, failed, excluded, pending }: AnswersProgress): string {
  const numbers = `${answered} given, ${failed} failed, ${excluded} left out, ${pending} open`;
  return `${corpus}: answers to questions: ${numbers}.`;
}

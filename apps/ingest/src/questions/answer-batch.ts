import type { Answer, ModelInfo } from "@medley/inference-api";
import { answerModeOf, answerValue } from "@medley/search";
import { type ClaimedStep, failAnswer, type GivenAnswer, type Question, saveAnswers } from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { IngestError } from "../ingest-error.ts";
import type { Batch } from "../leases.ts";
import { requireAvailable, retryTransient } from "../retry.ts";

export interface FailedAnswer {
  readonly imageId: string;
  readonly code: string;
  readonly message: string;
}

/**
 * Asks the question about each picture of the batch and saves what was answered. Returns what failed for good.
 * @throws IngestError MODELS_CHANGED
 */
export async function answerBatch(
  context: IngestContext,
  { question, answerer }: { readonly question: Question; readonly answerer: ModelInfo },
  batch: Batch<ClaimedStep>,
): Promise<FailedAnswer[]> {
  const { db, inference, retry } = context;
  const asked = batch.claimed.map(({ sha256 }) => ({ image: { sha256 }, question: question.question }));
  const mode = answerModeOf(question);
  const ask = async () => requireAvailable(await inference.answerQuestions(asked, mode, { background: true }));
  const outcomes = await retryTransient(ask, retry);
  await requireSameAnswerer(context, answerer);
  const rows: GivenAnswer[] = [];
  const failed: FailedAnswer[] = [];
  for (const [index, { imageId }] of batch.claimed.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) throw new Error("Bug: answerQuestions returned fewer outcomes than questions");
    if (outcome.ok) {
      rows.push(givenAnswer(question, imageId, outcome.value));
      continue;
    }
    const { code, message, retryable } = outcome.error;
    const failure = { questionId: question.id, owner: batch.owner, imageId, code, message, retryable };
    if ((await retryTransient(() => failAnswer(db, failure), retry)) === "failed") {
      failed.push({ imageId, code, message });
    }
  }
  const given = { questionId: question.id, owner: batch.owner, modelFingerprint: answerer.fingerprint, rows };
  if (rows.length > 0) await retryTransient(() => saveAnswers(db, given), retry);
  return failed;
}

/** An answer does not say which model gave it: only where the same one is served before and after, it was that one. */
async function requireSameAnswerer({ inference, retry }: IngestContext, answerer: ModelInfo): Promise<void> {
  const models = await retryTransient(() => inference.models(), retry);
  const now = models.find(({ role }) => role === "answerer");
  if (now?.fingerprint === answerer.fingerprint) return;
  const message = `The answerer "${answerer.name}" was replaced by ${now ? `"${now.name}"` : "none"} while questions were answered. Its last answers were not kept. Run the same command again.`;
  throw new IngestError("MODELS_CHANGED", message);
}

function givenAnswer(question: Question, imageId: string, given: Answer): GivenAnswer {
  const ranked = given.mode === "rank";
  const generated = Math.min(1, Math.exp(given.logProbability));
  return {
    imageId,
    answer: given.text,
    value: answerValue(question, given.text),
    logProbability: given.logProbability,
    probability: ranked ? (given.relativeProbability ?? null) : generated,
    mode: ranked ? "RANK" : "GENERATE",
  };
}

import type { IngestContext } from "../ingest-context.ts";
import { IngestError } from "../ingest-error.ts";
import { describeAnswers, type QuestionsListener, runQuestions } from "./run-questions.ts";

export interface ReportOptions {
  readonly retryFailed: boolean;
  /** Failed answers as JSON on standard output, one a line; sentences on standard error otherwise. */
  readonly json: boolean;
}

/** Answers the questions of a corpus behind an ingest that went well; `code` is how that ended. Returns the exit status of both. */
export async function answerAfter(
  context: IngestContext,
  corpus: string,
  options: ReportOptions,
  code: number,
): Promise<number> {
  if (code !== 0 || context.signal.aborted) return code;
  const { idle, outcome, progress } = await runQuestions(
    context,
    { corpus, retryFailed: options.retryFailed, waitsForOthers: true },
    listenerOf(corpus, options, (note) => console.error(note)),
  );
  if (idle) return 0;
  console.error(describeAnswers(corpus, progress));
  if (outcome === "DONE") return 0;
  console.error(`${corpus}: the answers to questions are not complete: ${WHY[outcome]}`);
  return 1;
}

const WHY = {
  STOPPED: "stopped before the end. Run the same command again to go on.",
  CANCELLED: "somebody cancelled them. Bring them back with: medley steps retry --step answer --corpus NAME",
  PAUSED: "the corpus is paused. Go on with: medley steps resume --corpus NAME",
} as const;

/**
 * The same for a worker that looks again and again, beside its other work, so that pictures that come meanwhile do not wait. What an administrator
 * has to mend is said once and tried again with the next look.
 */
export async function answerBeside(
  context: IngestContext,
  corpus: string,
  { json, said }: { readonly json: boolean; readonly said: Set<string> },
): Promise<void> {
  const sayOnce = (note: string) => {
    if (!said.has(note)) console.error(note);
    said.add(note);
  };
  try {
    // What failed for good is opened by people alone, or every look would try it again.
    const request = { corpus, retryFailed: false, waitsForOthers: false };
    const { idle, progress } = await runQuestions(context, request, listenerOf(corpus, { json }, sayOnce));
    if (!idle) console.error(describeAnswers(corpus, progress));
  } catch (error) {
    if (!(error instanceof IngestError) || error.code !== "MODELS_CHANGED") throw error;
    sayOnce(`${corpus}: ${error.message}`);
  }
}

function listenerOf(
  corpus: string,
  { json }: { readonly json: boolean },
  say: (note: string) => void,
): QuestionsListener {
  return {
    onProgress: () => {},
    onNote: (note) => say(`${corpus}: ${note}`),
    onFailedAnswer: ({ imageId, question, code, message }) => {
      if (json) process.stdout.write(`${JSON.stringify({ imageId, question, error: { code, message } })}\n`);
      else console.error(`${corpus}: ${imageId}: question "${question}" failed: ${message} (${code})`);
    },
  };
}

import type { AnswerMode, Decoding, Inference } from "@medley/inference-api";
import type { Database, Image } from "@medley/storage";
import { requireImage, validateDecoding } from "./caption-image.ts";
import { SearchError } from "./errors.ts";
import { requireModel } from "./models.ts";
import { requireInteger, requireText } from "./query.ts";

/** The settings of BLIP's generated answers. */
export const ANSWER_DECODING: Decoding = { method: "beam", beams: 3, maxLength: 10, minLength: 1 };

/** BLIP's own answer list for VQA has 3,128 entries. */
const MAX_ANSWERS = 5000;

export interface AskQuery {
  readonly imageId: string;
  readonly question: string;
  /** Generates with ANSWER_DECODING when absent. */
  readonly mode?: AnswerMode;
  readonly deadlineMs?: number;
}

export interface AskResult {
  readonly image: Image;
  readonly question: string;
  readonly text: string;
  /** Natural logarithm of the probability that the model gives the answer's tokens. */
  readonly logProbability: number;
  readonly mode: AnswerMode["mode"];
  readonly modelName: string;
  readonly modelFingerprint: string;
}

/** Answers a question about a picture. Nothing is stored. */
export async function askImage(
  { db, inference }: { readonly db: Database; readonly inference: Inference },
  query: AskQuery,
): Promise<AskResult> {
  const question = requireText("question", query.question);
  const mode = validateMode(query.mode ?? { mode: "generate", decoding: ANSWER_DECODING });
  const image = await requireImage(db, query.imageId);
  const model = requireModel(await inference.models(), "answerer");
  const options = query.deadlineMs === undefined ? {} : { deadlineMs: query.deadlineMs };
  const [outcome] = await inference.answerQuestions([{ image: { sha256: image.sha256 }, question }], mode, options);
  if (outcome === undefined) throw new Error("Bug: answerQuestions returned no outcome for one question");
  if (!outcome.ok) throw outcome.error;
  const { text, logProbability } = outcome.value;
  const { name: modelName, fingerprint: modelFingerprint } = model;
  return { image, question, text, logProbability, mode: outcome.value.mode, modelName, modelFingerprint };
}

function validateMode(mode: AnswerMode): AnswerMode {
  if (mode.mode === "generate") {
    validateDecoding(mode.decoding);
    return mode;
  }
  const answers = mode.answers.map((answer) => answer.trim());
  if (answers.length === 0 || answers.includes("")) {
    throw new SearchError(
      "INVALID_QUERY",
      "answers holds no answer or an empty one, expected at least one word in each.",
    );
  }
  requireInteger("the number of answers", answers.length, 1, MAX_ANSWERS);
  if (mode.candidates !== undefined) requireInteger("mode.candidates", mode.candidates, 1, MAX_ANSWERS);
  return { ...mode, answers };
}

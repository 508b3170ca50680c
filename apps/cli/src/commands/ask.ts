import { readFile } from "node:fs/promises";
import type { AnswerMode, Inference } from "@medley/inference-api";
import { z } from "zod";
import { CliError, errorRecord } from "../cli-error.ts";
import { readImage } from "../engine/read-image.ts";
import { type LineResult, requireAbility, runLines, settleItem } from "../engine/run-lines.ts";

const questionSchema = z.object({ image: z.string(), question: z.string() });
type Question = z.infer<typeof questionSchema>;

/** {image,question} → {image,question,answer,tokenIds,logProbability} */
export async function runAsk(
  inference: Inference,
  mode: AnswerMode,
  options: { input: string; json: boolean },
): Promise<void> {
  await requireAbility(inference, "answer");
  const run = (questions: readonly Question[]) =>
    Promise.all(questions.map((question) => answerQuestion(inference, mode, question, options.input)));
  await runLines({ ...options, schema: questionSchema, run });
}

/** A closed list of answers: one on each line. */
export async function readAnswers(file: string): Promise<string[]> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError("INPUT_NOT_READABLE", `The list of answers cannot be read: ${reason}.`, { cause: error });
  });
  const answers = text.split(/\r?\n/).flatMap((line) => (line.trim() ? [line.trim()] : []));
  if (answers.length > 0) return answers;
  throw new CliError("INPUT_EMPTY", `"${file}" holds no answers, expected one on each line.`);
}

async function answerQuestion(
  inference: Inference,
  mode: AnswerMode,
  { image, question }: Question,
  input: string,
): Promise<LineResult> {
  const picture = await settleItem(readImage(image, input));
  if (!picture.ok) return picture;
  const [outcome] = await inference.answerQuestions([{ image: picture.value, question }], mode);
  if (!outcome) throw new Error("Bug: answerQuestions gave no outcome for one question");
  if (!outcome.ok) return { ok: false, error: errorRecord(outcome.error) };
  const { text: answer, tokenIds, logProbability } = outcome.value;
  return { ok: true, fields: { answer, tokenIds, logProbability }, text: `${image}\t${question}\t${answer}` };
}

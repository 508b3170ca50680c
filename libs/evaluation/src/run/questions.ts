import { EvaluationError } from "../evaluation-error.ts";
import type { QuestionItem } from "../datasets/dataset.ts";
import { normaliseAnswer, vqaAccuracy } from "../metrics/vqa-accuracy.ts";
import { requireOutcome } from "./embed.ts";
import { meanFigure } from "./intervals.ts";
import { type Example, EXAMPLES, type Failure, type Metric, type TaskResult } from "./result.ts";
import { failureOf, mapConcurrently, type RunContext, tryOpen } from "./run-context.ts";

const TASK = "vqa";
const QUESTIONS_IN_FLIGHT = 16;

interface Answered {
  readonly question: QuestionItem;
  readonly answer: string;
  readonly logProbability: number;
  /** 0..1; 0 where the true answers are secret. */
  readonly accuracy: number;
}

/**
 * VQA accuracy over all questions, by answer type and by question type. The baseline answers without looking: for each question
 * type (or, without one, answer type) the one answer that would score best in this very set.
 */
export async function evaluateQuestions(context: RunContext, questions: readonly QuestionItem[]): Promise<TaskResult> {
  const failures: Failure[] = [];
  const answered = (
    await mapConcurrently(
      questions,
      QUESTIONS_IN_FLIGHT,
      (question) => answerQuestion(context, question, failures),
      (done) => context.onProgress({ task: TASK, step: "answering questions", done, total: questions.length }),
    )
  ).flat();
  if (answered.length === 0) {
    const sentence = `None of ${questions.length} questions could be answered. First reason: ${failures[0]?.message ?? "there are none"}`;
    throw new EvaluationError("EMPTY", sentence);
  }
  const known = answered.filter(({ question }) => question.answers.length > 0);
  const secret = answered.length - known.length;
  return {
    task: TASK,
    metrics: known.length > 0 ? metricsOf(known, context.settings.seed) : [],
    failures,
    ...examplesOf(known),
    notes: secret > 0 ? [`${secret} questions have no published answers; their accuracy is not known here.`] : [],
    predictions: answered.map(({ question, answer }) => ({ question_id: question.id, answer })),
  };
}

async function answerQuestion(context: RunContext, question: QuestionItem, failures: Failure[]): Promise<Answered[]> {
  const opened = await tryOpen(context, TASK, question.picture);
  if ("failure" in opened) {
    failures.push(opened.failure);
    return [];
  }
  const asked = [{ image: opened.image, question: question.question }];
  const outcome = requireOutcome((await context.inference.answerQuestions(asked, context.settings.answerMode))[0]);
  if (!outcome.ok) {
    failures.push(failureOf(TASK, `${question.picture.name}: ${question.question}`, outcome.error));
    return [];
  }
  const { text: answer, logProbability } = outcome.value;
  const accuracy = question.answers.length > 0 ? vqaAccuracy(answer, question.answers) : 0;
  return [{ question, answer, logProbability, accuracy }];
}

function metricsOf(answered: readonly Answered[], seed: number): Metric[] {
  const blind = blindAccuracies(answered.map(({ question }) => question));
  const metric = (group: string | undefined, part: readonly Answered[]): Metric => ({
    task: TASK,
    metric: "accuracy",
    ...(group !== undefined && { group }),
    unit: "share",
    ...meanFigure(
      part.map(({ accuracy }) => accuracy),
      seed,
      pictureClusters(part),
    ),
    n: part.length,
    baseline: part.reduce((sum, { question }) => sum + (blind.get(question) ?? 0), 0) / part.length,
    baselineKind: "best answer without looking",
  });
  const by = (name: string, typeOf: (question: QuestionItem) => string | undefined) => {
    const groups = Map.groupBy(answered, ({ question }) => typeOf(question));
    return [...groups]
      .flatMap(([type, part]) => (type === undefined ? [] : [metric(`${name} ${type}`, part)]))
      .sort((a, b) => b.n - a.n);
  };
  return [
    metric(undefined, answered),
    ...by("answer type", (question) => question.answerType),
    ...by("question type", (question) => question.questionType),
  ];
}

function pictureClusters(part: readonly Answered[]): number[] {
  const numbers = new Map<string, number>();
  return part.map(({ question }) => {
    const { name } = question.picture;
    const number = numbers.get(name) ?? numbers.size;
    numbers.set(name, number);
    return number;
  });
}

/** How many of the most frequent answers of a type are tried as its one answer. */
const CONSTANTS_TRIED = 5;

function blindAccuracies(questions: readonly QuestionItem[]): Map<QuestionItem, number> {
  const accuracies = new Map<QuestionItem, number>();
  for (const part of Map.groupBy(questions, (question) => question.questionType ?? question.answerType).values()) {
    const scores = frequentAnswers(part).map((answer) => part.map(({ answers }) => vqaAccuracy(answer, answers)));
    const total = (row: readonly number[]) => row.reduce((sum, value) => sum + value, 0);
    const best = scores.toSorted((a, b) => total(b) - total(a))[0] ?? [];
    for (const [place, question] of part.entries()) accuracies.set(question, best[place] ?? 0);
  }
  return accuracies;
}

function frequentAnswers(questions: readonly QuestionItem[]): string[] {
  const counts = new Map<string, number>();
  for (const { answers } of questions) {
    for (const answer of answers) {
      const normal = normaliseAnswer(answer);
      counts.set(normal, (counts.get(normal) ?? 0) + 1);
    }
  }
  const ordered = [...counts].sort(([, a], [, b]) => b - a);
  return ordered.slice(0, CONSTANTS_TRIED).map(([answer]) => answer);
}

/** Right and wrong answers that the model was surest of. */
function examplesOf(answered: readonly Answered[]): { best: Example[]; worst: Example[] } {
  const surest = answered.toSorted((a, b) => b.logProbability - a.logProbability);
  const pick = (isWanted: (one: Answered) => boolean) => surest.filter(isWanted).slice(0, EXAMPLES).map(exampleOf);
  return { best: pick(({ accuracy }) => accuracy >= 1), worst: pick(({ accuracy }) => accuracy === 0) };
}

function exampleOf({ question, answer, logProbability }: Answered): Example {
  const counts = [...Map.groupBy(question.answers, (text) => text)].map(([text, same]) => ({ text, n: same.length }));
  const people = counts.sort((a, b) => b.n - a.n).map(({ text, n }) => (n === 1 ? text : `${text} (${n})`));
  return {
    title: question.question,
    picture: question.picture,
    lines: [
      { label: "Model", text: `${answer} (probability ${Math.exp(logProbability).toPrecision(2)})` },
      { label: "People", text: people.join(", ") },
    ],
  };
}

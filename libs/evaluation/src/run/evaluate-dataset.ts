import type { ModelInfo } from "@medley/inference-api";
import type { Dataset } from "../datasets/dataset.ts";
import { EvaluationError } from "../evaluation-error.ts";
import { evaluateCaptions } from "./captions.ts";
import { evaluateClasses } from "./classes.ts";
import { evaluatePairs } from "./pairs.ts";
import { evaluateQuestions } from "./questions.ts";
import type { TaskName } from "../datasets/tasks.ts";
import { withKnownBaselines } from "./known-baselines.ts";
import type { EvaluationResult, Subset, TaskResult } from "./result.ts";
import { evaluateRetrieval } from "./retrieval.ts";
import type { RunContext } from "./run-context.ts";
import { takeSubset } from "./subset.ts";

export interface EvaluateOptions {
  /** As `chooseTasks` gave them. */
  readonly tasks: readonly TaskName[];
  /** Evaluates a random part. */
  readonly subset?: Subset;
}

/** The tasks that a data set has the input of. */
export function tasksOf(dataset: Dataset): TaskName[] {
  const { retrieval, captions, questions, pairs, classes } = dataset;
  return [
    ...(retrieval ? (["retrieval"] as const) : []),
    ...(retrieval && retrieval.unanswered.length > 0 ? (["detection"] as const) : []),
    ...(captions ? (["captions"] as const) : []),
    ...(questions ? (["vqa"] as const) : []),
    ...(pairs ? (["pairs"] as const) : []),
    ...(classes ? (["classes"] as const) : []),
  ];
}

/** What a model must be able to do for a task. */
const NEEDS: Readonly<Record<TaskName, readonly ModelInfo["abilities"][number][]>> = {
  retrieval: ["embed", "match"],
  detection: ["embed", "match"],
  captions: ["caption"],
  vqa: ["answer"],
  pairs: ["embed", "match"],
  classes: ["embed", "match"],
};

export interface ChosenTasks {
  readonly tasks: readonly TaskName[];
  /** Sentences about tasks that the data set has the input of and that no model here can do. */
  readonly notes: readonly string[];
}

/**
 * The wanted tasks; without any, all that the data set has the input of and the models can do.
 * @throws EvaluationError BAD_DATASET where a wanted task has no input, BAD_INPUT where no model can do it or nothing is left
 */
export function chooseTasks(
  dataset: Dataset,
  models: readonly ModelInfo[],
  wanted: readonly TaskName[] | undefined,
): ChosenTasks {
  const possible = tasksOf(dataset);
  const missing = wanted?.find((task) => !possible.includes(task));
  if (missing !== undefined) {
    const sentence = `The data set "${dataset.name}" has nothing for the task "${missing}"; it has: ${possible.join(", ")}.`;
    throw new EvaluationError("BAD_DATASET", sentence);
  }
  const abilities = new Set(models.flatMap((model) => model.abilities));
  const canDo = (task: TaskName) => NEEDS[task].every((ability) => abilities.has(ability));
  const asked = wanted ?? possible;
  const tasks = asked.filter(canDo);
  const notes = asked.filter((task) => !canDo(task)).map((task) => cannot(task, models));
  if (notes[0] !== undefined && (wanted !== undefined || tasks.length === 0)) {
    throw new EvaluationError("BAD_INPUT", notes[0]);
  }
  return { tasks: possible.filter((task) => tasks.includes(task)), notes };
}

function cannot(task: TaskName, models: readonly ModelInfo[]): string {
  const found = models.map(({ role, name, abilities }) => `${role} "${name}" (${abilities.join(", ")})`).join("; ");
  return `The task "${task}" needs a model that can ${NEEDS[task].join(" and ")}; there is ${found || "none"}. Give another --model.`;
}

/**
 * Runs the tasks one after the other. A picture or text that fails is in the failures of its task and in none of its figures.
 * @throws EvaluationError EMPTY where nothing of a task could be measured; InferenceError where the engine refuses a whole call
 */
export async function evaluateDataset(
  context: RunContext,
  dataset: Dataset,
  options: EvaluateOptions,
): Promise<EvaluationResult> {
  const { tasks } = options;
  const { retrieval, captions, questions, pairs, classes, name, source, baselines } = options.subset
    ? takeSubset(dataset, options.subset)
    : dataset;
  const results: TaskResult[] = [];
  const wanted = { retrieval: tasks.includes("retrieval"), detection: tasks.includes("detection") };
  if (retrieval && (wanted.retrieval || wanted.detection)) {
    results.push(...(await evaluateRetrieval(context, retrieval, wanted)));
  }
  if (captions && tasks.includes("captions")) results.push(await evaluateCaptions(context, captions));
  if (questions && tasks.includes("vqa")) results.push(await evaluateQuestions(context, questions));
  if (pairs && tasks.includes("pairs")) results.push(await evaluatePairs(context, pairs));
  if (classes && tasks.includes("classes")) results.push(await evaluateClasses(context, classes));
  const finished = results.map((result) => withKnownBaselines(result, baselines));
  return { dataset: name, source, ...(options.subset && { subset: options.subset }), tasks: finished };
}

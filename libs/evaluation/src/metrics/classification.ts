import { EvaluationError } from "../evaluation-error.ts";
import { mean } from "./mean.ts";

/** One picture: the class that it shows and the class whose text the model scored highest. */
export interface ClassifiedItem {
  readonly actual: string;
  readonly predicted: string;
}

export interface ClassResult {
  readonly name: string;
  /** Pictures of this class. */
  readonly items: number;
  /** Share of them that were given this class (the class's recall), in [0, 1]. */
  readonly accuracy: number;
  /** Pictures that were given this class, rightly or not. */
  readonly predictions: number;
}

/** Pictures of one class that were given another one. */
export interface ConfusionPair {
  readonly actual: string;
  readonly predicted: string;
  readonly count: number;
}

export interface ClassificationMetrics {
  /** Share of pictures that were given their class, in [0, 1]. */
  readonly accuracy: number;
  /** Mean of the classes' accuracies: each class counts alike, however many pictures it has. */
  readonly macroAccuracy: number;
  /** Classes that have pictures, in the order of their names. A class that was only predicted shows in `confusions`. */
  readonly perClass: readonly ClassResult[];
  /** Most frequent first; equal ones in the order of their names. */
  readonly confusions: readonly ConfusionPair[];
  /** What always naming the largest class would reach. */
  readonly majorityBaseline: { readonly name: string; readonly accuracy: number };
}

/** Zero-shot classification: accuracy, by class and on average over classes, beside what blind guessing reaches. */
export function classificationMetrics(items: readonly ClassifiedItem[]): ClassificationMetrics {
  if (items.length === 0) {
    throw new EvaluationError(
      "EMPTY",
      "There are 0 classified pictures, expected at least 1. Check the data set's folder.",
    );
  }
  const perClass = classResults(items);
  const largest = perClass.reduce((best, candidate) => (candidate.items > best.items ? candidate : best));
  return {
    accuracy: items.filter(({ actual, predicted }) => actual === predicted).length / items.length,
    macroAccuracy: mean(perClass.map(({ accuracy }) => accuracy)),
    perClass,
    confusions: confusionPairs(items),
    majorityBaseline: { name: largest.name, accuracy: largest.items / items.length },
  };
}

function classResults(items: readonly ClassifiedItem[]): ClassResult[] {
  const ofClass = Map.groupBy(items, ({ actual }) => actual);
  const givenClass = Map.groupBy(items, ({ predicted }) => predicted);
  return [...ofClass]
    .map(([name, members]) => ({
      name,
      items: members.length,
      accuracy: members.filter(({ predicted }) => predicted === name).length / members.length,
      predictions: givenClass.get(name)?.length ?? 0,
    }))
    .sort((left, right) => compareNames(left.name, right.name));
}

function confusionPairs(items: readonly ClassifiedItem[]): ConfusionPair[] {
  const mistakes = items.filter(({ actual, predicted }) => actual !== predicted);
  return [...Map.groupBy(mistakes, ({ actual, predicted }) => JSON.stringify([actual, predicted])).values()]
    .flatMap((group) => group.slice(0, 1).map(({ actual, predicted }) => ({ actual, predicted, count: group.length })))
    .sort(
      (left, right) =>
        right.count - left.count ||
        compareNames(left.actual, right.actual) ||
        compareNames(left.predicted, right.predicted),
    );
}

/** By code unit, so that the order does not depend on the machine's language. */
function compareNames(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

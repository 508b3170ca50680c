import type { Picture } from "../datasets/dataset.ts";
import type { TaskName } from "../datasets/tasks.ts";

/** One figure. Optional fields say which of several like it. */
export interface Metric {
  readonly task: TaskName;
  readonly metric: string;
  readonly direction?: "text-to-image" | "image-to-text";
  /** What gave the order or the decision: itcCosine, itmLogit, or itmLogit + w * itcCosine. */
  readonly by?: OrderedBy;
  /** The part of the data set that it is about; all of it when absent. */
  readonly group?: string;
  /** "share" lies in 0..1; "score" is a caption metric as its authors define it; "rank" counts from 1. */
  readonly unit: "share" | "score" | "rank";
  readonly value: number;
  /** Ends of the 95 % bootstrap interval; null where the figure is no mean over items. */
  readonly low: number | null;
  readonly high: number | null;
  /** How many queries, pictures, questions or pairs it is about. */
  readonly n: number;
  /** What needs no model reaches as much. */
  readonly baseline?: number;
  /** What the baseline is, in a few words. */
  readonly baselineKind?: string;
  /** What other methods reach, as the data set's file says; never with a random part of the set. */
  readonly knownBaselines?: readonly { readonly kind: string; readonly value: number }[];
}

export type OrderedBy = "itc" | "itm" | "itm+itc";

/** An item that could not be measured, with its reason. */
export interface Failure {
  readonly task: TaskName;
  /** Name of the picture, or the text. */
  readonly item: string;
  readonly code: string;
  readonly message: string;
}

/** One item for people to look at. */
export interface Example {
  readonly title: string;
  readonly picture?: Picture;
  readonly lines: readonly { readonly label: string; readonly text: string }[];
  /** What the model put first, best first. */
  readonly found?: readonly { readonly picture: Picture; readonly caption: string; readonly right: boolean }[];
}

export interface TaskResult {
  readonly task: TaskName;
  readonly metrics: readonly Metric[];
  readonly failures: readonly Failure[];
  readonly best: readonly Example[];
  readonly worst: readonly Example[];
  /** What a reader of the figures must know, such as items that were left out. */
  readonly notes: readonly string[];
  /** One record for each caption or answer, in the form of the official result files. */
  readonly predictions: readonly object[];
}

/** What a random subset was taken from; its figures are not those of the whole. */
export interface Subset {
  readonly limit: number;
  readonly seed: number;
}

export interface EvaluationResult {
  readonly dataset: string;
  readonly source: string;
  readonly subset?: Subset;
  readonly tasks: readonly TaskResult[];
}

/** How many examples of each end a task keeps. */
export const EXAMPLES = 8;

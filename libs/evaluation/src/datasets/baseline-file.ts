import { TASKS, type TaskName } from "./tasks.ts";
import { type FileRecord, readOptionalText, readRecords, readText, refuse, toRecord } from "./record.ts";

/** Name of the file with what other methods reach on the data set. */
export const BASELINE_FILE = "baseline.json";

/** What a method reaches on one figure of a data set, measured elsewhere: colour histograms, another engine, a paper. */
export interface KnownBaseline {
  readonly task: TaskName;
  readonly metric: string;
  readonly direction?: string;
  readonly by?: string;
  readonly group?: string;
  /** Name of the method, for people. */
  readonly kind: string;
  /** In the unit of the figure. */
  readonly value: number;
}

/**
 * {"baselines": [{"task", "metric", "direction"?, "by"?, "group"?, "kind", "value"}]}, with the names of `medley evaluate --json`. Without `by` it stands
 * beside the figures of every order.
 */
export function readBaselines(file: { readonly name: string; readonly value: unknown } | undefined): KnownBaseline[] {
  if (!file) return [];
  return readRecords(toRecord(file.value, { file: file.name }, ""), "baselines").map((record) => ({
    task: readTask(record),
    metric: readText(record, "metric"),
    ...optional(record, "direction"),
    ...optional(record, "by"),
    ...optional(record, "group"),
    kind: readText(record, "kind"),
    value: readNumber(record, "value"),
  }));
}

function readTask(record: FileRecord): TaskName {
  const name = readText(record, "task");
  const task = TASKS.find((known) => known === name);
  return task ?? refuse(record.place, `"${record.path}.task"`, name, `one of ${TASKS.join(", ")}`);
}

function optional<Key extends "direction" | "by" | "group">(
  record: FileRecord,
  key: Key,
): { readonly [K in Key]?: string } {
  const text = readOptionalText(record, key);
  return text === undefined ? {} : ({ [key]: text } as { readonly [K in Key]: string });
}

function readNumber(record: FileRecord, key: string): number {
  const value = record.fields[key];
  if (typeof value === "number" && Number.isFinite(value)) return value;
  return refuse(record.place, `"${record.path}.${key}"`, value, "a number");
}

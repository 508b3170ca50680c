import { type EvaluationResult, type Metric, textTable } from "@medley/evaluation";
import type { ModelInfo, Role } from "@medley/inference-api";
import { note, writeLine, writeRecord } from "../output.ts";

/** Which model's figures a task gives. */
const ROLE_OF_TASK: Readonly<Record<Metric["task"], Role>> = {
  retrieval: "retrieval",
  detection: "retrieval",
  captions: "captioner",
  vqa: "answerer",
  pairs: "retrieval",
  classes: "retrieval",
};

/** Failures beyond this are counted but not listed where people read. */
const LISTED_FAILURES = 20;

/** With --json one record for each figure and each failure; otherwise a table. */
export async function writeFigures(
  result: EvaluationResult,
  models: readonly ModelInfo[],
  json: boolean,
): Promise<void> {
  if (json) await writeRecords(result, models);
  else await writeTables(result);
  for (const { task, notes, failures } of result.tasks) {
    for (const sentence of notes) note(`${task}: ${sentence}`);
    for (const { item, message, code } of failures.slice(0, LISTED_FAILURES))
      note(`${task}: ${item}: ${message} (${code})`);
    const more = failures.length - LISTED_FAILURES;
    if (more > 0) note(`${task}: ${more} more failures`);
  }
}

async function writeRecords({ dataset, subset, tasks }: EvaluationResult, models: readonly ModelInfo[]): Promise<void> {
  for (const { task, metrics, failures } of tasks) {
    const model = models.find(({ role }) => role === ROLE_OF_TASK[task]);
    const shared = {
      failures: failures.length,
      ...(subset && { subset }),
      ...(model && { model: model.name, fingerprint: model.fingerprint }),
    };
    for (const metric of metrics) await writeRecord({ dataset, ...metric, ...shared });
    for (const { item, code, message } of failures)
      await writeRecord({ dataset, task, item, error: { code, message } });
  }
}

async function writeTables({ dataset, source, subset, tasks }: EvaluationResult): Promise<void> {
  await writeLine(`${dataset} (${source})`);
  if (subset)
    await writeLine(
      `A random part: at most ${subset.limit} items, seed ${subset.seed}. Not comparable with the whole set.`,
    );
  for (const { task, metrics, failures } of tasks) {
    await writeLine("");
    await writeLine(`${task}${failures.length > 0 ? `, ${failures.length} failures` : ""}`);
    for (const row of textTable(metrics)) await writeLine(`  ${row}`);
  }
}

import { EvaluationError } from "../evaluation-error.ts";
import type { CaptionItem, CaptionSet } from "../datasets/dataset.ts";
import { captionMetrics, type WrittenCaption } from "./caption-metrics.ts";
import { requireOutcome } from "./embed.ts";
import { type Example, EXAMPLES, type Failure, type TaskResult } from "./result.ts";
import { failureOf, mapConcurrently, type RunContext, tryOpen } from "./run-context.ts";

const TASK = "captions";
const PICTURES_IN_FLIGHT = 16;

/** Captions of all pictures, scored as a whole and by group; each group is a set of its own, as NoCaps' domains are evaluated. */
export async function evaluateCaptions(context: RunContext, set: CaptionSet): Promise<TaskResult> {
  const failures: Failure[] = [];
  const written = (
    await mapConcurrently(
      set.items,
      PICTURES_IN_FLIGHT,
      (item) => writeCaption(context, item, failures),
      (done) => context.onProgress({ task: TASK, step: "writing captions", done, total: set.items.length }),
    )
  ).flat();
  if (written.length === 0) {
    const sentence = `None of ${set.items.length} pictures got a caption. First reason: ${failures[0]?.message ?? "there are none"}`;
    throw new EvaluationError("EMPTY", sentence);
  }
  const { seed } = context.settings;
  const whole = captionMetrics(written, set.vocabulary, undefined, seed);
  const groups = Map.groupBy(written, ({ item }) => item.group);
  const ofGroups = [...groups].flatMap(([group, part]) =>
    group === undefined ? [] : captionMetrics(part, set.vocabulary, group, seed).metrics,
  );
  const silent = written.filter(({ text }) => text.trim() === "").length;
  return {
    task: TASK,
    metrics: [...whole.metrics, ...ofGroups],
    failures,
    ...examplesOf(written, whole.cider),
    notes: silent > 0 ? [`${silent} captions are empty.`] : [],
    predictions: written.map(({ item, text }) => ({ image_id: item.imageId ?? item.picture.name, caption: text })),
  };
}

async function writeCaption(context: RunContext, item: CaptionItem, failures: Failure[]): Promise<WrittenCaption[]> {
  const opened = await tryOpen(context, TASK, item.picture);
  if ("failure" in opened) {
    failures.push(opened.failure);
    return [];
  }
  const outcomes = await context.inference.captionImages([opened.image], context.settings.captionRequest);
  const outcome = requireOutcome(outcomes[0]);
  if (outcome.ok) return [{ item, text: outcome.value.text }];
  failures.push(failureOf(TASK, item.picture.name, outcome.error));
  return [];
}

/** Captions with the highest and with the lowest CIDEr-D. */
function examplesOf(
  written: readonly WrittenCaption[],
  cider: readonly number[],
): { best: Example[]; worst: Example[] } {
  const order = [...written.keys()].sort((a, b) => (cider[b] as number) - (cider[a] as number));
  const show = (place: number): Example => {
    const { item, text } = written[place] as WrittenCaption;
    return {
      title: text || "(an empty caption)",
      picture: item.picture,
      lines: [
        { label: "CIDEr-D", text: ((cider[place] as number) * 100).toFixed(1) },
        ...item.references.map((reference) => ({ label: "Person", text: reference })),
      ],
    };
  };
  const half = Math.min(EXAMPLES, Math.ceil(order.length / 2));
  return { best: order.slice(0, half).map(show), worst: order.slice(half).reverse().slice(0, EXAMPLES).map(show) };
}

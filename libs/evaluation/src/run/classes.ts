import type { ImageInput } from "@medley/inference-api";
import { EvaluationError } from "../evaluation-error.ts";
import type { ClassDescription, ClassSet, Picture } from "../datasets/dataset.ts";
import { classificationMetrics } from "../metrics/classification.ts";
import { cosinesOf, createGallery, type Gallery, topRows } from "./cosine-order.ts";
import { type EmbeddedPicture, embedPictures, embedTexts, requireOutcome } from "./embed.ts";
import { meanFigure } from "./intervals.ts";
import { type Example, EXAMPLES, type Failure, type Metric, type OrderedBy, type TaskResult } from "./result.ts";
import { failureOf, mapConcurrently, type RunContext } from "./run-context.ts";

const TASK = "classes";
const PICTURES_IN_FLIGHT = 8;

interface Classified {
  readonly picture: Picture;
  readonly actual: number;
  /** Classes in the order of each score, best first. */
  readonly orders: Readonly<Partial<Record<OrderedBy, readonly number[]>>>;
  /** Lead of the first class over the second in the last order. */
  readonly margin: number;
}

/**
 * Zero-shot classification: the class whose mean prompt embedding is nearest, and the first k again by the mean itmLogit of
 * their prompts, with and without w times the cosine. Baseline: the most frequent class for every picture.
 */
export async function evaluateClasses(context: RunContext, set: ClassSet): Promise<TaskResult> {
  const failures: Failure[] = [];
  const gallery = await embedClasses(context, set.classes);
  const pictures = await embedPictures(
    context,
    TASK,
    set.items.map(({ picture }) => picture),
    failures,
  );
  if (pictures.length === 0) {
    const sentence = `None of ${set.items.length} pictures can be read. First reason: ${failures[0]?.message ?? "there are none"}`;
    throw new EvaluationError("EMPTY", sentence);
  }
  const classified = await mapConcurrently(
    pictures,
    PICTURES_IN_FLIGHT,
    (picture) => classify(context, set, gallery, picture, failures),
    (done) => context.onProgress({ task: TASK, step: "choosing classes", done, total: pictures.length }),
  );
  const names = set.classes.map(({ name }) => name);
  return {
    task: TASK,
    metrics: metricsOf(classified, names, context.settings.seed),
    failures,
    ...examplesOf(classified, names),
    notes: [],
    predictions: [],
  };
}

/** The normalised mean of each class's prompt embeddings. A prompt that cannot be read would make a class of its own kind: an error. */
async function embedClasses(context: RunContext, classes: readonly ClassDescription[]): Promise<Gallery> {
  const failures: Failure[] = [];
  const prompts = classes.flatMap((one) => one.prompts);
  const embedded = await embedTexts(context, TASK, prompts, failures);
  const [bad] = failures;
  if (bad) throw new EvaluationError("BAD_DATASET", `The prompt "${bad.item}" cannot be embedded: ${bad.message}`);
  let next = 0;
  const vectors = classes.map(({ prompts: own }) => {
    const parts = own.map(() => (embedded[next++] as (typeof embedded)[number]).embedding);
    return normalisedMean(parts);
  });
  return createGallery(vectors);
}

function normalisedMean(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(vectors[0]?.length ?? 0);
  for (const vector of vectors)
    for (const [place, value] of vector.entries()) sum[place] = (sum[place] as number) + value;
  const norm = Math.hypot(...sum);
  return sum.map((value) => value / norm);
}

async function classify(
  context: RunContext,
  set: ClassSet,
  gallery: Gallery,
  { index, image, embedding }: EmbeddedPicture,
  failures: Failure[],
): Promise<Classified> {
  const { picture, classIndex: actual } = set.items[index] as ClassSet["items"][number];
  const { rerank, itcWeight } = context.settings;
  const cosines = cosinesOf(gallery, embedding);
  const itc = topRows(cosines, gallery.count);
  const logits = await meanLogits(context, set, image, picture, itc.slice(0, rerank), failures);
  if (!logits) return { picture, actual, orders: { itc }, margin: lead(itc, (row) => cosines[row] as number) };
  const logit = (row: number) => logits.get(row) ?? Number.NEGATIVE_INFINITY;
  const sum = (row: number) => logit(row) + itcWeight * (cosines[row] as number);
  const both = orderBy(itc, sum);
  return { picture, actual, orders: { itc, "itm+itc": both, itm: orderBy(itc, logit) }, margin: lead(both, sum) };
}

/** Mean itmLogit of each class's prompts; undefined where nothing is re-ranked or a match failed. */
async function meanLogits(
  context: RunContext,
  set: ClassSet,
  image: ImageInput,
  picture: Picture,
  rows: readonly number[],
  failures: Failure[],
): Promise<Map<number, number> | undefined> {
  if (rows.length === 0) return undefined;
  const prompts = rows.flatMap((row) => set.classes[row]?.prompts.map((prompt) => ({ row, prompt })) ?? []);
  const outcomes = await context.inference.matchTexts(
    image,
    prompts.map(({ prompt }) => prompt),
  );
  const logits = new Map<number, number>();
  for (const [place, { row }] of prompts.entries()) {
    const outcome = requireOutcome(outcomes[place]);
    if (!outcome.ok) {
      failures.push(failureOf(TASK, picture.name, outcome.error));
      return undefined;
    }
    const share = outcome.value.itmLogit / (set.classes[row]?.prompts.length ?? 1);
    logits.set(row, (logits.get(row) ?? 0) + share);
  }
  return logits;
}

/** Best first; equal scores, such as of classes that were not matched, keep the order of itcCosine. */
function orderBy(rows: readonly number[], score: (row: number) => number): number[] {
  return rows.toSorted((a, b) => {
    const [first, second] = [score(a), score(b)];
    return first === second ? 0 : second - first;
  });
}

function lead([first = 0, second = 0]: readonly number[], score: (row: number) => number): number {
  return score(first) - score(second);
}

function metricsOf(classified: readonly Classified[], names: readonly string[], seed: number): Metric[] {
  return (["itc", "itm+itc", "itm"] as const).flatMap((by) => {
    const decided = classified.flatMap(({ actual, orders }) => {
      const order = orders[by];
      return order ? [{ actual, order }] : [];
    });
    if (decided.length === 0) return [];
    const nameOf = (row: number | undefined) => names[row ?? -1] ?? "";
    const exact = classificationMetrics(
      decided.map(({ actual, order }) => ({ actual: nameOf(actual), predicted: nameOf(order[0]) })),
    );
    const { accuracy: majority, name } = exact.majorityBaseline;
    const shared = { task: TASK, by, unit: "share" } as const;
    const hitsWithin = (depth: number) =>
      decided.map(({ actual, order }) => Number(order.slice(0, depth).includes(actual)));
    const n = decided.length;
    const top: Metric = {
      ...shared,
      metric: "accuracy",
      ...meanFigure(hitsWithin(1), seed),
      n,
      baseline: majority,
      baselineKind: `always "${name}"`,
    };
    const macro: Metric = {
      ...shared,
      metric: "meanClassAccuracy",
      value: exact.macroAccuracy,
      low: null,
      high: null,
      n,
      baseline: 1 / exact.perClass.length,
      baselineKind: `always "${name}"`,
    };
    const five: Metric[] =
      names.length > 5
        ? [
            {
              ...shared,
              metric: "top5Accuracy",
              ...meanFigure(hitsWithin(5), seed),
              n,
              baseline: 5 / names.length,
              baselineKind: "guessing",
            },
          ]
        : [];
    const each = exact.perClass.map((one): Metric => {
      const hits = decided
        .filter(({ actual }) => nameOf(actual) === one.name)
        .map(({ order }) => Number(nameOf(order[0]) === one.name));
      return {
        ...shared,
        metric: "accuracy",
        group: `class ${one.name}`,
        ...meanFigure(hits, seed),
        n: one.items,
        baseline: 1 / names.length,
        baselineKind: "guessing",
      };
    });
    return [top, macro, ...five, ...each];
  });
}

/** Right and wrong decisions with the widest lead over the second class. */
function examplesOf(
  classified: readonly Classified[],
  names: readonly string[],
): { best: Example[]; worst: Example[] } {
  const order = (one: Classified) => one.orders["itm+itc"] ?? one.orders.itc ?? [];
  const show = (one: Classified): Example => ({
    title: names[one.actual] ?? "",
    picture: one.picture,
    lines: [
      {
        label: "Model",
        text: order(one)
          .slice(0, 3)
          .map((row) => names[row])
          .join(", "),
      },
    ],
  });
  const surest = classified.toSorted((a, b) => b.margin - a.margin);
  const right = surest.filter((one) => order(one)[0] === one.actual);
  const wrong = surest.filter((one) => order(one)[0] !== one.actual);
  return { best: right.slice(0, EXAMPLES).map(show), worst: wrong.slice(0, EXAMPLES).map(show) };
}

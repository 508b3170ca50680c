import type { RetrievalSet } from "../datasets/dataset.ts";
import { areaUnderCurve } from "../metrics/detection.ts";
import { embedTexts } from "./embed.ts";
import { twoSampleFigure } from "./intervals.ts";
import { type JudgedQuery, judgeQueries } from "./judge-queries.ts";
import { type Example, EXAMPLES, type Failure, type Metric, type OrderedBy, type TaskResult } from "./result.ts";
import { type EmbeddedSet, textQuery } from "./retrieval.ts";
import type { RunContext } from "./run-context.ts";

const TASK = "detection";
const ORDERS: readonly OrderedBy[] = ["itc", "itm+itc", "itm"];

/**
 * Whether the best score that a query reaches in the set tells queries with an answer from those without: the area under the
 * curve of the highest itcCosine, the highest itmLogit, and the highest itmLogit + w * itcCosine among the matched pictures.
 */
export async function detectUnanswered(
  context: RunContext,
  set: RetrievalSet,
  embedded: EmbeddedSet,
  answered: readonly JudgedQuery[],
): Promise<TaskResult> {
  const failures: Failure[] = [];
  const texts = await embedTexts(context, TASK, set.unanswered, failures);
  const queries = texts.map(({ index, embedding }) =>
    textQuery(context, embedded, set.unanswered[index] as string, embedding, []),
  );
  const step = "finding pictures for texts without an answer";
  const unanswered = await judgeQueries(context, TASK, step, embedded.pictureGallery, queries, failures);
  const metrics = ORDERS.flatMap((by): Metric[] => {
    const [positives, negatives] = [highestBy(answered, by), highestBy(unanswered, by)];
    if (positives.length === 0 || negatives.length === 0) return [];
    const figure = twoSampleFigure(positives, negatives, areaUnderCurve, context.settings.seed);
    const n = positives.length + negatives.length;
    const guess = { baseline: 0.5, baselineKind: "guessing" };
    return [{ task: TASK, metric: "areaUnderCurve", by, unit: "share", ...figure, n, ...guess }];
  });
  return {
    task: TASK,
    metrics,
    failures,
    ...examplesOf(
      set,
      embedded,
      queries.map(({ name }) => name),
      unanswered,
    ),
    notes: [`${answered.length} queries with an answer in the set and ${unanswered.length} without.`],
    predictions: [],
  };
}

function highestBy(judged: readonly JudgedQuery[], by: OrderedBy): number[] {
  return judged.flatMap(({ highest }) => highest[by] ?? []);
}

/** Queries without an answer that score lowest (as they should), and highest. */
function examplesOf(
  set: RetrievalSet,
  embedded: EmbeddedSet,
  texts: readonly string[],
  judged: readonly JudgedQuery[],
): { best: Example[]; worst: Example[] } {
  const score = (place: number) => judged[place]?.highest["itm+itc"] ?? judged[place]?.highest.itc ?? 0;
  const order = [...judged.keys()].sort((a, b) => score(a) - score(b));
  const show = (place: number): Example => ({
    title: texts[place] ?? "",
    lines: [{ label: "Highest score", text: score(place).toFixed(2) }],
    found: (judged[place]?.first ?? []).flatMap(({ row, cosine }) => {
      const picture = set.pictures[embedded.pictures[row]?.index ?? -1];
      return picture ? [{ picture, caption: `itcCosine ${cosine.toFixed(3)}`, right: false }] : [];
    }),
  });
  const half = Math.min(EXAMPLES, Math.ceil(order.length / 2));
  return { best: order.slice(0, half).map(show), worst: order.slice(half).reverse().slice(0, EXAMPLES).map(show) };
}

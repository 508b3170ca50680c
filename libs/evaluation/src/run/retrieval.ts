import { EvaluationError } from "../evaluation-error.ts";
import type { RetrievalSet } from "../datasets/dataset.ts";
import { retrievalMetrics } from "../metrics/retrieval.ts";
import { chanceOfRanks } from "./chance.ts";
import { createGallery, type Gallery } from "./cosine-order.ts";
import { detectUnanswered } from "./detection.ts";
import { type EmbeddedPicture, type EmbeddedText, embedPictures, embedTexts } from "./embed.ts";
import { meanFigure, medianFigure } from "./intervals.ts";
import { type JudgedQuery, judgeQueries, type Query } from "./judge-queries.ts";
import { type Example, EXAMPLES, type Failure, type Metric, type OrderedBy, type TaskResult } from "./result.ts";
import type { RunContext } from "./run-context.ts";

const TASK = "retrieval";

/** Pictures and texts that could be embedded; rows of the galleries. */
export interface EmbeddedSet {
  readonly pictures: readonly EmbeddedPicture[];
  readonly pictureGallery: Gallery;
  readonly texts: readonly (EmbeddedText & {
    readonly text: string;
    readonly right: readonly number[];
    readonly groups: readonly string[];
  })[];
}

/**
 * Text–image retrieval in both directions as BLIP's train_retrieval.py evaluates it, and telling queries without an answer.
 * @param wanted  which of the two are reported; both need the same embeddings
 * @throws EvaluationError EMPTY where no picture or no text is left
 */
export async function evaluateRetrieval(
  context: RunContext,
  set: RetrievalSet,
  wanted: { readonly retrieval: boolean; readonly detection: boolean },
): Promise<TaskResult[]> {
  const failures: Failure[] = [];
  const embedded = await embedSet(context, set, failures);
  const textResults = await judgeQueries(
    context,
    TASK,
    "finding pictures for texts",
    embedded.pictureGallery,
    embedded.texts.map((text) => textQuery(context, embedded, text.text, text.embedding, text.right)),
    failures,
  );
  const results: TaskResult[] = [];
  if (wanted.retrieval) results.push(await retrievalResult(context, set, embedded, textResults, failures));
  if (wanted.detection) results.push(await detectUnanswered(context, set, embedded, textResults));
  return results;
}

export function textQuery(
  context: RunContext,
  { pictures }: EmbeddedSet,
  text: string,
  embedding: Float32Array,
  right: readonly number[],
): Query {
  const match: Query["match"] = (rows) =>
    context.inference.matchImages(
      text,
      rows.map((row) => (pictures[row] as EmbeddedPicture).image),
    );
  return { embedding, right, match, name: text };
}

async function embedSet(context: RunContext, set: RetrievalSet, failures: Failure[]): Promise<EmbeddedSet> {
  const pictures = await embedPictures(context, TASK, set.pictures, failures);
  const rowOf = new Map(pictures.map(({ index }, row) => [index, row]));
  const askable = set.texts.flatMap(({ text, pictures: own, groups }) => {
    const right = own.flatMap((picture) => rowOf.get(picture) ?? []);
    return right.length > 0 ? [{ text, right, groups }] : [];
  });
  const texts = askable.map(({ text }) => text);
  const embedded = texts.length > 0 ? await embedTexts(context, TASK, texts, failures) : [];
  if (embedded.length === 0) {
    const sentence = `${pictures.length} of ${set.pictures.length} pictures can be read and ${embedded.length} of ${set.texts.length} texts remain, expected at least one of each.`;
    const reason = failures[0] ? ` First reason: ${failures[0].message}` : "";
    throw new EvaluationError("EMPTY", `${sentence}${reason}`);
  }
  return {
    pictures,
    pictureGallery: createGallery(pictures.map(({ embedding }) => embedding)),
    texts: embedded.map((one) => ({ ...one, ...(askable[one.index] as (typeof askable)[number]) })),
  };
}

async function retrievalResult(
  context: RunContext,
  set: RetrievalSet,
  embedded: EmbeddedSet,
  textResults: readonly JudgedQuery[],
  failures: Failure[],
): Promise<TaskResult> {
  const textGallery = createGallery(embedded.texts.map(({ embedding }) => embedding));
  const pictureQueries = queriesOfPictures(context, set, embedded);
  const pictureResults = await judgeQueries(
    context,
    TASK,
    "finding texts for pictures",
    textGallery,
    pictureQueries,
    failures,
  );
  const textSide: Side = {
    direction: "text-to-image",
    size: embedded.pictures.length,
    queries: embedded.texts.map(({ right, groups }) => ({ right, groups, cluster: right[0] as number })),
    judged: textResults,
  };
  const pictureSide: Side = {
    direction: "image-to-text",
    size: embedded.texts.length,
    queries: pictureQueries.map(({ right }, cluster) => ({ right, cluster, groups: groupsOf(embedded, right) })),
    judged: pictureResults,
  };
  const lost = set.texts.length - embedded.texts.length;
  return {
    task: TASK,
    metrics: [textSide, pictureSide].flatMap((side) => metricsOfSide(side, context.settings.seed)),
    failures,
    ...examplesOf(set, embedded, textResults),
    notes:
      lost > 0 ? [`${lost} of ${set.texts.length} texts were left out: they or their pictures cannot be read.`] : [],
    predictions: [],
  };
}

function queriesOfPictures(context: RunContext, set: RetrievalSet, { pictures, texts }: EmbeddedSet): Query[] {
  const rightTexts: number[][] = pictures.map(() => []);
  for (const [row, { right }] of texts.entries()) for (const picture of right) rightTexts[picture]?.push(row);
  return pictures.flatMap(({ embedding, image, index }, row) => {
    const right = rightTexts[row] ?? [];
    if (right.length === 0) return [];
    const match: Query["match"] = (rows) =>
      context.inference.matchTexts(
        image,
        rows.map((text) => (texts[text] as EmbeddedSet["texts"][number]).text),
      );
    return [{ embedding, right, match, name: set.pictures[index]?.name ?? "" }];
  });
}

function groupsOf({ texts }: EmbeddedSet, rows: readonly number[]): string[] {
  return [...new Set(rows.flatMap((row) => texts[row]?.groups ?? []))];
}

/** One direction of retrieval. */
interface Side {
  readonly direction: "text-to-image" | "image-to-text";
  /** Candidates of each query. */
  readonly size: number;
  readonly queries: readonly {
    readonly right: readonly number[];
    readonly groups: readonly string[];
    readonly cluster: number;
  }[];
  readonly judged: readonly JudgedQuery[];
}

const ORDERS: readonly OrderedBy[] = ["itc", "itm+itc", "itm"];

function metricsOfSide(side: Side, seed: number): Metric[] {
  const groups = [...new Set(side.queries.flatMap((query) => query.groups))].sort();
  return [undefined, ...groups].flatMap((group) => {
    const places = [...side.queries.keys()].filter(
      (place) => group === undefined || side.queries[place]?.groups.includes(group),
    );
    return ORDERS.flatMap((by) => metricsOfOrder(side, places, by, group, seed));
  });
}

function metricsOfOrder(
  side: Side,
  places: readonly number[],
  by: OrderedBy,
  group: string | undefined,
  seed: number,
): Metric[] {
  const ranks = places.flatMap((place) => side.judged[place]?.ranks[by] ?? []);
  if (ranks.length === 0) return [];
  const queries = places.map((place) => side.queries[place] as Side["queries"][number]);
  const clusters = queries.map(({ cluster }) => cluster);
  const chance = chanceOfRanks(
    side.size,
    queries.map(({ right }) => right.length),
  );
  const exact = retrievalMetrics(ranks);
  const shared = {
    task: TASK,
    direction: side.direction,
    by,
    ...(group !== undefined && { group }),
    n: ranks.length,
  } as const;
  const random = { baselineKind: "random order" };
  const recalls = ([1, 5, 10] as const).map((depth): Metric => {
    const hits = ranks.map((rank) => Number(rank <= depth));
    const figure = { ...meanFigure(hits, seed, clusters), value: exact.recallAt[depth] };
    return {
      ...shared,
      metric: `recallAt${depth}`,
      unit: "share",
      ...figure,
      baseline: chance.recallAt(depth),
      ...random,
    };
  });
  const reciprocal = meanFigure(
    ranks.map((rank) => 1 / rank),
    seed,
    clusters,
  );
  return [
    ...recalls,
    {
      ...shared,
      metric: "medianRank",
      unit: "rank",
      ...medianFigure(ranks, seed, clusters),
      value: exact.medianRank,
      baseline: chance.medianRank,
      ...random,
    },
    {
      ...shared,
      metric: "meanReciprocalRank",
      unit: "share",
      ...reciprocal,
      value: exact.meanReciprocalRank,
      baseline: chance.meanReciprocalRank,
      ...random,
    },
  ];
}

/** Queries whose picture came first with the most to spare, and those whose picture stands lowest. */
function examplesOf(set: RetrievalSet, embedded: EmbeddedSet, judged: readonly JudgedQuery[]) {
  const rank = (place: number) => judged[place]?.ranks["itm+itc"] ?? judged[place]?.ranks.itc ?? 0;
  const score = (place: number) => judged[place]?.highest["itm+itc"] ?? judged[place]?.highest.itc ?? 0;
  const order = [...judged.keys()].sort((a, b) => rank(a) - rank(b) || score(b) - score(a));
  const show = (place: number) => exampleOf(set, embedded, judged, place);
  const best = order.filter((place) => rank(place) === 1);
  const worst = order.filter((place) => rank(place) > 1).reverse();
  return { best: best.slice(0, EXAMPLES).map(show), worst: worst.slice(0, EXAMPLES).map(show) };
}

function exampleOf(
  set: RetrievalSet,
  { texts, pictures }: EmbeddedSet,
  judged: readonly JudgedQuery[],
  place: number,
): Example {
  const { text, right } = texts[place] as EmbeddedSet["texts"][number];
  const { ranks, first } = judged[place] as JudgedQuery;
  const pictureOf = (row: number) => set.pictures[(pictures[row] as EmbeddedPicture).index];
  const wanted = pictureOf(right[0] as number);
  const after = ranks["itm+itc"] === undefined ? "" : `, ${ranks["itm+itc"]} after the matching head`;
  return {
    title: text,
    ...(wanted && { picture: wanted }),
    lines: [{ label: "Place", text: `${ranks.itc} by itcCosine${after}` }],
    found: first.flatMap(({ row, cosine, itmLogit }) => {
      const picture = pictureOf(row);
      const logit = itmLogit === null ? "" : `, itmLogit ${itmLogit.toFixed(2)}`;
      return picture
        ? [{ picture, caption: `itcCosine ${cosine.toFixed(3)}${logit}`, right: right.includes(row) }]
        : [];
    }),
  };
}

import type { ImageInput, Match } from "@medley/inference-api";
import { EvaluationError } from "../evaluation-error.ts";
import type { FoilPair, PairSet, Picture, PictureCaptionPair } from "../datasets/dataset.ts";
import { type FoilScores, type PairScores, pairAccuracy, winogroundScores } from "../metrics/minimal-pairs.ts";
import { requireOutcome } from "./embed.ts";
import { meanFigure } from "./intervals.ts";
import { type Example, EXAMPLES, type Failure, type Metric, type OrderedBy, type TaskResult } from "./result.ts";
import { failureOf, mapConcurrently, type RunContext, tryOpen } from "./run-context.ts";

const TASK = "pairs";
const PAIRS_IN_FLIGHT = 16;

/** Orders in which a pair is judged; itmLogit + w * itcCosine is what search ranks by. */
const SCORES: readonly { readonly by: OrderedBy; readonly of: (match: Match, itcWeight: number) => number }[] = [
  { by: "itm", of: ({ itmLogit }) => itmLogit },
  { by: "itc", of: ({ itcCosine }) => itcCosine ?? Number.NaN },
  { by: "itm+itc", of: ({ itmLogit, itcCosine }, weight) => itmLogit + weight * (itcCosine ?? Number.NaN) },
];

/** Random scores choose among two captions, among two pictures, and among the orders of four scores (Winoground, section 3.3). */
const CHANCE = { text: 1 / 4, image: 1 / 4, group: 1 / 6, accuracy: 1 / 2 } as const;

/** Minimal pairs by each score: text, image and group score of two-picture pairs, accuracy of one-picture pairs, by kind. */
export async function evaluatePairs(context: RunContext, set: PairSet): Promise<TaskResult> {
  const failures: Failure[] = [];
  const total = set.twoPictures.length + set.onePicture.length;
  let done = 0;
  const onDone = () => context.onProgress({ task: TASK, step: "scoring pairs", done: ++done, total });
  const two = await scoreAll(set.twoPictures, (pair) => matchTwoPictures(context, pair, failures), onDone);
  const one = await scoreAll(set.onePicture, (pair) => matchFoil(context, pair, failures), onDone);
  if (two.length + one.length === 0) {
    const sentence = `None of ${total} pairs could be scored. First reason: ${failures[0]?.message ?? "there are none"}`;
    throw new EvaluationError("EMPTY", sentence);
  }
  const { seed, itcWeight } = context.settings;
  const metrics = [
    ...byKind(two, (part, kind) => SCORES.flatMap((score) => winogroundMetrics(part, kind, score, itcWeight, seed))),
    ...byKind(one, (part, kind) => SCORES.flatMap((score) => foilMetrics(part, kind, score, itcWeight, seed))),
  ];
  return { task: TASK, metrics, failures, ...examplesOf(two, one), notes: [], predictions: [] };
}

interface Scored<Pair> {
  readonly pair: Pair;
  /** Of two-picture pairs: [caption 0 picture 0, caption 1 picture 0, caption 0 picture 1, caption 1 picture 1]; else [caption, foil]. */
  readonly matches: readonly Match[];
}

async function scoreAll<Pair>(
  pairs: readonly Pair[],
  match: (pair: Pair) => Promise<readonly Match[] | undefined>,
  onDone: () => void,
): Promise<Scored<Pair>[]> {
  const scored = await mapConcurrently(pairs, PAIRS_IN_FLIGHT, match, onDone);
  return scored.flatMap((matches, place) => (matches ? [{ pair: pairs[place] as Pair, matches }] : []));
}

async function matchTwoPictures(context: RunContext, pair: PictureCaptionPair, failures: Failure[]) {
  const first = await matchTexts(context, pair.pictures[0], pair.captions, failures);
  const second = await matchTexts(context, pair.pictures[1], pair.captions, failures);
  return first && second && [...first, ...second];
}

function matchFoil(context: RunContext, { picture, caption, foil }: FoilPair, failures: Failure[]) {
  return matchTexts(context, picture, [caption, foil], failures);
}

async function matchTexts(
  context: RunContext,
  picture: Picture,
  texts: readonly string[],
  failures: Failure[],
): Promise<Match[] | undefined> {
  const opened = await tryOpen(context, TASK, picture);
  if ("failure" in opened) {
    failures.push(opened.failure);
    return undefined;
  }
  const image: ImageInput = opened.image;
  const outcomes = await context.inference.matchTexts(image, texts, { itcCosine: true });
  const matches: Match[] = [];
  for (const [place] of texts.entries()) {
    const outcome = requireOutcome(outcomes[place]);
    if (outcome.ok) matches.push(outcome.value);
    else failures.push(failureOf(TASK, `${picture.name}: ${texts[place]}`, outcome.error));
  }
  return matches.length === texts.length ? matches : undefined;
}

function byKind<Pair extends { readonly kind?: string }>(
  scored: readonly Scored<Pair>[],
  metricsOf: (part: readonly Scored<Pair>[], kind: string | undefined) => Metric[],
): Metric[] {
  if (scored.length === 0) return [];
  const kinds = Map.groupBy(scored, ({ pair }) => pair.kind);
  const named = [...kinds].flatMap(([kind, part]) => (kind === undefined ? [] : metricsOf(part, kind)));
  return [...metricsOf(scored, undefined), ...named];
}

type Score = (typeof SCORES)[number];

function winogroundMetrics(
  part: readonly Scored<PictureCaptionPair>[],
  kind: string | undefined,
  score: Score,
  itcWeight: number,
  seed: number,
): Metric[] {
  const { perItem } = winogroundScores(part.map(({ matches }) => pairScores(matches, score, itcWeight)));
  return (["text", "image", "group"] as const).map((name) => {
    const hits = perItem.map((item) => Number(item[name]));
    return shareMetric(`${name}Score`, hits, kind, score.by, CHANCE[name], seed);
  });
}

function pairScores(matches: readonly Match[], score: Score, itcWeight: number): PairScores {
  const [c0i0, c1i0, c0i1, c1i1] = matches.map((match) => score.of(match, itcWeight)) as [
    number,
    number,
    number,
    number,
  ];
  return {
    scores: [
      [c0i0, c0i1],
      [c1i0, c1i1],
    ],
  };
}

function foilMetrics(
  part: readonly Scored<FoilPair>[],
  kind: string | undefined,
  score: Score,
  itcWeight: number,
  seed: number,
): Metric[] {
  const { perItem } = pairAccuracy(part.map(({ matches }) => foilScores(matches, score, itcWeight)));
  return [shareMetric("pairAccuracy", perItem.map(Number), kind, score.by, CHANCE.accuracy, seed)];
}

function foilScores([caption, foil]: readonly Match[], score: Score, itcWeight: number): FoilScores {
  return { right: score.of(caption as Match, itcWeight), wrong: score.of(foil as Match, itcWeight) };
}

function shareMetric(
  metric: string,
  hits: readonly number[],
  kind: string | undefined,
  by: OrderedBy,
  baseline: number,
  seed: number,
): Metric {
  const group = kind === undefined ? {} : { group: `kind ${kind}` };
  const figure = meanFigure(hits, seed);
  return {
    task: TASK,
    metric,
    by,
    ...group,
    unit: "share",
    ...figure,
    n: hits.length,
    baseline,
    baselineKind: "guessing",
  };
}

/** Pairs by how far the right texts stand above the wrong ones in itmLogit. */
function examplesOf(two: readonly Scored<PictureCaptionPair>[], one: readonly Scored<FoilPair>[]) {
  const logit = (matches: readonly Match[], place: number) => matches[place]?.itmLogit ?? Number.NaN;
  const shown = [
    ...two.map(({ pair, matches }) => ({
      margin: Math.min(logit(matches, 0) - logit(matches, 1), logit(matches, 3) - logit(matches, 2)),
      example: twoPictureExample(pair, matches),
    })),
    ...one.map(({ pair, matches }) => ({
      margin: logit(matches, 0) - logit(matches, 1),
      example: foilExample(pair, matches),
    })),
  ].sort((a, b) => b.margin - a.margin);
  const right = shown.filter(({ margin }) => margin > 0);
  const wrong = shown.filter(({ margin }) => margin <= 0).reverse();
  const first = (list: readonly { readonly example: Example }[]) =>
    list.slice(0, EXAMPLES).map(({ example }) => example);
  return { best: first(right), worst: first(wrong) };
}

/** A picture counts as right here when its own caption scores above the other one. */
function twoPictureExample({ pictures, captions, kind }: PictureCaptionPair, matches: readonly Match[]): Example {
  const logit = (place: number) => matches[place]?.itmLogit ?? Number.NaN;
  const show = (first: number, second: number) =>
    `itmLogit: caption 0 ${logit(first).toFixed(2)}, caption 1 ${logit(second).toFixed(2)}`;
  return {
    title: kind ?? "two pictures",
    lines: [
      { label: "Caption 0", text: captions[0] },
      { label: "Caption 1", text: captions[1] },
    ],
    found: [
      { picture: pictures[0], caption: show(0, 1), right: logit(0) > logit(1) },
      { picture: pictures[1], caption: show(2, 3), right: logit(3) > logit(2) },
    ],
  };
}

function foilExample({ picture, caption, foil, kind }: FoilPair, matches: readonly Match[]): Example {
  const show = (place: number) => (matches[place]?.itmLogit ?? Number.NaN).toFixed(2);
  return {
    title: kind ?? "one picture",
    picture,
    lines: [
      { label: "True", text: `${caption} (itmLogit ${show(0)})` },
      { label: "False", text: `${foil} (itmLogit ${show(1)})` },
    ],
  };
}

import { EvaluationError } from "../evaluation-error.ts";

/** Scores of two captions of nearly the same words with two pictures; caption 0 fits picture 0 alone, caption 1 picture 1 alone. */
export interface PairScores {
  /** scores[caption][picture]; higher is better. */
  readonly scores: readonly [readonly [number, number], readonly [number, number]];
}

export interface WinogroundItem {
  /** Each picture scores higher with its own caption than with the other one. */
  readonly text: boolean;
  /** Each caption scores higher with its own picture than with the other one. */
  readonly image: boolean;
  /** Both. */
  readonly group: boolean;
}

export interface WinogroundScores {
  /** Shares in [0, 1]. Chance for scores drawn at random: 1/4, 1/4 and 1/6. */
  readonly text: number;
  readonly image: number;
  readonly group: number;
  readonly perItem: readonly WinogroundItem[];
}

/** Winoground (Thrush et al., CVPR 2022, section 3.3). Equal scores are wrong. */
export function winogroundScores(items: readonly PairScores[]): WinogroundScores {
  requireItems(items.length);
  const perItem = items.map(judge);
  const share = (kind: keyof WinogroundItem) => perItem.filter((item) => item[kind]).length / perItem.length;
  return { text: share("text"), image: share("image"), group: share("group"), perItem };
}

/** What a true and a false caption of one picture scored. */
export interface FoilScores {
  readonly right: number;
  readonly wrong: number;
}

export interface PairAccuracy {
  /** Share of pairs, in [0, 1], in which the true caption scores higher. Equal scores are wrong; chance is 1/2. */
  readonly accuracy: number;
  readonly perItem: readonly boolean[];
}

export function pairAccuracy(pairs: readonly FoilScores[]): PairAccuracy {
  requireItems(pairs.length);
  const perItem = pairs.map(({ right, wrong }, index) => requireNumber(right, index) > requireNumber(wrong, index));
  return { accuracy: perItem.filter(Boolean).length / perItem.length, perItem };
}

function judge({ scores }: PairScores, index: number): WinogroundItem {
  for (const score of scores.flat()) requireNumber(score, index);
  const [[ownOfFirst, firstWithOther], [secondWithOther, ownOfSecond]] = scores;
  const text = ownOfFirst > secondWithOther && ownOfSecond > firstWithOther;
  const image = ownOfFirst > firstWithOther && ownOfSecond > secondWithOther;
  return { text, image, group: text && image };
}

function requireItems(count: number): void {
  if (count > 0) return;
  throw new EvaluationError(
    "EMPTY",
    "There are 0 minimal pairs to score, expected at least 1. Check the data set's file.",
  );
}

function requireNumber(score: number, index: number): number {
  if (!Number.isNaN(score)) return score;
  throw new EvaluationError(
    "BAD_INPUT",
    `A score of pair ${index} is NaN, expected a number. Check the model's output.`,
  );
}

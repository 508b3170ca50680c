import type { Metric, OrderedBy } from "../run/result.ts";

/** Names of figures as papers write them. */
const NAMES: Readonly<Record<string, string>> = {
  recallAt1: "R@1",
  recallAt5: "R@5",
  recallAt10: "R@10",
  medianRank: "median rank",
  meanReciprocalRank: "mean reciprocal rank",
  areaUnderCurve: "area under the curve",
  bleu1: "BLEU-1",
  bleu2: "BLEU-2",
  bleu3: "BLEU-3",
  bleu4: "BLEU-4",
  rougeL: "ROUGE-L",
  ciderD: "CIDEr-D",
  chairI: "hallucinated objects (CHAIR-i)",
  chairS: "captions with one (CHAIR-s)",
  objectRecall: "objects named",
  accuracy: "accuracy",
  meanClassAccuracy: "mean accuracy of classes",
  top5Accuracy: "accuracy in the first 5",
  textScore: "text score",
  imageScore: "image score",
  groupScore: "group score",
  pairAccuracy: "pair accuracy",
};

const ORDERS: Readonly<Record<OrderedBy, string>> = {
  itc: "itcCosine",
  itm: "itmLogit",
  "itm+itc": "itmLogit + w·itcCosine",
};

/** What the figure is about, without its name: direction, order and group. */
export function subjectOf({ direction, by, group }: Metric): string {
  const parts = [
    ...(direction === undefined ? [] : [direction === "text-to-image" ? "text → image" : "image → text"]),
    ...(by === undefined ? [] : [ORDERS[by]]),
    ...(group === undefined ? [] : [group]),
  ];
  return parts.join(", ");
}

/** What figures have in common whose baselines are the same: direction and group. */
export function partOf({ direction, group }: Metric): string {
  return JSON.stringify([direction, group]);
}

/** What the model is measured against, the data set's own baseline first. */
export function baselinesOf({ baseline, baselineKind, knownBaselines }: Metric): { kind: string; value: number }[] {
  const own = baseline === undefined ? [] : [{ kind: baselineKind ?? "baseline", value: baseline }];
  return [...own, ...(knownBaselines ?? [])];
}

export function nameOf({ metric }: Metric): string {
  return NAMES[metric] ?? metric;
}

/** Shares and scores times 100, as papers print them; ranks as they are. */
export function formatValue(value: number, unit: Metric["unit"]): string {
  if (!Number.isFinite(value)) return "–";
  return unit === "rank" ? String(Math.round(value * 10) / 10) : (value * 100).toFixed(1);
}

export function formatInterval({ low, high, unit }: Metric): string {
  return low === null || high === null ? "" : `${formatValue(low, unit)}–${formatValue(high, unit)}`;
}

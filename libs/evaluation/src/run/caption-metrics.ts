import type { VocabularyObject } from "../metrics/object-phrases.ts";
import type { CaptionItem } from "../datasets/dataset.ts";
import { type BleuCounts, bleuCounts, bleuOfCounts } from "../metrics/bleu.ts";
import { bootstrapStatistic } from "../metrics/bootstrap.ts";
import type { CaptionPair } from "../metrics/caption-pair.ts";
import { ciderD } from "../metrics/cider-d.ts";
import { objectHallucination, objectMentions } from "../metrics/object-hallucination.ts";
import { rougeL } from "../metrics/rouge-l.ts";
import { meanFigure, ratioFigure } from "./intervals.ts";
import type { Metric } from "./result.ts";

export interface WrittenCaption {
  readonly item: CaptionItem;
  readonly text: string;
}

export interface CaptionScores {
  readonly metrics: readonly Metric[];
  /** CIDEr-D of each caption, in their order. */
  readonly cider: readonly number[];
}

/**
 * BLEU-1 to 4, ROUGE-L, CIDEr-D and, with a vocabulary, object hallucination of a set of captions. The baseline gives each picture the
 * caption that was written for the next one: what the style of captions alone is worth.
 */
export function captionMetrics(
  written: readonly WrittenCaption[],
  vocabulary: readonly VocabularyObject[],
  group: string | undefined,
  seed: number,
): CaptionScores {
  const pairs = written.map(({ item, text }): CaptionPair => ({ candidate: text, references: item.references }));
  const moved = pairs.map(({ references }, place): CaptionPair => {
    return { candidate: pairs[(place + 1) % pairs.length]?.candidate ?? "", references };
  });
  const shared = {
    task: "captions",
    ...(group !== undefined && { group }),
    unit: "score",
    n: written.length,
    baselineKind: "captions of other pictures",
  } as const;
  const rouge = rougeL(pairs);
  const cider = ciderD(pairs);
  return {
    metrics: [
      ...bleuFigures(pairs, moved, seed).map(
        (figure, order): Metric => ({ ...shared, metric: `bleu${order + 1}`, ...figure }),
      ),
      {
        ...shared,
        metric: "rougeL",
        ...meanFigure(rouge.perItem, seed),
        value: rouge.mean,
        baseline: rougeL(moved).mean,
      },
      {
        ...shared,
        metric: "ciderD",
        ...meanFigure(cider.perItem, seed),
        value: cider.mean,
        baseline: ciderD(moved).mean,
      },
      ...(vocabulary.length > 0 ? objectFigures(pairs, moved, written, vocabulary, seed) : []).map(
        (figure): Metric => ({ ...shared, ...figure, unit: "share" }),
      ),
    ],
    cider: cider.perItem,
  };
}

function bleuFigures(pairs: readonly CaptionPair[], moved: readonly CaptionPair[], seed: number) {
  const counts = pairs.map(bleuCounts);
  const baselines = bleuOfCounts(moved.map(bleuCounts));
  return [0, 1, 2, 3].map((order) => {
    const score = (indices: Uint32Array) => bleuOfCounts([sumOfCounts(counts, indices)])[order] as number;
    const { estimate: value, low, high } = bootstrapStatistic(counts.length, score, { seed });
    return { value, low, high, baseline: baselines[order] as number };
  });
}

/** BLEU depends on the sums alone; adding them up here first makes thousands of resamples cheap. */
function sumOfCounts(counts: readonly BleuCounts[], indices: Uint32Array): BleuCounts {
  const ngrams = [0, 0, 0, 0];
  const matches = [0, 0, 0, 0];
  let candidateLength = 0;
  let referenceLength = 0;
  for (const index of indices) {
    const one = counts[index] as BleuCounts;
    candidateLength += one.candidateLength;
    referenceLength += one.referenceLength;
    for (let n = 0; n < ngrams.length; n++) {
      ngrams[n] = (ngrams[n] as number) + (one.ngrams[n] as number);
      matches[n] = (matches[n] as number) + (one.matches[n] as number);
    }
  }
  return { candidateLength, referenceLength, ngrams, matches };
}

/** A picture shows what its line lists and what its references name, as CHAIR counts. */
function objectFigures(
  pairs: readonly CaptionPair[],
  moved: readonly CaptionPair[],
  written: readonly WrittenCaption[],
  vocabulary: readonly VocabularyObject[],
  seed: number,
) {
  const shown = written.map(({ item }) => {
    const named = objectMentions(item.references, vocabulary).flat();
    return [...new Set([...(item.objects ?? []), ...named])];
  });
  const judge = (captions: readonly CaptionPair[]) =>
    objectHallucination(
      captions.map(({ candidate }, place) => ({ caption: candidate, objects: shown[place] ?? [] })),
      vocabulary,
    );
  const found = judge(pairs);
  const blind = judge(moved);
  const wrong = found.perItem.map(({ hallucinated }) => hallucinated.length);
  const mentioned = found.perItem.map((item) => item.mentioned.length);
  const recalled = found.perItem.map(({ missed }, place) => (shown[place] ?? []).length - missed.length);
  const objects = shown.map(({ length }) => length);
  const hasWrong = wrong.map((count) => Number(count > 0));
  return [
    // Without a mention, or without an object that could be named, the share is of nothing and left out.
    ...(found.mentions > 0
      ? [
          {
            metric: "chairI",
            ...ratioFigure(wrong, mentioned, seed),
            ...(blind.mentions > 0 && { baseline: blind.chairI }),
          },
        ]
      : []),
    { metric: "chairS", ...meanFigure(hasWrong, seed), baseline: blind.chairS },
    ...(found.shownObjects > 0
      ? [{ metric: "objectRecall", ...ratioFigure(recalled, objects, seed), baseline: blind.recall }]
      : []),
  ];
}

import type { NearText, TextHit, VectorHit } from "@medley/storage";
import { TEXT_CANDIDATES } from "./query.ts";
import type { Picture, TextEvidence } from "./rank.ts";

/** Pictures that their own texts speak for, each list best first. */
export interface FoundByTexts {
  readonly byWords: readonly TextHit[];
  readonly byCosine: readonly NearText[];
}

export const NOTHING_BY_TEXTS: FoundByTexts = { byWords: [], byCosine: [] };

export interface Pool {
  /** Whom the matching head judges. */
  readonly toMatch: readonly Picture[];
  /** The other pictures of the vector search, in its order. */
  readonly beyond: readonly Picture[];
  /** How many of `toMatch` only their texts found. */
  readonly byText: number;
}

/** The nearest `depth` pictures, and the best few of each clause by the words and by the nearness of their texts. */
export function poolPictures(
  retrieved: readonly Pick<VectorHit, "imageId" | "sha256">[],
  found: readonly FoundByTexts[],
  depth: number,
): Pool {
  const wanted = found.flatMap(({ byWords, byCosine }) => [
    ...byWords.slice(0, TEXT_CANDIDATES),
    ...byCosine.slice(0, TEXT_CANDIDATES),
  ]);
  const wantedIds = new Set(wanted.map(({ imageId }) => imageId));
  const near = retrieved.map(({ imageId, sha256 }, index) => ({ imageId, sha256, rankBeforeRerank: index + 1 }));
  const nearIds = new Set(near.map(({ imageId }) => imageId));
  const far = [...new Map(wanted.map((hit) => [hit.imageId, hit])).values()].flatMap(({ imageId, sha256 }) =>
    nearIds.has(imageId) ? [] : [{ imageId, sha256, rankBeforeRerank: null }],
  );
  const [within, rest] = [near.slice(0, depth), near.slice(depth)];
  return {
    toMatch: [...within, ...rest.filter(({ imageId }) => wantedIds.has(imageId)), ...far],
    beyond: rest.filter(({ imageId }) => !wantedIds.has(imageId)),
    byText: far.length,
  };
}

/** What its own texts say for each picture, with regard to one clause. */
export function textEvidenceOf({ byWords, byCosine }: FoundByTexts): (imageId: string) => TextEvidence {
  const shares = new Map(byWords.map(({ imageId, textShare }) => [imageId, textShare]));
  const cosines = new Map(byCosine.map(({ imageId, textCosine }) => [imageId, textCosine]));
  const scale = scaleOfCosines(byCosine.map(({ textCosine }) => textCosine));
  return (imageId) => {
    const textShare = shares.get(imageId) ?? 0;
    const textCosine = cosines.get(imageId) ?? null;
    return { textShare, textCosine, textScore: Math.max(textShare, textCosine === null ? 0 : scale(textCosine)) };
  };
}

/**
 * The nearest text is 1 and the TEXT_CANDIDATES-th is 0. Where fewer pictures have texts there is nothing to tell "near" by, and the cosine
 * itself counts, so that the best of three unfitting captions does not pass for a right one.
 */
function scaleOfCosines(bestFirst: readonly number[]): (cosine: number) => number {
  const [greatest = 1, least = 0] = [bestFirst[0], bestFirst[TEXT_CANDIDATES - 1]];
  const [top, floor] = bestFirst.length < TEXT_CANDIDATES || greatest === least ? [1, 0] : [greatest, least];
  return (cosine) => Math.min(1, Math.max(0, (cosine - floor) / (top - floor)));
}

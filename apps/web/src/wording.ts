import type { CaptionSource, SearchStage } from "./generated/documents.ts";

/** A cosine with three places, which is as fine as two pictures are worth telling apart. */
export function formatCosine(itcCosine: number): string {
  return formatPlaces(itcCosine, 3);
}

/** A logit with its sign: above 0 the matching head says "match". What rounds to 0 has none. */
export function formatLogit(itmLogit: number): string {
  const text = formatPlaces(itmLogit, 2);
  return itmLogit > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** What re-ranked hits are ordered by, as fine as the logit in it. */
export function formatRerankScore(rerankScore: number): string {
  return formatPlaces(rerankScore, 2);
}

function formatPlaces(value: number, places: number): string {
  const text = value.toFixed(places);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

/** The last part of a path or address: where the picture lies on the server is nobody's business. */
export function fileNameOf(origin: string): string {
  return origin.split(/[/\\]/).findLast((part) => part !== "") ?? origin;
}

/** What re-ranking did to a hit, such as "up from 9". */
export function describeMove(rankBeforeRerank: number | null, rank: number): string {
  if (rankBeforeRerank === null) return "found by its texts";
  if (rank < rankBeforeRerank) return `up from ${rankBeforeRerank}`;
  if (rank > rankBeforeRerank) return `down from ${rankBeforeRerank}`;
  return "same place";
}

export function describeMilliseconds(milliseconds: number): string {
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

export function countOf(count: number, singular: string, plural = `${singular}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? singular : plural}`;
}

export const SOURCES: Readonly<Record<CaptionSource, string>> = {
  WEB: "came with the picture",
  SYNTHETIC: "written by a model",
  HUMAN: "written by a person",
  IMPORTED: "from a data set",
};

export const STAGES: Readonly<Record<SearchStage, string>> = {
  EMBED_QUERY: "read the text",
  RETRIEVE: "find the nearest pictures",
  MATCH_TEXTS: "look into the pictures' own texts",
  RERANK: "compare each with the text",
};

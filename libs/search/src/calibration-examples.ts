import type { LabelledScore } from "@medley/calibration";
import type { Inference } from "@medley/inference-api";
import { type Database, type DrawnCaption, searchEmbeddings, searchTexts } from "@medley/storage";
import { VERDICT_CANDIDATES } from "./calibration.ts";

/** What the examples of a calibration are made with. */
export interface ExampleSource {
  readonly db: Database;
  readonly inference: Inference;
  readonly corpusId: string;
  readonly spaceId: string;
  /** w of itmLogit + w * itcCosine. */
  readonly itcWeight: number;
  /** Fingerprint of the model that built the space. */
  readonly model: string;
  readonly signal?: AbortSignal;
}

/** A query whose answer is known, with that answer in the corpus and without it. */
export interface KnownItemExample {
  /** Best rerankScore among the nearest pictures. */
  readonly present: number;
  /** The same when the picture, and every other one whose own texts hold most of the query's words, is taken out. */
  readonly absent: number;
  /** Place of the picture in the order of rerankScore among the nearest, from 1; null where it is not among them. */
  readonly rank: number | null;
}

/** A picture whose own texts hold so much of the query's weight may be an answer itself. */
const MAY_ANSWER_FROM = 0.5;
/** So many more pictures are looked at, to have as many without the answers as with them. */
const SPARE_CANDIDATES = 32;

/**
 * The rerankScores of a picture with its own text, with that of a picture that looks alike, and with that of any other. What a captioner wrote or
 * this model's filter kept is no part of it (drawCaptionPairs).
 */
export async function pairExamples(
  { inference, itcWeight, model, signal }: ExampleSource,
  { sha256, own, ofNeighbour, ofAnother }: DrawnCaption,
): Promise<LabelledScore[]> {
  const texts = [own, ofNeighbour, ofAnother].filter((text) => text !== null);
  const options = { role: "retrieval", model, itcCosine: true, ...(signal && { signal }) } as const;
  const outcomes = await inference.matchTexts({ sha256 }, texts, options);
  return outcomes.flatMap((outcome, index) => {
    if (!outcome.ok || outcome.value.itcCosine === undefined) return [];
    const score = outcome.value.itmLogit + itcWeight * outcome.value.itcCosine;
    return Number.isFinite(score) ? [{ score, matches: index === 0 }] : [];
  });
}

/** Asks for a picture by its own text. Null where the engine failed on the text or on every candidate. */
export async function knownItemExample(
  source: ExampleSource,
  { imageId, own }: DrawnCaption,
): Promise<KnownItemExample | null> {
  const { db, inference, corpusId, spaceId, itcWeight, model, signal } = source;
  const options = { model, ...(signal && { signal }) };
  const [embedded] = await inference.embedTexts([own], options);
  if (!embedded?.ok) return null;
  const among = { spaceId, query: embedded.value };
  const { hits } = await searchEmbeddings(db, { ...among, corpusId, limit: VERDICT_CANDIDATES + SPARE_CANDIDATES });
  const judged = hits.map((hit) => hit.imageId);
  const byWords = await searchTexts(db, { ...among, corpora: [{ id: corpusId }], text: own, limit: 0, among: judged });
  const answers = new Set(byWords.filter(({ textShare }) => textShare >= MAY_ANSWER_FROM).map((hit) => hit.imageId));
  const isAnswer = (hit: { readonly imageId: string }) => hit.imageId === imageId || answers.has(hit.imageId);
  const nearest = hits.slice(0, VERDICT_CANDIDATES);
  const others = hits.filter((hit) => !isAnswer(hit)).slice(0, VERDICT_CANDIDATES);
  const pool = [...new Set([...nearest, ...others])];
  const images = pool.map(({ sha256 }) => ({ sha256 }));
  const matches = await inference.matchImages(own, images, { ...options, role: "retrieval" });
  const scores = new Map(
    pool.flatMap((hit, index) => {
      const match = matches[index];
      const score = match?.ok ? match.value.itmLogit + itcWeight * hit.itcCosine : Number.NaN;
      return Number.isFinite(score) ? [[hit.imageId, score] as const] : [];
    }),
  );
  const scoresOf = (some: typeof hits) => some.flatMap((hit) => scores.get(hit.imageId) ?? []);
  const [present, absent] = [scoresOf(nearest), scoresOf(others)];
  if (present.length === 0 || absent.length === 0) return null;
  const mine = nearest.some((hit) => hit.imageId === imageId) ? scores.get(imageId) : undefined;
  const rank = mine === undefined ? null : 1 + present.filter((score) => score > mine).length;
  return { present: Math.max(...present), absent: Math.max(...absent), rank };
}

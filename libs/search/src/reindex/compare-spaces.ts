import type { Inference, ModelInfo } from "@medley/inference-api";
import {
  compareCoverage,
  type Database,
  type DrawnCaption,
  drawCaptionPairs,
  findSpace,
  type SearchMode,
  searchEmbeddings,
  type Space,
  type VectorHit,
} from "@medley/storage";
import { SearchError } from "../errors.ts";
import { requireModelOf } from "../models.ts";
import { shareFound } from "./index-recall.ts";
import { type Changes, type KnownItemFigures, objectionsTo, type SpaceComparison } from "./space-comparison.ts";

export interface CompareRequest {
  readonly corpusId: string;
  /** The space that answers. */
  readonly fromSpaceId: string;
  /** The space that is to answer. */
  readonly spaceId: string;
  /** How many pictures with texts of their own are asked for in both. */
  readonly queries: number;
  /** The same seed draws the same pictures of the same corpus. */
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (asked: number) => void;
}

/** So many of the nearest pictures are re-ranked: enough to tell models apart, at a fraction of what a search takes. */
const RERANKED = 32;
const JUDGED = 10;

/**
 * Asks for pictures by their own texts in both spaces, each with the model that built it, and has a third party look at what they found: the filter,
 * or where there is none the model of the space that answers. Queries are texts of people and of the web only: a captioner favours the models that
 * it was trained with.
 * @throws SearchError NO_ACTIVE_SPACE, MODEL_MISSING, MODEL_MISMATCH; InferenceError when the engine does not answer
 */
export async function compareSpaces(
  dependencies: { readonly db: Database; readonly inference: Inference },
  request: CompareRequest,
): Promise<SpaceComparison> {
  const { db } = dependencies;
  const { corpusId, fromSpaceId, spaceId, queries, seed, signal } = request;
  const before = await openSide(dependencies, fromSpaceId);
  const after = await openSide(dependencies, spaceId);
  const judge = await findJudge(dependencies.inference, before.model);
  const drawn = await drawCaptionPairs(db, { corpusId, spaceId: fromSpaceId, images: queries, seed });
  const asked: { readonly before: Asked; readonly after: Asked; readonly judged: Judged }[] = [];
  for (const each of drawn) {
    signal?.throwIfAborted();
    const sides = {
      before: await ask(dependencies, request, before, each),
      after: await ask(dependencies, request, after, each),
    };
    if (sides.before && sides.after) {
      const found = { before: sides.before, after: sides.after };
      asked.push({ ...found, judged: await compareLists(dependencies.inference, judge, each.own, found, signal) });
    }
    request.onProgress?.(asked.length);
  }
  const measured = {
    coverage: await compareCoverage(db, request),
    index: { mode: modeOf(asked.map((each) => each.after)), recall: mean(asked.map((each) => each.after.indexRecall)) },
    queries: asked.length,
    before: figuresOf(asked.map((each) => each.before)),
    after: figuresOf(asked.map((each) => each.after)),
    first: changesOf(asked, ({ reranked }) => reranked === 1),
    within10: changesOf(asked, ({ nearest }) => nearest <= 10),
    judge: {
      modelName: judge.model.name,
      modelFingerprint: judge.model.fingerprint,
      better: asked.filter(({ judged }) => judged === "better").length,
      worse: asked.filter(({ judged }) => judged === "worse").length,
    },
  };
  return { ...measured, objections: objectionsTo(measured) };
}

interface Side {
  readonly space: Space;
  readonly model: ModelInfo;
}

async function openSide({ db, inference }: { db: Database; inference: Inference }, spaceId: string): Promise<Side> {
  const space = await findSpace(db, spaceId);
  if (space === null) throw new SearchError("NO_ACTIVE_SPACE", `There is no space "${spaceId}".`);
  return { space, model: await requireModelOf({ db, inference }, space) };
}

interface Judge {
  readonly role: "retrieval" | "filter";
  readonly model: ModelInfo;
}

async function findJudge(inference: Inference, fallback: ModelInfo): Promise<Judge> {
  const filter = (await inference.models()).find(({ role }) => role === "filter");
  return filter ? { role: "filter", model: filter } : { role: "retrieval", model: fallback };
}

/** What a space found for a text that was written for one of its pictures. */
interface Asked {
  /** Place of that picture from 1 by itcCosine, and after re-ranking; Infinity where it is not among them. */
  readonly nearest: number;
  readonly reranked: number;
  readonly first: readonly VectorHit[];
  readonly indexRecall: number;
  readonly mode: SearchMode;
}

/** Null where the engine failed on the text. */
async function ask(
  { db, inference }: { readonly db: Database; readonly inference: Inference },
  { corpusId, signal }: CompareRequest,
  { space, model }: Side,
  { imageId, own }: DrawnCaption,
): Promise<Asked | null> {
  const options = { model: model.fingerprint, ...(signal && { signal }) };
  const [embedded] = await inference.embedTexts([own], options);
  if (!embedded?.ok) return null;
  const among = { corpusId, spaceId: space.id, query: embedded.value, limit: RERANKED };
  const { hits, mode } = await searchEmbeddings(db, among);
  const exact = mode === "exact" ? hits : (await searchEmbeddings(db, { ...among, mode: "exact" })).hits;
  const images = hits.map(({ sha256 }) => ({ sha256 }));
  const matches = await inference.matchImages(own, images, { ...options, role: "retrieval" });
  const scored = hits.map((hit, index) => {
    const match = matches[index];
    return {
      hit,
      score: match?.ok ? match.value.itmLogit + model.itcWeight * hit.itcCosine : Number.NEGATIVE_INFINITY,
    };
  });
  const reranked = scored.toSorted((one, other) => other.score - one.score).map(({ hit }) => hit);
  return {
    nearest: placeOf(imageId, hits),
    reranked: placeOf(imageId, reranked),
    first: reranked.slice(0, JUDGED),
    indexRecall: shareFound(hits.slice(0, JUDGED), exact.slice(0, JUDGED)),
    mode,
  };
}

function placeOf(imageId: string, hits: readonly VectorHit[]): number {
  const index = hits.findIndex((hit) => hit.imageId === imageId);
  return index < 0 ? Number.POSITIVE_INFINITY : index + 1;
}

type Judged = "better" | "worse" | "equal";
/** Two lists whose mean logits differ by less fit equally well. */
const EQUAL_WITHIN = 0.05;

async function compareLists(
  inference: Inference,
  { role, model }: Judge,
  text: string,
  { before, after }: { readonly before: Asked; readonly after: Asked },
  signal: AbortSignal | undefined,
): Promise<Judged> {
  const pool = [...new Map([...before.first, ...after.first].map((hit) => [hit.imageId, hit])).values()];
  const chosen = role === "retrieval" ? { role, model: model.fingerprint } : { role };
  const options = { ...chosen, ...(signal && { signal }) };
  const images = pool.map(({ sha256 }) => ({ sha256 }));
  const outcomes = await inference.matchImages(text, images, options);
  const logits = new Map(
    pool.flatMap(({ imageId }, index) => {
      const outcome = outcomes[index];
      return outcome?.ok ? [[imageId, outcome.value.itmLogit] as const] : [];
    }),
  );
  const meanOf = (hits: readonly VectorHit[]) => mean(hits.flatMap(({ imageId }) => logits.get(imageId) ?? []));
  const difference = meanOf(after.first) - meanOf(before.first);
  if (!(Math.abs(difference) > EQUAL_WITHIN)) return "equal";
  return difference > 0 ? "better" : "worse";
}

function figuresOf(asked: readonly Asked[]): KnownItemFigures {
  const share = (holds: (each: Asked) => boolean) => mean(asked.map((each) => (holds(each) ? 1 : 0)));
  return {
    recallAt1: share(({ nearest }) => nearest === 1),
    recallAt10: share(({ nearest }) => nearest <= 10),
    rerankedAt1: share(({ reranked }) => reranked === 1),
    rerankedAt10: share(({ reranked }) => reranked <= 10),
  };
}

function changesOf(
  asked: readonly { readonly before: Asked; readonly after: Asked }[],
  holds: (each: Asked) => boolean,
): Changes {
  return {
    gained: asked.filter(({ before, after }) => !holds(before) && holds(after)).length,
    lost: asked.filter(({ before, after }) => holds(before) && !holds(after)).length,
  };
}

/** 0 of nothing: a share of no queries is none. */
function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function modeOf(asked: readonly Asked[]): SearchMode {
  return asked.some(({ mode }) => mode === "hnsw") ? "hnsw" : "exact";
}

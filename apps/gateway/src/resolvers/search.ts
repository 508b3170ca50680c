import {
  type ClauseScores,
  type Evidence,
  type FacetRequest,
  MAX_PICTURE_BYTES,
  type PageHit,
  type SearchClause,
  type SearchPage,
  type SearchQuery,
  searchPage,
} from "@medley/search";
import type { Image } from "@medley/storage";
import type { GatewayContext } from "../context.ts";
import { badUserInput } from "../errors.ts";
import { imageFilterOf } from "../image-filter-input.ts";
import type {
  QueryResolvers,
  SearchClause as SearchClauseInput,
  SearchConnectionResolvers,
  SearchEdgeResolvers,
  SearchInput,
  SearchReportResolvers,
} from "../generated/schema-types.ts";

export const search: NonNullable<QueryResolvers["search"]> = async (_root, { input, first, after }, context) => {
  const { imageById, log } = context;
  // The nodes of the page need them in any case, and the loader keeps them for the request.
  const onHits = (ids: readonly string[]) => void imageById.loadMany(ids);
  const page = await searchPage(context, searchQueryOf(input, first, context), after ?? null, { onHits });
  // Only what asks for a cursor fails with it.
  page.kept.catch((error: unknown) => log.error({ err: error }, "answer of a search not kept"));
  return withoutRemoved(page, async (ids) => {
    const images = await imageById.loadMany(ids);
    return new Set(ids.filter((_, index) => images[index] !== null));
  });
};

/** Code of a degradation that belongs to a page and not to its search. */
export const IMAGES_REMOVED = "IMAGES_REMOVED";

/**
 * The page without the pictures that were removed since it was searched for, which is said: a kept answer outlives its pictures, and one that is gone takes no other away.
 * @param present those of the ids that are still there
 */
export async function withoutRemoved(
  page: SearchPage,
  present: (imageIds: readonly string[]) => Promise<{ has(imageId: string): boolean }>,
): Promise<SearchPage> {
  if (page.hits.length === 0) return page;
  const there = await present(page.hits.map(({ imageId }) => imageId));
  const hits = page.hits.filter(({ imageId }) => there.has(imageId));
  const images = page.hits.length - hits.length;
  if (images === 0) return page;
  const message = `${images} of the pictures of this page were removed meanwhile, and are left out.`;
  const removed = { stage: "RETRIEVE", code: IMAGES_REMOVED, message, images } as const;
  return { ...page, hits, report: { ...page.report, degraded: [...page.report.degraded, removed] } };
}

/** What is asked for, in the words of the library. */
export function searchQueryOf(
  { corpus, corpora, rerank, textWeight, minMatch, ...input }: SearchInput,
  first: number,
  { searchDeadlineMs }: Pick<GatewayContext, "searchDeadlineMs">,
): SearchQuery {
  return {
    corpus: corpus ?? undefined,
    corpora: corpora ?? undefined,
    all: clausesOf("all", input.all),
    any: clausesOf("any", input.any),
    none: clausesOf("none", input.none),
    filter: input.filter ? imageFilterOf(input.filter) : undefined,
    first,
    candidates: rerank?.candidates,
    textWeight,
    minMatch: minMatch ?? undefined,
    facets: (input.facets ?? []).map(({ name, of, first: values }): FacetRequest => ({ name, of, first: values })),
    deadlineMs: Math.min(budgetOf(rerank?.budgetMs), searchDeadlineMs),
  };
}

function budgetOf(budgetMs: number | null | undefined): number {
  if (budgetMs === null || budgetMs === undefined) return Number.POSITIVE_INFINITY;
  if (budgetMs >= 1) return budgetMs;
  throw badUserInput(`rerank.budgetMs is ${budgetMs}, expected at least 1.`);
}

function clausesOf(name: string, clauses: readonly SearchClauseInput[] | null | undefined): SearchClause[] {
  return (clauses ?? []).map(({ text, imageId, picture, url }, index) => {
    if (text !== null && text !== undefined) return { text };
    if (imageId !== null && imageId !== undefined) return { imageId };
    if (url !== null && url !== undefined) return { url };
    return { picture: bytesOf(`${name}[${index}].picture`, picture ?? "") };
  });
}

const BASE64 = /^[A-Za-z0-9+/\r\n]*={0,2}\s*$/;

function bytesOf(name: string, base64: string): Uint8Array {
  if (base64.length > 2 * MAX_PICTURE_BYTES || !BASE64.test(base64)) {
    throw badUserInput(`${name} is no base64 of at most ${MAX_PICTURE_BYTES} bytes.`);
  }
  return Buffer.from(base64, "base64");
}

export const SearchConnection: SearchConnectionResolvers = {
  edges: (page) => [...page.hits],
  // Answers that an older Medley kept for their later pages count attributes alone.
  facets: ({ facets }) => facets.map(({ name, of = "ATTRIBUTE", values }) => ({ name, of, values: [...values] })),
  async pageInfo({ kept, hasNextPage, hasPreviousPage, startCursor, endCursor }) {
    await kept;
    return { hasNextPage, hasPreviousPage, startCursor, endCursor };
  },
};

export const SearchEdge: SearchEdgeResolvers = {
  async cursor({ cursor, kept }) {
    await kept;
    return cursor;
  },
  rank: (hit) => hit.rankAfterRerank,
  fusedScore: (hit) => hit.score,
  clauses: ({ clauses }) => [...clauses],
  itcCosine: (hit) => firstOf(hit).itcCosine,
  itmLogit: (hit) => firstOf(hit).itmLogit,
  rerankScore: (hit) => firstOf(hit).rerankScore,
  textShare: (hit) => firstOf(hit).textShare,
  textCosine: (hit) => firstOf(hit).textCosine,
  textScore: (hit) => firstOf(hit).textScore,
  node: (hit, _query, context) => imageOfHit(hit, context),
  evidence: (hit, { word }, context) => evidenceOfHit(hit, word, context),
};

async function imageOfHit({ imageId }: PageHit, context: GatewayContext): Promise<Image> {
  const image = await context.imageById.load(imageId);
  if (image === null) throw badUserInput(`Image "${imageId}" was removed while the search ran. Search again.`);
  return image;
}

/** The word has to be in one of the texts that were looked for. */
async function evidenceOfHit(hit: PageHit, word: string, context: GatewayContext): Promise<Evidence> {
  if (hit.texts.length === 0) {
    throw badUserInput("The search has no text whose words could be found in a picture. Ask Image.evidence instead.");
  }
  return context.evidence.load({ image: await imageOfHit(hit, context), word, texts: hit.texts });
}

function firstOf({ clauses }: { readonly clauses: readonly ClauseScores[] }): ClauseScores {
  if (clauses[0] === undefined) throw new Error("Bug: a hit of a search without clauses");
  return clauses[0];
}

export const INDEX_MODES = { exact: "EXACT", hotTier: "HOT_TIER", hnsw: "HNSW" } as const;

export const SearchReport: SearchReportResolvers = {
  indexMode: (report) => INDEX_MODES[report.indexMode],
  stages: (report) => [...report.stages],
  degraded: (report) => [...report.degraded],
  matchFailures: (report) => [...report.matchFailures],
};

import type { MedleyClient, RequestOptions } from "./client.ts";
import {
  SearchDocument,
  type SearchInput,
  type SearchQuery,
  SearchRefinedDocument,
  type SearchRefinedSubscription,
} from "./generated/graphql.ts";

/** One page of hits, with what asks for the next one. */
export type SearchPage = SearchQuery["search"] & {
  readonly request: { readonly input: SearchInput; readonly first: number };
};
/** One picture with its scores. */
export type SearchHit = SearchPage["edges"][number];

export interface SearchOptions extends RequestOptions {
  /** Hits on a page, 1 to 500. */
  readonly first?: number;
}

/** What to look for, and where; a text alone is the same as `{ all: [{ text }] }`. */
export type Query =
  | SearchInput
  | { readonly corpus: string; readonly text: string }
  | { readonly corpora: readonly string[]; readonly text: string };

/** An answer on its way: what is known of it so far, or with `isFinal` what `search` gives. */
export type SearchRefinement = Omit<SearchRefinedSubscription["searchRefined"], "page"> & { readonly page: SearchPage };

/** Pictures of a corpus, or of several, that fit, best first. */
export async function search(
  client: MedleyClient,
  query: Query,
  { first = 20, signal }: SearchOptions = {},
): Promise<SearchPage> {
  return await fetchPage(client, { input: inputOf(query), first }, null, signal);
}

/**
 * The same while it is judged: at once in the order that is known before re-ranking, then better, at last final; `nextPage` goes on from that one. Who leaves
 * the loop ends the search. A connection that breaks begins it anew, and an input that is too large for a subscription is searched for at once.
 */
export async function* watchSearch(
  client: MedleyClient,
  query: Query,
  { first = 20, signal }: SearchOptions = {},
): AsyncGenerator<SearchRefinement, void, undefined> {
  const request = { input: inputOf(query), first };
  if (JSON.stringify(request).length > LARGEST_SUBSCRIPTION) {
    const page = await fetchPage(client, request, null, signal);
    const { reranked } = page.report.candidates;
    const change = { isStable: false, entered: page.edges.length, left: 0, moved: 0 };
    yield { judged: reranked, candidates: reranked, isFinal: true, change, page };
    return;
  }
  for await (const { searchRefined } of client.subscribe(SearchRefinedDocument, request, { signal })) {
    yield { ...searchRefined, page: { ...searchRefined.page, request } };
  }
}

/** Characters; the server takes messages of 65,536 bytes, of which the document needs some. Only pictures sent along are larger. */
const LARGEST_SUBSCRIPTION = 20_000;

function inputOf(query: Query): SearchInput {
  if (!("text" in query)) return query;
  const all = [{ text: query.text }];
  return "corpora" in query ? { corpora: [...query.corpora], all } : { corpus: query.corpus, all };
}

/** The page behind this one, of the same answer; null behind the last. Rejects with SEARCH_EXPIRED after 15 minutes. */
export async function nextPage(
  client: MedleyClient,
  page: SearchPage,
  { signal }: RequestOptions = {},
): Promise<SearchPage | null> {
  const { hasNextPage, endCursor } = page.pageInfo;
  return hasNextPage && endCursor !== null ? await fetchPage(client, page.request, endCursor, signal) : null;
}

async function fetchPage(
  client: MedleyClient,
  request: SearchPage["request"],
  after: string | null,
  signal: AbortSignal | undefined,
): Promise<SearchPage> {
  const { search: page } = await client.request(SearchDocument, { ...request, after }, { signal });
  return { ...page, request };
}

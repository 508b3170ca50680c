import type { MedleyClient, RequestOptions } from "./client.ts";
import { SearchDocument, type SearchInput, type SearchQuery } from "./generated/graphql.ts";

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

/** Pictures of a corpus that fit, best first. A text alone is the same as `{ all: [{ text }] }`. */
export async function search(
  client: MedleyClient,
  query: SearchInput | { readonly corpus: string; readonly text: string },
  { first = 20, signal }: SearchOptions = {},
): Promise<SearchPage> {
  const input = "text" in query ? { corpus: query.corpus, all: [{ text: query.text }] } : query;
  return await fetchPage(client, { input, first }, null, signal);
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

import { createHash, randomUUID } from "node:crypto";
import { findSearchSession, saveSearchSession } from "@medley/storage";
import { SearchError } from "./errors.ts";
import { requireInteger, type SearchQuery, type ValidQuery, validateQuery } from "./query.ts";
import type { RankedHit } from "./rank.ts";
import { type SearchDependencies, type SearchResult, searchValid } from "./search-images.ts";

/** How long the later pages of an answer can be read. */
const KEEP_SECONDS = 15 * 60;

/** A hit with the cursor of the page behind it, and the texts that it was found for: those of `all`, then `any`, then `none`. */
export type PageHit = RankedHit & { readonly cursor: string; readonly texts: readonly string[] };

export interface SearchPage extends Omit<SearchResult, "hits"> {
  /** At most `first`. */
  readonly hits: readonly PageHit[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

/**
 * A page of a search. The first page searches and keeps its whole list; a page behind a cursor is cut from that list, so that pages neither overlap
 * nor drift while pictures come and go. Its query must be the one that the cursor came from, `first` apart.
 * @throws SearchError SEARCH_EXPIRED when the list is kept no longer, INVALID_QUERY for a cursor that is none or of another query
 */
export async function searchPage(
  dependencies: SearchDependencies,
  query: SearchQuery,
  after: string | null,
): Promise<SearchPage> {
  const valid = validateQuery(query);
  if (after !== null) return laterPage(dependencies, valid, readCursor(after));
  const result = await searchValid(dependencies, valid);
  const sessionId = randomUUID();
  const { hits, ...answer } = result;
  await saveSearchSession(
    dependencies.db,
    { id: sessionId, corpusId: result.corpusId, queryFingerprint: fingerprintOf(valid), answer, hits },
    { keepSeconds: KEEP_SECONDS },
  );
  return pageOf(valid, answer, hits.slice(0, valid.first), { sessionId, offset: 0, hitCount: hits.length });
}

async function laterPage(
  { db }: SearchDependencies,
  valid: ValidQuery,
  { sessionId, offset }: Cursor,
): Promise<SearchPage> {
  const session = await findSearchSession(db, sessionId, { offset, count: valid.first });
  if (session === null) {
    const kept = `Answers are kept for ${KEEP_SECONDS / 60} minutes`;
    throw new SearchError(
      "SEARCH_EXPIRED",
      `The search that this cursor belongs to is gone. ${kept}; search again without "after".`,
    );
  }
  if (session.queryFingerprint !== fingerprintOf(valid)) {
    const hint = "Send the same input as for the first page; only first may differ.";
    throw new SearchError("INVALID_QUERY", `The cursor belongs to another search. ${hint}`);
  }
  const { answer, hits, hitCount } = session;
  const place = { sessionId, offset, hitCount };
  return pageOf(valid, answer as Omit<SearchResult, "hits">, hits as readonly RankedHit[], place);
}

function pageOf(
  { clauses }: ValidQuery,
  answer: Omit<SearchResult, "hits">,
  page: readonly RankedHit[],
  { sessionId, offset, hitCount }: Cursor & { readonly hitCount: number },
): SearchPage {
  const texts = clauses.flatMap((clause) => (clause.kind === "text" ? [clause.text] : []));
  return {
    ...answer,
    hits: page.map((hit, index) => ({ ...hit, texts, cursor: writeCursor({ sessionId, offset: offset + index + 1 }) })),
    hasNextPage: offset + page.length < hitCount,
    hasPreviousPage: offset > 0,
  };
}

interface Cursor {
  readonly sessionId: string;
  /** How many hits lie before the page. */
  readonly offset: number;
}

function writeCursor({ sessionId, offset }: Cursor): string {
  return Buffer.from(`${sessionId}:${offset}`).toString("base64url");
}

const CURSOR = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([0-9]{1,4})$/;

function readCursor(cursor: string): Cursor {
  const [, sessionId, offset] = CURSOR.exec(Buffer.from(cursor.slice(0, 200), "base64url").toString()) ?? [];
  if (sessionId === undefined || offset === undefined) {
    throw new SearchError("INVALID_QUERY", `"${cursor.slice(0, 80)}" is no cursor. Use endCursor of the page before.`);
  }
  requireInteger("after", Number(offset), 0, 10_000);
  return { sessionId, offset: Number(offset) };
}

/** SHA-256 over what was asked for. The length of a page and the time limit do not change the list. */
function fingerprintOf({ first: _first, deadlineMs: _deadlineMs, ...asked }: ValidQuery): string {
  const clauses = asked.clauses.map((clause) =>
    clause.kind === "picture" ? { ...clause, bytes: createHash("sha256").update(clause.bytes).digest("hex") } : clause,
  );
  return createHash("sha256")
    .update(JSON.stringify({ ...asked, clauses }))
    .digest("hex");
}

import { createHash, randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { findSearchSessions, saveSearchSession, sessionPartKey } from "@medley/storage";
import { SearchError } from "./errors.ts";
import { requireInteger, type SearchQuery, type ValidQuery, validateQuery } from "./query.ts";
import type { RankedHit } from "./rank.ts";
import type { SearchDependencies } from "./gather-findings.ts";
import { NO_CACHE_HITS, type SearchReport } from "./report.ts";
import { type JudgingProgress, type SearchResult, searchValid } from "./search-images.ts";

/** How long the later pages of an answer can be read. */
const KEEP_SECONDS = 15 * 60;

/** What leads to other pages of a list that is perhaps still being written down. */
interface Kept {
  /** Resolves when the list is kept: no cursor is good for anything before. Rejects where it cannot be. */
  readonly kept: Promise<void>;
}

/** A hit with the cursor of the page behind it, and the texts that it was found for: those of `all`, then `any`, then `none`. */
export type PageHit = RankedHit & Kept & { readonly cursor: string; readonly texts: readonly string[] };

export interface SearchPage extends Omit<SearchResult, "hits" | "judging">, Kept {
  /** At most `first`. */
  readonly hits: readonly PageHit[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  /** Of the first and the last hit, where the list is kept, so that they lead to other pages; null otherwise, and where there are no hits. */
  readonly startCursor: string | null;
  readonly endCursor: string | null;
}

/** An answer on its way: what is known of it so far, or the last, which is the answer. */
export interface Refinement extends JudgingProgress {
  readonly page: SearchPage;
  readonly isFinal: boolean;
}

export interface PageWatch {
  /** Told the pictures of a first page before its list is written down, so that they can be read meanwhile. */
  readonly onHits?: (imageIds: readonly string[]) => void;
}

export interface RefinementWatch {
  /** Gives the search up; it then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Told every refinement, the final one last. */
  readonly onRefined: (refinement: Refinement) => void;
}

/**
 * A page of a search. The first page searches and begins to keep its whole list; a page behind a cursor is cut from that list, so that pages neither overlap
 * nor drift while pictures come and go. Its query must be the one that the cursor came from, `first` apart.
 * @throws SearchError SEARCH_EXPIRED when the list is kept no longer, INVALID_QUERY for a cursor that is none or of another query
 */
export async function searchPage(
  dependencies: SearchDependencies,
  query: SearchQuery,
  after: string | null,
  { onHits }: PageWatch = {},
): Promise<SearchPage> {
  const valid = validateQuery(query);
  if (after !== null) return (await laterPage(dependencies, valid, readCursor(after))).page;
  const searching = searchValid(dependencies, valid);
  // While it waits: a picture among the clauses takes a while.
  const queryFingerprint = fingerprintOf(valid);
  const result = await searching;
  if (onHits) {
    onHits(result.hits.slice(0, valid.first).map(({ imageId }) => imageId));
    // What it asks for is sent first: the list is JSON of 60 kB, which takes a while to write.
    await setImmediate();
  }
  return keepAnswer(dependencies, valid, { ...result, queryFingerprint }).page;
}

/**
 * The same page as it comes about: first in the order that is known without the matching head, then again whenever it has judged more, at last what `searchPage`
 * gives for the same query. Where there is nothing to judge, or `after` leads into a kept answer, the first is the last.
 * @throws as searchPage
 */
export async function refineSearch(
  dependencies: SearchDependencies,
  query: SearchQuery,
  after: string | null,
  { signal, onRefined }: RefinementWatch,
): Promise<void> {
  const valid = validateQuery(query);
  if (after !== null) return onRefined(await laterPage(dependencies, valid, readCursor(after)));
  const onPreliminary = ({ judging, hits, ...answer }: SearchResult) => {
    const cut = { sessionId: null, offset: 0, hitCount: hits.length };
    const page = pageOf(valid, answer, hits.slice(0, valid.first), cut);
    onRefined({ page, isFinal: false, ...judging });
  };
  const result = await searchValid(dependencies, valid, { signal, onPreliminary });
  signal.throwIfAborted();
  const refinement = keepAnswer(dependencies, valid, { ...result, queryFingerprint: fingerprintOf(valid) });
  await refinement.page.kept;
  onRefined(refinement);
}

/** Begins to keep an answer. */
function keepAnswer(
  { db }: SearchDependencies,
  valid: ValidQuery,
  { hits, queryFingerprint, ...answer }: SearchResult & { readonly queryFingerprint: string },
): Refinement {
  const sessionId = randomUUID();
  const kept = saveSearchSession(
    db,
    { id: sessionId, corpusId: answer.corpusId, queryFingerprint, answer, hits },
    { keepSeconds: KEEP_SECONDS },
  );
  // Whoever asks for a cursor is told of it; a page without one is none the worse.
  kept.catch(() => {});
  return finalOf(valid, answer, hits.slice(0, valid.first), { sessionId, offset: 0, hitCount: hits.length, kept });
}

async function laterPage(
  { db, sessions = (keys) => findSearchSessions(db, keys) }: SearchDependencies,
  valid: ValidQuery,
  { sessionId, offset }: Cursor,
): Promise<Refinement> {
  if (sessionId === null) {
    const hint = "Take the cursor from its final answer.";
    throw new SearchError("INVALID_QUERY", `The cursor belongs to a search that was still judging. ${hint}`);
  }
  const key = sessionPartKey({ sessionId, offset, count: valid.first });
  const session = (await sessions([key])).get(key);
  if (session === undefined) {
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
  const cut = { sessionId, offset, hitCount };
  return finalOf(valid, reread(answer as KeptAnswer), hits as readonly RankedHit[], cut);
}

/** What every page of an answer says. */
type KeptAnswer = Omit<SearchResult, "hits">;

/** What an older Medley kept says nothing of recall and cache hits. */
function reread({ report, ...answer }: KeptAnswer): KeptAnswer {
  const { estimatedRecall = null, cacheHits = NO_CACHE_HITS } = report as Partial<SearchReport>;
  return { ...answer, report: { ...report, estimatedRecall, cacheHits: { ...cacheHits, keptAnswer: true } } };
}

/** What an older Medley kept says nothing of judging. */
function finalOf(
  valid: ValidQuery,
  { judging = NOTHING_TO_JUDGE, ...answer }: KeptAnswer,
  page: readonly RankedHit[],
  cut: Cut,
): Refinement {
  return { page: pageOf(valid, answer, page, cut), isFinal: true, ...judging };
}

const NOTHING_TO_JUDGE: JudgingProgress = { judged: 0, candidates: 0 };

function pageOf(
  { clauses }: ValidQuery,
  answer: Omit<KeptAnswer, "judging">,
  page: readonly RankedHit[],
  { sessionId, offset, hitCount, kept = Promise.resolve() }: Cut,
): SearchPage {
  const texts = clauses.flatMap((clause) => (clause.kind === "text" ? [clause.text] : []));
  const hits = page.map((hit, index) => ({
    ...hit,
    texts,
    kept,
    cursor: writeCursor({ sessionId, offset: offset + index + 1 }),
  }));
  const isKept = sessionId !== null;
  return {
    ...answer,
    hits,
    kept,
    hasNextPage: offset + page.length < hitCount,
    hasPreviousPage: offset > 0,
    startCursor: (isKept && hits[0]?.cursor) || null,
    endCursor: (isKept && hits.at(-1)?.cursor) || null,
  };
}

interface Cursor {
  /** Null in an answer that is not final: nothing lies behind its page yet. */
  readonly sessionId: string | null;
  /** How many hits lie before the page. */
  readonly offset: number;
}

/** Where a page was cut, and out of how many hits. */
interface Cut extends Cursor {
  readonly hitCount: number;
  /** Absent where it is kept already, or never will be. */
  readonly kept?: Promise<void>;
}

function writeCursor({ sessionId, offset }: Cursor): string {
  return Buffer.from(`${sessionId ?? PRELIMINARY}:${offset}`).toString("base64url");
}

const PRELIMINARY = "preliminary";
const CURSOR = /^(preliminary|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([0-9]{1,4})$/;

function readCursor(cursor: string): Cursor {
  const [, session, offset] = CURSOR.exec(Buffer.from(cursor.slice(0, 200), "base64url").toString()) ?? [];
  if (session === undefined || offset === undefined) {
    throw new SearchError("INVALID_QUERY", `"${cursor.slice(0, 80)}" is no cursor. Use endCursor of the page before.`);
  }
  requireInteger("after", Number(offset), 0, 10_000);
  return { sessionId: session === PRELIMINARY ? null : session, offset: Number(offset) };
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

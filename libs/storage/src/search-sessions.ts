import type { Queryable } from "./database.ts";
import { isUuid, requireUuid } from "./uuid.ts";

/** The answer of a search, kept for its later pages. What it holds is JSON and belongs to whoever saved it. */
export type SearchSession = {
  readonly id: string;
  readonly corpusId: string;
  /** SHA-256 over what was asked for. */
  readonly queryFingerprint: string;
  /** What every page says. */
  readonly answer: unknown;
  /** What the pages are cut from. */
  readonly hits: readonly unknown[];
};

/** Part of a kept answer: some of its hits, and how many there are in all. */
export type SearchSessionPart = SearchSession & { readonly hitCount: number };

/** Keeps an answer for `keepSeconds`, and forgets those whose time is over. */
export async function saveSearchSession(
  db: Queryable,
  { id, corpusId, queryFingerprint, answer, hits }: SearchSession,
  { keepSeconds }: { keepSeconds: number },
): Promise<void> {
  await db.query(
    `with expired as (delete from search_sessions where expires_at < now())
     insert into search_sessions (id, corpus_id, query_fingerprint, answer, expires_at)
     values ($1::uuid, $2::uuid, $3::text, $4::jsonb, now() + make_interval(secs => $5::double precision))`,
    [
      requireUuid("search session", id),
      requireUuid("corpus", corpusId),
      queryFingerprint,
      JSON.stringify({ answer, hits }),
      keepSeconds,
    ],
  );
}

/** A part of a kept answer: the hits from number `offset` (0 is the first) on, at most `count`. */
export type SessionPart = { readonly sessionId: string; readonly offset: number; readonly count: number };

/** Key of a part for shared reads. */
export function sessionPartKey({ sessionId, offset, count }: SessionPart): string {
  return `${sessionId} ${offset} ${count}`;
}

/**
 * Several parts at once, by their keys (`sessionPartKey`). Absent where there never was such an answer or its time is over. The
 * database cuts them out: a page is a tenth of the list, and whoever reads it would parse the whole.
 */
export async function findSearchSessions(
  db: Queryable,
  keys: readonly string[],
): Promise<ReadonlyMap<string, SearchSessionPart>> {
  const parts = keys.map(readPartKey).filter(({ sessionId }) => isUuid(sessionId));
  const found = await db.query<SearchSessionPart & Pick<SessionPart, "offset" | "count">>(
    `select s.id, wanted.first as offset, wanted.count, s.corpus_id as "corpusId", s.query_fingerprint as "queryFingerprint",
       s.answer -> 'answer' as answer,
       jsonb_path_query_array(s.answer, '$.hits[$from to $to]',
         jsonb_build_object('from', wanted.first, 'to', wanted.first + wanted.count - 1)) as hits,
       jsonb_array_length(s.answer -> 'hits') as "hitCount"
     from unnest($1::uuid[], $2::integer[], $3::integer[]) as wanted (id, first, count)
     join search_sessions s on s.id = wanted.id and s.expires_at >= now() and s.answer ? 'answer'`,
    [parts.map(({ sessionId }) => sessionId), parts.map(({ offset }) => offset), parts.map(({ count }) => count)],
  );
  return new Map(
    found.map(({ offset, count, ...session }) => [sessionPartKey({ sessionId: session.id, offset, count }), session]),
  );
}

function readPartKey(key: string): SessionPart {
  const [sessionId = "", offset, count] = key.split(" ");
  return { sessionId, offset: Number(offset), count: Number(count) };
}

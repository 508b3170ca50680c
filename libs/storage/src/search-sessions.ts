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

/**
 * The hits from number `offset` (0 is the first) on, at most `count`. Null where there never was such an answer or its time is over. The
 * database cuts them out: a page is a tenth of the list, and whoever reads it would parse the whole.
 */
export async function findSearchSession(
  db: Queryable,
  sessionId: string,
  { offset, count }: { readonly offset: number; readonly count: number },
): Promise<SearchSessionPart | null> {
  if (!isUuid(sessionId)) return null;
  const [found] = await db.query<SearchSessionPart>(
    `select id, corpus_id as "corpusId", query_fingerprint as "queryFingerprint", answer -> 'answer' as answer,
       jsonb_path_query_array(answer, '$.hits[$from to $to]', jsonb_build_object('from', $2::integer, 'to', $3::integer)) as hits,
       jsonb_array_length(answer -> 'hits') as "hitCount"
     from search_sessions where id = $1::uuid and expires_at >= now() and answer ? 'answer'`,
    [sessionId, offset, offset + count - 1],
  );
  return found ?? null;
}

import type { Queryable } from "./database.ts";
import { isUuid, requireUuid } from "./uuid.ts";

/** The answer of a search, kept for its later pages. */
export type SearchSession = {
  readonly id: string;
  readonly corpusId: string;
  /** SHA-256 over what was asked for. */
  readonly queryFingerprint: string;
  /** JSON; what it holds belongs to whoever saved it. */
  readonly answer: unknown;
};

/** Keeps an answer for `keepSeconds`, and forgets those whose time is over. */
export async function saveSearchSession(
  db: Queryable,
  session: SearchSession,
  { keepSeconds }: { keepSeconds: number },
): Promise<void> {
  await db.query(
    `with expired as (delete from search_sessions where expires_at < now())
     insert into search_sessions (id, corpus_id, query_fingerprint, answer, expires_at)
     values ($1::uuid, $2::uuid, $3::text, $4::jsonb, now() + make_interval(secs => $5::double precision))`,
    [
      requireUuid("search session", session.id),
      requireUuid("corpus", session.corpusId),
      session.queryFingerprint,
      JSON.stringify(session.answer),
      keepSeconds,
    ],
  );
}

/** Null where there never was one or its time is over. */
export async function findSearchSession(db: Queryable, sessionId: string): Promise<SearchSession | null> {
  if (!isUuid(sessionId)) return null;
  const [found] = await db.query<SearchSession>(
    `select id, corpus_id as "corpusId", query_fingerprint as "queryFingerprint", answer
     from search_sessions where id = $1::uuid and expires_at >= now()`,
    [sessionId],
  );
  return found ?? null;
}

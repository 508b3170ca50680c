-- Answers of searches, kept for their later pages, and an index for filters on attributes.

-- Unlogged: an answer that a crash takes with it is asked for again, and writing each one to the log would double the work of a search.
create unlogged table search_sessions (
  id uuid primary key,
  corpus_id uuid not null references corpora (id) on delete cascade,
  -- SHA-256 over what was asked for: a cursor of one query is refused by another.
  query_fingerprint text not null,
  answer jsonb not null,
  expires_at timestamptz not null
);
create index search_sessions_expired on search_sessions (expires_at);

create index images_attributes on images using gin (attributes jsonb_path_ops);

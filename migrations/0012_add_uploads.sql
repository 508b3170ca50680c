-- Pictures that come over HTTP. The bytes received so far lie in a file under the row's id until they are complete; then they are a blob.
create table uploads (
  id uuid primary key default gen_random_uuid(),
  corpus_id uuid not null references corpora on delete cascade,
  name text,
  text text,
  attributes jsonb not null default '{}',
  -- As announced; null: not known before the end.
  size_bytes bigint check (size_bytes > 0),
  -- STORED: every byte is in the blob store; a worker registers it. INGESTED: it is an image.
  state text not null default 'RECEIVING' check (state in ('RECEIVING', 'STORED', 'INGESTED', 'REJECTED')),
  received_bytes bigint not null default 0 check (received_bytes >= 0),
  -- Whoever received bytes last; an earlier one finds that it is another one's now.
  writer uuid,
  sha256 text check (sha256 ~ '^[0-9a-f]{64}$'),
  image_id uuid references images on delete set null,
  error_code text,
  error_message text,
  attempts integer not null default 0,
  lease_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  expires_at timestamptz not null,
  check ((state = 'REJECTED') = (error_code is not null)),
  check (state not in ('STORED', 'INGESTED') or sha256 is not null)
);

create index uploads_receiving on uploads (expires_at) where state = 'RECEIVING';
create index uploads_stored on uploads (corpus_id, created_at) where state = 'STORED';
create index uploads_sha256 on uploads (sha256) where state = 'STORED';
create index uploads_rejected on uploads (corpus_id, error_code) where state = 'REJECTED';
create index uploads_image on uploads (image_id) where image_id is not null;

-- Files that perhaps nothing needs any more. Whoever removes one looks again first, under the lock that whoever registers one takes.
create table suspect_blobs (
  sha256 text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
  noted_at timestamptz not null default now()
);

create index image_steps_failed on image_steps (corpus_id, step, error_code) where state in ('failed', 'excluded');

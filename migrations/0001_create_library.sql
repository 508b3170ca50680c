create extension if not exists vector;

-- A named collection of images. Its active space is one pointer, so a corpus can never answer from two spaces at once.
create table corpora (
  id uuid primary key default gen_random_uuid(),
  name text not null unique check (length(name) between 1 and 200),
  active_space_id uuid,
  created_at timestamptz not null default now()
);

-- One picture by content in one corpus. Format and size are null until the step "prepare" has read the bytes.
create table images (
  id uuid primary key default gen_random_uuid(),
  corpus_id uuid not null references corpora on delete cascade,
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  attributes jsonb not null default '{}',
  format text,
  width integer check (width > 0),
  height integer check (height > 0),
  size_bytes bigint check (size_bytes > 0),
  created_at timestamptz not null default now(),
  unique (corpus_id, sha256)
);

create index images_page on images (corpus_id, id);
create index images_sha256 on images (sha256);

-- Where a picture came from: the same bytes under two paths are one image with two origins.
create table image_origins (
  image_id uuid not null references images on delete cascade,
  origin text not null,
  created_at timestamptz not null default now(),
  primary key (image_id, origin)
);

-- Files that never became an image, so that nothing offered for ingest disappears without a row.
create table rejected_files (
  corpus_id uuid not null references corpora on delete cascade,
  origin text not null,
  error_code text not null,
  error_message text not null,
  rejected_at timestamptz not null default now(),
  primary key (corpus_id, origin)
);

-- The ledger: texts and their provenance are appended and never changed; scores and the verdict may be filled in later.
create table captions (
  id uuid primary key default gen_random_uuid(),
  image_id uuid not null references images on delete cascade,
  text text not null check (text <> ''),
  source text not null check (source in ('WEB', 'SYNTHETIC', 'HUMAN', 'IMPORTED')),
  model_fingerprint text,
  decoding jsonb,
  seed bigint,
  log_probability double precision,
  filter_fingerprint text,
  itc_cosine double precision,
  itm_logit double precision,
  verdict text check (verdict in ('KEPT', 'REJECTED')),
  created_at timestamptz not null default now()
);

-- md5 of the text, because a B-tree entry holds at most 2,704 bytes and alternative texts from the web can be longer.
create unique index captions_identity
  on captions (image_id, source, model_fingerprint, decoding, md5(text)) nulls not distinct;

create table spaces (
  id uuid primary key default gen_random_uuid(),
  fingerprint text not null,
  name text not null,
  -- 2,000 is the largest vector that pgvector's HNSW index accepts.
  dimensions integer not null check (dimensions between 1 and 2000),
  preprocessing jsonb not null default '{}',
  created_at timestamptz not null default now(),
  unique (fingerprint, preprocessing)
);

alter table corpora add foreign key (active_space_id) references spaces;

-- Which spaces a corpus has been embedded into. BUILDING: activated_at is null; ACTIVE: the corpus points to it; else RETIRED.
create table corpus_spaces (
  corpus_id uuid not null references corpora on delete cascade,
  space_id uuid not null references spaces on delete cascade,
  created_at timestamptz not null default now(),
  activated_at timestamptz,
  primary key (corpus_id, space_id)
);

-- Unit vectors. A partition cannot narrow the column to vector(n), so each one checks its length instead.
create table embeddings (
  space_id uuid not null references spaces on delete cascade,
  image_id uuid not null references images on delete cascade,
  corpus_id uuid not null references corpora on delete cascade,
  embedding vector not null,
  created_at timestamptz not null default now(),
  primary key (space_id, image_id)
) partition by list (space_id);

create index embeddings_corpus on embeddings (space_id, corpus_id);
create index embeddings_image on embeddings (image_id);

-- DDL takes no parameters; format() quotes the identifiers and the literal.
create function create_embedding_partition(space_id uuid, dimensions integer) returns void language plpgsql as $$
declare
  partition text := 'embeddings_' || replace(space_id::text, '-', '');
begin
  execute format(
    'create table if not exists %I partition of embeddings (check (vector_dims(embedding) = %s)) for values in (%L)',
    partition, dimensions, space_id);
end $$;

-- The cast gives the index its dimension; a query uses the index only when it orders by the same cast.
create function create_embedding_index(space_id uuid, dimensions integer) returns void language plpgsql as $$
declare
  partition text := 'embeddings_' || replace(space_id::text, '-', '');
begin
  execute format(
    'create index if not exists %I on %I using hnsw ((embedding::vector(%s)) vector_ip_ops)',
    partition || '_hnsw', partition, dimensions);
end $$;

-- What is to be done is this table and nothing else. For every planned step: images = pending + leased + done + failed + excluded.
create table image_steps (
  id bigint generated always as identity primary key,
  image_id uuid not null references images on delete cascade,
  corpus_id uuid not null references corpora on delete cascade,
  step text not null check (step in ('prepare', 'embed', 'caption')),
  space_id uuid references spaces on delete cascade,
  state text not null default 'pending' check (state in ('pending', 'leased', 'done', 'failed', 'excluded')),
  attempts integer not null default 0,
  error_code text,
  error_message text,
  lease_owner text,
  lease_until timestamptz,
  next_attempt_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check ((step = 'prepare') = (space_id is null)),
  check ((state = 'leased') = (lease_owner is not null and lease_until is not null)),
  unique nulls not distinct (image_id, step, space_id)
);

create index image_steps_open on image_steps (step, space_id, image_id) where state in ('pending', 'leased');
create index image_steps_leased on image_steps (lease_until) where state = 'leased';
create index image_steps_corpus on image_steps (corpus_id, step, space_id, state);

create table operations (
  id uuid primary key default gen_random_uuid(),
  kind text not null,
  corpus_id uuid references corpora on delete cascade,
  state text not null default 'QUEUED' check (state in ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
  counts jsonb not null default '{}',
  error_code text,
  error_message text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  finished_at timestamptz
);

create index operations_recent on operations (created_at desc);

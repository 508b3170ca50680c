-- Models that are served beside those of the model set, so that the spaces they built can answer. Who finds such a space and no model for it has the
-- inference server load it from here.
create table models (
  fingerprint text primary key,
  name text not null unique check (length(name) between 1 and 200),
  -- Folder or file as the inference server sees it.
  checkpoint text not null check (checkpoint <> ''),
  itc_weight double precision not null,
  created_at timestamptz not null default now()
);

-- STANDBY: it was active and is complete, so that new pictures go on coming into it. RETIRED: nothing is written to it any more.
alter table corpus_spaces add column retired_at timestamptz;
-- Until now a space that was left was not written to.
update corpus_spaces u set retired_at = now()
from corpora c where c.id = u.corpus_id and u.activated_at is not null and c.active_space_id is distinct from u.space_id;

-- The way of a corpus from one space into another: what its operation, which is the same one, does not say.
create table reindexes (
  operation_id uuid primary key references operations on delete cascade,
  corpus_id uuid not null references corpora on delete cascade,
  space_id uuid not null references spaces,
  -- The space that answered when it was asked for.
  from_space_id uuid not null references spaces,
  -- Switch whatever the comparison says.
  forced boolean not null,
  -- What both spaces found, and whether the new one may answer; null until that is known.
  comparison jsonb,
  -- Who builds and compares, and until when nobody else does.
  worker text,
  worker_until timestamptz
);
create index reindexes_corpus on reindexes (corpus_id);

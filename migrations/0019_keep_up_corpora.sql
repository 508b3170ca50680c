-- Upkeep: work on what a corpus holds already. What its operation, which is the same one and has its kind, does not say.
create table upkeeps (
  operation_id uuid primary key references operations on delete cascade,
  corpus_id uuid not null references corpora on delete cascade,
  -- It only counts what there would be to do.
  dry_run boolean not null,
  -- Of REBUILD_INDEX: whose index.
  space_id uuid references spaces,
  -- Of RECAPTION and REFILTER: which pictures; null: all.
  image_filter jsonb,
  -- Of REFILTER: also captions that the filter has scored.
  everything boolean not null,
  -- Pictures are looked at in the order of their ids, and those up to this one have been; null before the first.
  looked_up_to uuid,
  -- All pictures have been looked at.
  looked boolean not null default false,
  -- Of RECAPTION: the run that it began.
  caption_run_id uuid references caption_runs on delete set null,
  -- Of REBUILD_INDEX: what was measured.
  measured jsonb,
  -- Who is at it, and until when nobody else is.
  worker text,
  worker_until timestamptz
);
create index upkeeps_corpus on upkeeps (corpus_id);

-- The steps that an upkeep has opened, until it ends: its progress, and what is taken out of the work when it is cancelled.
create table upkeep_steps (
  operation_id uuid not null references upkeeps on delete cascade,
  step_id bigint not null references image_steps on delete cascade,
  primary key (operation_id, step_id)
);
create index upkeep_steps_step on upkeep_steps (step_id);

-- What such a run writes about a picture stands in the place of what captioners wrote before.
alter table caption_runs add column supersedes boolean not null default false;

-- To be given again by the same filter; it counts until then.
alter table caption_scores add column stale boolean not null default false;

-- Whoever takes a run back looks for what its captions stand in the place of.
create index captions_superseded_by on captions (superseded_by) where superseded_by is not null;

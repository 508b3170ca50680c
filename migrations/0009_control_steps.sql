-- Control over the work on a corpus, as rows: every process sees them, and a restart forgets nothing.

-- While it is set no step of the corpus is handed out.
alter table corpora add column paused_at timestamptz;

-- Steps of a higher priority are handed out first. A bulk import has 0.
alter table image_steps add column priority smallint not null default 0 check (priority between -100 and 100);

-- In the order of claims, so that a claim reads no more rows than it takes, however many corpora have open steps. Read backwards it
-- gives the lowest priority first.
drop index image_steps_open;
create index image_steps_open on image_steps (step, space_id, corpus_id, priority desc, image_id) where state in ('pending', 'leased');

-- Whether the same call could succeed later. Set with error_code by whoever failed the step.
alter table image_steps add column error_class text check (error_class in ('PERMANENT', 'TRANSIENT'));
update image_steps set error_class = case
    when error_code in ('OVERLOADED', 'DEADLINE_EXCEEDED', 'ENGINE_FAILED', 'UNAVAILABLE', 'WORKER_DIED', 'UNREACHABLE') then 'TRANSIENT'
    else 'PERMANENT' end
  where error_code is not null and state in ('pending', 'failed');

-- Runs that were killed are looked for by every run.
create index operations_open on operations (corpus_id) where finished_at is null;

-- Questions that a model answers about every picture of a corpus: columns made by a machine. They have tables of their own, so that nobody takes an
-- answer for something that a person said.
create table questions (
  id uuid primary key default gen_random_uuid(),
  corpus_id uuid not null references corpora on delete cascade,
  name text not null check (length(name) between 1 and 200),
  question text not null check (question <> ''),
  type text not null check (type in ('BOOLEAN', 'CATEGORY', 'TEXT', 'NUMBER')),
  -- The answers that are ranked; null where the answer is generated.
  answers jsonb check (jsonb_typeof(answers) = 'array'),
  -- Answers below it stay stored and do not count; null: all count.
  minimum_probability double precision check (minimum_probability between 0 and 1),
  declared_at timestamptz not null default now(),
  retired_at timestamptz,
  -- Somebody wants answers of other models to be given again by the one that is served; the next run clears it.
  renew_requested_at timestamptz,
  check ((answers is not null) = (type in ('BOOLEAN', 'CATEGORY')))
);
create unique index questions_live on questions (corpus_id, name) where retired_at is null;

-- One row for each question and picture: the work on it, and what came of it. An answer that is given again keeps its row, and counts until the new
-- one replaces it.
create table image_answers (
  question_id uuid not null references questions on delete cascade,
  image_id uuid not null references images on delete cascade,
  state text not null default 'pending' check (state in ('pending', 'leased', 'answered', 'failed', 'excluded')),
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  lease_owner text,
  lease_until timestamptz,
  error_code text,
  error_class text check (error_class in ('PERMANENT', 'TRANSIENT')),
  error_message text,
  -- What the model said, and what that is in the type of the question; a value of null: it cannot be read as one.
  answer text,
  value jsonb,
  -- Natural logarithm of the probability of the answer's tokens.
  log_probability double precision,
  -- Among the ranked answers, or of the generated words; null where the server does not tell.
  probability double precision check (probability between 0 and 1),
  mode text check (mode in ('GENERATE', 'RANK')),
  model_fingerprint text,
  answered_at timestamptz,
  updated_at timestamptz not null default now(),
  primary key (question_id, image_id),
  check (state <> 'answered' or answer is not null),
  check ((state = 'leased') = (lease_owner is not null)),
  check ((answer is null) = (model_fingerprint is null))
);
create index image_answers_image on image_answers (image_id);
create index image_answers_open on image_answers (question_id, image_id) where state in ('pending', 'leased');
create index image_answers_excluded on image_answers (question_id) where state = 'excluded';
create index image_answers_value on image_answers (question_id, value) where value is not null;

-- Filters read answers, so a copy of vectors in memory must learn that they changed.
create trigger image_answers_inserted after insert on image_answers referencing new table as changed
  for each statement execute function note_changed_origins();
create trigger image_answers_updated after update on image_answers referencing new table as changed
  for each statement execute function note_changed_origins();
create trigger image_answers_deleted after delete on image_answers referencing old table as changed
  for each statement execute function note_changed_origins();
-- So does the question itself: its minimum says which answers count.
create trigger questions_inserted after insert on questions referencing new table as changed
  for each statement execute function note_changed_images();
create trigger questions_updated after update on questions referencing new table as changed
  for each statement execute function note_changed_images();
create trigger questions_deleted after delete on questions referencing old table as changed
  for each statement execute function note_changed_images();

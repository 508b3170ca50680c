-- The schema after all migrations. Written by `npm run dump-schema` in libs/storage; do not edit.

create extension vector;

create table api_keys (
  id uuid not null default gen_random_uuid(),
  name text not null,
  sha256 text not null,
  prefix text not null,
  role text not null,
  corpus_ids uuid[],
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  last_used_at timestamp with time zone,
  constraint api_keys_pkey PRIMARY KEY (id),
  constraint api_keys_sha256_key UNIQUE (sha256),
  constraint api_keys_name_check CHECK ((name <> ''::text)),
  constraint api_keys_role_check CHECK ((role = ANY (ARRAY['VIEWER'::text, 'CURATOR'::text, 'INGESTOR'::text, 'ADMIN'::text]))),
  constraint api_keys_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);

create table calibrations (
  id uuid not null default gen_random_uuid(),
  corpus_id uuid not null,
  space_id uuid not null,
  model_fingerprint text not null,
  itc_weight double precision not null,
  corpus_images integer not null,
  pair_slope double precision not null,
  pair_offset double precision not null,
  query_slope double precision,
  query_offset double precision,
  strong_from double precision,
  none_below double precision,
  measured jsonb not null,
  created_at timestamp with time zone not null default now(),
  constraint calibrations_pkey PRIMARY KEY (id),
  constraint calibrations_corpus_id_fkey FOREIGN KEY (corpus_id) REFERENCES corpora(id) ON DELETE CASCADE,
  constraint calibrations_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces(id) ON DELETE CASCADE,
  constraint calibrations_check CHECK (((query_slope IS NULL) = (query_offset IS NULL))),
  constraint calibrations_check1 CHECK (((query_slope IS NULL) = (strong_from IS NULL))),
  constraint calibrations_check2 CHECK (((query_slope IS NULL) = (none_below IS NULL)))
);

create table caption_reviews (
  id bigint not null generated always as identity,
  caption_id uuid not null,
  verdict text not null,
  reviewer text not null,
  note text,
  created_at timestamp with time zone not null default now(),
  constraint caption_reviews_pkey PRIMARY KEY (id),
  constraint caption_reviews_caption_id_fkey FOREIGN KEY (caption_id) REFERENCES captions(id) ON DELETE CASCADE,
  constraint caption_reviews_verdict_check CHECK ((verdict = ANY (ARRAY['KEPT'::text, 'REJECTED'::text])))
);

create table caption_runs (
  id uuid not null default gen_random_uuid(),
  corpus_id uuid not null,
  captioner_fingerprint text not null,
  captioner_name text not null,
  prompt text,
  decoding jsonb not null,
  captions_per_image integer not null,
  created_at timestamp with time zone not null default now(),
  reverted_at timestamp with time zone,
  supersedes boolean not null default false,
  constraint caption_runs_pkey PRIMARY KEY (id),
  constraint caption_runs_corpus_id_fkey FOREIGN KEY (corpus_id) REFERENCES corpora(id) ON DELETE CASCADE,
  constraint caption_runs_captions_per_image_check CHECK (((captions_per_image >= 1) AND (captions_per_image <= 20)))
);

create table caption_scores (
  caption_id uuid not null,
  filter_fingerprint text not null,
  itc_cosine double precision,
  itm_logit double precision not null,
  itm_no_match_logit double precision,
  created_at timestamp with time zone not null default now(),
  stale boolean not null default false,
  constraint caption_scores_pkey PRIMARY KEY (caption_id, filter_fingerprint),
  constraint caption_scores_caption_id_fkey FOREIGN KEY (caption_id) REFERENCES captions(id) ON DELETE CASCADE
);

create table caption_verdicts (
  policy_id uuid not null,
  caption_id uuid not null,
  verdict text not null,
  reason text not null,
  constraint caption_verdicts_pkey PRIMARY KEY (caption_id, policy_id),
  constraint caption_verdicts_caption_id_fkey FOREIGN KEY (caption_id) REFERENCES captions(id) ON DELETE CASCADE,
  constraint caption_verdicts_verdict_check CHECK ((verdict = ANY (ARRAY['KEPT'::text, 'REJECTED'::text, 'UNJUDGED'::text])))
);

create table captions (
  id uuid not null default gen_random_uuid(),
  image_id uuid not null,
  text text not null,
  source text not null,
  model_fingerprint text,
  decoding jsonb,
  seed bigint,
  log_probability double precision,
  created_at timestamp with time zone not null default now(),
  words tsvector generated always as (words_of_text(text)) stored,
  run_id uuid,
  prompt text,
  part_of uuid,
  language text,
  author text,
  superseded_by uuid,
  distinct_words double precision generated always as (distinct_word_share(text)) stored,
  word_count integer generated always as (count_of_words(text)) stored,
  constraint captions_pkey PRIMARY KEY (id),
  constraint captions_image_id_fkey FOREIGN KEY (image_id) REFERENCES images(id) ON DELETE CASCADE,
  constraint captions_part_of_fkey FOREIGN KEY (part_of) REFERENCES captions(id) ON DELETE CASCADE,
  constraint captions_run_id_fkey FOREIGN KEY (run_id) REFERENCES caption_runs(id) ON DELETE SET NULL,
  constraint captions_superseded_by_fkey FOREIGN KEY (superseded_by) REFERENCES captions(id) ON DELETE SET NULL,
  constraint captions_source_check CHECK ((source = ANY (ARRAY['WEB'::text, 'SYNTHETIC'::text, 'HUMAN'::text, 'IMPORTED'::text]))),
  constraint captions_text_check CHECK ((text <> ''::text))
);

create table corpora (
  id uuid not null default gen_random_uuid(),
  name text not null,
  active_space_id uuid,
  created_at timestamp with time zone not null default now(),
  caption_run_id uuid,
  filter_policy_id uuid,
  paused_at timestamp with time zone,
  deleted_at timestamp with time zone,
  deletion_id uuid,
  constraint corpora_pkey PRIMARY KEY (id),
  constraint corpora_active_space_id_fkey FOREIGN KEY (active_space_id) REFERENCES spaces(id),
  constraint corpora_caption_run_id_fkey FOREIGN KEY (caption_run_id) REFERENCES caption_runs(id) ON DELETE SET NULL,
  constraint corpora_deletion_id_fkey FOREIGN KEY (deletion_id) REFERENCES operations(id) ON DELETE SET NULL,
  constraint corpora_filter_policy_id_fkey FOREIGN KEY (filter_policy_id) REFERENCES filter_policies(id) ON DELETE SET NULL,
  constraint corpora_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

create table corpus_attributes (
  corpus_id uuid not null,
  name text not null,
  type text not null,
  is_list boolean not null default false,
  is_required boolean not null default false,
  allowed_values jsonb,
  constraint corpus_attributes_pkey PRIMARY KEY (corpus_id, name),
  constraint corpus_attributes_corpus_id_fkey FOREIGN KEY (corpus_id) REFERENCES corpora(id) ON DELETE CASCADE,
  constraint corpus_attributes_allowed_values_check CHECK ((jsonb_typeof(allowed_values) = 'array'::text)),
  constraint corpus_attributes_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
  constraint corpus_attributes_type_check CHECK ((type = ANY (ARRAY['text'::text, 'number'::text, 'boolean'::text, 'date'::text])))
);

create table corpus_spaces (
  corpus_id uuid not null,
  space_id uuid not null,
  created_at timestamp with time zone not null default now(),
  activated_at timestamp with time zone,
  retired_at timestamp with time zone,
  constraint corpus_spaces_pkey PRIMARY KEY (corpus_id, space_id),
  constraint corpus_spaces_corpus_id_fkey FOREIGN KEY (corpus_id) REFERENCES corpora(id) ON DELETE CASCADE,
  constraint corpus_spaces_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces(id) ON DELETE CASCADE
);

create table embeddings (
  space_id uuid not null,
  image_id uuid not null,
  corpus_id uuid not null,
  embedding vector not null,
  created_at timestamp with time zone not null default now(),
  written_in xid8 not null default pg_current_xact_id(),
  constraint embeddings_pkey PRIMARY KEY (image_id, space_id)
) partition by LIST (space_id);

create table filter_policies (
  id uuid not null default gen_random_uuid(),
  corpus_id uuid not null,
  version integer not null,
  filter_fingerprint text not null,
  filter_name text not null,
  rule jsonb not null,
  created_at timestamp with time zone not null default now(),
  constraint filter_policies_pkey PRIMARY KEY (id),
  constraint filter_policies_corpus_id_version_key UNIQUE (corpus_id, version),
  constraint filter_policies_corpus_id_fkey FOREIGN KEY (corpus_id) REFERENCES corpora(id) ON DELETE CASCADE
);

create table image_answers (
  question_id uuid not null,
  image_id uuid not null,
  state text not null default 'pending'::text,
  attempts integer not null default 0,
  next_attempt_at timestamp with time zone not null default now(),
  lease_owner text,
  lease_until timestamp with time zone,
  error_code text,
  error_class text,
  error_message text,
  answer text,
  value jsonb,
  log_probability double precision,
  probability double precision,
  mode text,
  model_fingerprint text,
  answered_at timestamp with time zone,
  updated_at timestamp with time zone not null default now(),
  constraint image_answers_pkey PRIMARY KEY (question_id, image_id),
  constraint image_answers_image_id_fkey FOREIGN KEY (image_id) REFERENCES images(id) ON DELETE CASCADE,
  constraint image_answers_question_id_fkey FOREIGN KEY (question_id) REFERENCES questions(id) ON DELETE CASCADE,
  constraint image_answers_check CHECK (((state <> 'answered'::text) OR (answer IS NOT NULL))),
  constraint image_answers_check1 CHECK (((state = 'leased'::text) = (lease_owner IS NOT NULL))),
  constraint image_answers_check2 CHECK (((answer IS NULL) = (model_fingerprint IS NULL))),
  constraint image_answers_error_class_check CHECK ((error_class = ANY (ARRAY['PERMANENT'::text, 'TRANSIENT'::text]))),
  constraint image_answers_mode_check CHECK ((mode = ANY (ARRAY['GENERATE'::text, 'RANK'::text]))),
  constraint image_answers_probability_check CHECK (((probability >= (0)::double precision) AND (probability <= (1)::double precision))),
  constraint image_answers_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'leased'::text, 'answered'::text, 'failed'::text, 'excluded'::text])))
);

create table image_origins (
  image_id uuid not null,
  origin text not null,
  created_at timestamp with time zone not null default now(),
  words tsvector generated always as (words_of_origin(origin)) stored,
  constraint image_origins_pkey PRIMARY KEY (image_id, origin),
  constraint image_origins_image_id_fkey FOREIGN KEY (image_id) REFERENCES images(id) ON DELETE CASCADE
);

create table image_steps (
  id bigint not null generated always as identity,
  image_id uuid not null,
  corpus_id uuid not null,
  step text not null,
  space_id uuid,
  state text not null default 'pending'::text,
  attempts integer not null default 0,
  error_code text,
  error_message text,
  lease_owner text,
  lease_until timestamp with time zone,
  next_attempt_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  priority smallint not null default 0,
  error_class text,
  constraint image_steps_pkey PRIMARY KEY (id),
  constraint image_steps_image_id_step_space_id_key UNIQUE NULLS NOT DISTINCT (image_id, step, space_id),
  constraint image_steps_corpus_id_fkey FOREIGN KEY (corpus_id) REFERENCES corpora(id) ON DELETE CASCADE,
  constraint image_steps_image_id_fkey FOREIGN KEY (image_id) REFERENCES images(id) ON DELETE CASCADE,
  constraint image_steps_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces(id) ON DELETE CASCADE,
  constraint image_steps_check CHECK (((step = 'prepare'::text) = (space_id IS NULL))),
  constraint image_steps_check1 CHECK (((state = 'leased'::text) = ((lease_owner IS NOT NULL) AND (lease_until IS NOT NULL)))),
  constraint image_steps_error_class_check CHECK ((error_class = ANY (ARRAY['PERMANENT'::text, 'TRANSIENT'::text]))),
  constraint image_steps_priority_check CHECK (((priority >= '-100'::integer) AND (priority <= 100))),
  constraint image_steps_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'leased'::text, 'done'::text, 'failed'::text, 'excluded'::text]))),
  constraint image_steps_step_check CHECK ((step = ANY (ARRAY['prepare'::text, 'embed'::text, 'caption-embed'::text, 'caption'::text, 'filter'::text])))
);

create table images (
  id uuid not null default gen_random_uuid(),
  corpus_id uuid not null,
  sha256 text not null,
  attributes jsonb not null default '{}'::jsonb,
  format text,
  width integer,
  height integer,
  size_bytes bigint,
  created_at timestamp with time zone not null default now(),
  perceptual_hash bigint,
  constraint images_pkey PRIMARY KEY (id),
  constraint images_corpus_id_sha256_key UNIQUE (corpus_id, sha256),
  constraint images_corpus_id_fkey FOREIGN KEY (corpus_id) REFERENCES corpora(id) ON DELETE CASCADE,
  constraint images_height_check CHECK ((height > 0)),
  constraint images_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
  constraint images_size_bytes_check CHECK ((size_bytes > 0)),
  constraint images_width_check CHECK ((width > 0))
);

create table models (
  fingerprint text not null,
  name text not null,
  checkpoint text not null,
  itc_weight double precision not null,
  created_at timestamp with time zone not null default now(),
  constraint models_pkey PRIMARY KEY (fingerprint),
  constraint models_name_key UNIQUE (name),
  constraint models_checkpoint_check CHECK ((checkpoint <> ''::text)),
  constraint models_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

create table near_duplicates (
  space_id uuid not null,
  image_id uuid not null,
  other_id uuid not null,
  hash_distance smallint not null,
  itc_cosine double precision not null,
  constraint near_duplicates_pkey PRIMARY KEY (space_id, image_id, other_id),
  constraint near_duplicates_image_id_fkey FOREIGN KEY (image_id) REFERENCES images(id) ON DELETE CASCADE,
  constraint near_duplicates_other_id_fkey FOREIGN KEY (other_id) REFERENCES images(id) ON DELETE CASCADE,
  constraint near_duplicates_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces(id) ON DELETE CASCADE,
  constraint near_duplicates_check CHECK ((image_id < other_id)),
  constraint near_duplicates_hash_distance_check CHECK (((hash_distance >= 0) AND (hash_distance <= 64)))
);

create table operations (
  id uuid not null default gen_random_uuid(),
  kind text not null,
  corpus_id uuid,
  state text not null default 'QUEUED'::text,
  counts jsonb not null default '{}'::jsonb,
  error_code text,
  error_message text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  finished_at timestamp with time zone,
  constraint operations_pkey PRIMARY KEY (id),
  constraint operations_corpus_id_fkey FOREIGN KEY (corpus_id) REFERENCES corpora(id) ON DELETE CASCADE,
  constraint operations_state_check CHECK ((state = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text, 'SUCCEEDED'::text, 'FAILED'::text, 'CANCELLED'::text])))
);

create table questions (
  id uuid not null default gen_random_uuid(),
  corpus_id uuid not null,
  name text not null,
  question text not null,
  type text not null,
  answers jsonb,
  minimum_probability double precision,
  declared_at timestamp with time zone not null default now(),
  retired_at timestamp with time zone,
  renew_requested_at timestamp with time zone,
  constraint questions_pkey PRIMARY KEY (id),
  constraint questions_corpus_id_fkey FOREIGN KEY (corpus_id) REFERENCES corpora(id) ON DELETE CASCADE,
  constraint questions_answers_check CHECK ((jsonb_typeof(answers) = 'array'::text)),
  constraint questions_check CHECK (((answers IS NOT NULL) = (type = ANY (ARRAY['BOOLEAN'::text, 'CATEGORY'::text])))),
  constraint questions_minimum_probability_check CHECK (((minimum_probability >= (0)::double precision) AND (minimum_probability <= (1)::double precision))),
  constraint questions_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
  constraint questions_question_check CHECK ((question <> ''::text)),
  constraint questions_type_check CHECK ((type = ANY (ARRAY['BOOLEAN'::text, 'CATEGORY'::text, 'TEXT'::text, 'NUMBER'::text])))
);

create table reindexes (
  operation_id uuid not null,
  corpus_id uuid not null,
  space_id uuid not null,
  from_space_id uuid not null,
  forced boolean not null,
  comparison jsonb,
  worker text,
  worker_until timestamp with time zone,
  constraint reindexes_pkey PRIMARY KEY (operation_id),
  constraint reindexes_corpus_id_fkey FOREIGN KEY (corpus_id) REFERENCES corpora(id) ON DELETE CASCADE,
  constraint reindexes_from_space_id_fkey FOREIGN KEY (from_space_id) REFERENCES spaces(id),
  constraint reindexes_operation_id_fkey FOREIGN KEY (operation_id) REFERENCES operations(id) ON DELETE CASCADE,
  constraint reindexes_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces(id)
);

create table rejected_files (
  corpus_id uuid not null,
  origin text not null,
  error_code text not null,
  error_message text not null,
  rejected_at timestamp with time zone not null default now(),
  constraint rejected_files_pkey PRIMARY KEY (corpus_id, origin),
  constraint rejected_files_corpus_id_fkey FOREIGN KEY (corpus_id) REFERENCES corpora(id) ON DELETE CASCADE
);

create table schema_migrations (
  name text not null,
  checksum text not null,
  applied_at timestamp with time zone not null default now(),
  constraint schema_migrations_pkey PRIMARY KEY (name)
);

create table search_changes (
  corpus_id uuid not null,
  space_id uuid,
  image_id uuid,
  changed_in xid8 not null default pg_current_xact_id(),
  changed_at timestamp with time zone not null default clock_timestamp(),
  constraint search_changes_check CHECK (((space_id IS NULL) = (image_id IS NULL)))
);

create table search_sessions (
  id uuid not null,
  corpus_id uuid not null,
  query_fingerprint text not null,
  answer jsonb not null,
  expires_at timestamp with time zone not null,
  constraint search_sessions_pkey PRIMARY KEY (id),
  constraint search_sessions_corpus_id_fkey FOREIGN KEY (corpus_id) REFERENCES corpora(id) ON DELETE CASCADE
);

create table spaces (
  id uuid not null default gen_random_uuid(),
  fingerprint text not null,
  name text not null,
  dimensions integer not null,
  preprocessing jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  constraint spaces_pkey PRIMARY KEY (id),
  constraint spaces_fingerprint_preprocessing_key UNIQUE (fingerprint, preprocessing),
  constraint spaces_dimensions_check CHECK (((dimensions >= 1) AND (dimensions <= 2000)))
);

create table suspect_blobs (
  sha256 text not null,
  noted_at timestamp with time zone not null default now(),
  constraint suspect_blobs_pkey PRIMARY KEY (sha256),
  constraint suspect_blobs_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);

create table text_embeddings (
  space_id uuid not null,
  image_id uuid not null,
  text_key text not null,
  corpus_id uuid not null,
  caption_id uuid,
  embedding vector not null,
  created_at timestamp with time zone not null default now(),
  constraint text_embeddings_pkey PRIMARY KEY (space_id, image_id, text_key),
  constraint text_embeddings_caption_id_fkey FOREIGN KEY (caption_id) REFERENCES captions(id) ON DELETE CASCADE,
  constraint text_embeddings_corpus_id_fkey FOREIGN KEY (corpus_id) REFERENCES corpora(id) ON DELETE CASCADE,
  constraint text_embeddings_image_id_fkey FOREIGN KEY (image_id) REFERENCES images(id) ON DELETE CASCADE,
  constraint text_embeddings_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces(id) ON DELETE CASCADE
) partition by LIST (space_id);

create table upkeep_steps (
  operation_id uuid not null,
  step_id bigint not null,
  was_open boolean not null default false,
  constraint upkeep_steps_pkey PRIMARY KEY (operation_id, step_id),
  constraint upkeep_steps_operation_id_fkey FOREIGN KEY (operation_id) REFERENCES upkeeps(operation_id) ON DELETE CASCADE,
  constraint upkeep_steps_step_id_fkey FOREIGN KEY (step_id) REFERENCES image_steps(id) ON DELETE CASCADE
);

create table upkeeps (
  operation_id uuid not null,
  corpus_id uuid not null,
  dry_run boolean not null,
  space_id uuid,
  image_filter jsonb,
  everything boolean not null,
  looked_up_to uuid,
  looked boolean not null default false,
  caption_run_id uuid,
  measured jsonb,
  worker text,
  worker_until timestamp with time zone,
  constraint upkeeps_pkey PRIMARY KEY (operation_id),
  constraint upkeeps_caption_run_id_fkey FOREIGN KEY (caption_run_id) REFERENCES caption_runs(id) ON DELETE SET NULL,
  constraint upkeeps_corpus_id_fkey FOREIGN KEY (corpus_id) REFERENCES corpora(id) ON DELETE CASCADE,
  constraint upkeeps_operation_id_fkey FOREIGN KEY (operation_id) REFERENCES operations(id) ON DELETE CASCADE,
  constraint upkeeps_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces(id)
);

create table uploads (
  id uuid not null default gen_random_uuid(),
  corpus_id uuid not null,
  name text,
  text text,
  attributes jsonb not null default '{}'::jsonb,
  size_bytes bigint,
  state text not null default 'RECEIVING'::text,
  received_bytes bigint not null default 0,
  writer uuid,
  sha256 text,
  image_id uuid,
  error_code text,
  error_message text,
  attempts integer not null default 0,
  lease_until timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  constraint uploads_pkey PRIMARY KEY (id),
  constraint uploads_corpus_id_fkey FOREIGN KEY (corpus_id) REFERENCES corpora(id) ON DELETE CASCADE,
  constraint uploads_image_id_fkey FOREIGN KEY (image_id) REFERENCES images(id) ON DELETE SET NULL,
  constraint uploads_check CHECK (((state = 'REJECTED'::text) = (error_code IS NOT NULL))),
  constraint uploads_check1 CHECK (((state <> ALL (ARRAY['STORED'::text, 'INGESTED'::text])) OR (sha256 IS NOT NULL))),
  constraint uploads_received_bytes_check CHECK ((received_bytes >= 0)),
  constraint uploads_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
  constraint uploads_size_bytes_check CHECK ((size_bytes > 0)),
  constraint uploads_state_check CHECK ((state = ANY (ARRAY['RECEIVING'::text, 'STORED'::text, 'INGESTED'::text, 'REJECTED'::text])))
);

CREATE INDEX api_keys_recent ON public.api_keys USING btree (created_at DESC);

CREATE INDEX calibrations_newest ON public.calibrations USING btree (corpus_id, space_id, created_at DESC, id);

CREATE INDEX caption_reviews_caption ON public.caption_reviews USING btree (caption_id, id DESC);

CREATE INDEX caption_runs_corpus ON public.caption_runs USING btree (corpus_id, created_at DESC);

CREATE UNIQUE INDEX captions_identity ON public.captions USING btree (image_id, source, model_fingerprint, decoding, md5(text)) NULLS NOT DISTINCT;

CREATE INDEX captions_part_of ON public.captions USING btree (part_of) WHERE (part_of IS NOT NULL);

CREATE INDEX captions_run ON public.captions USING btree (run_id) WHERE (run_id IS NOT NULL);

CREATE INDEX captions_superseded_by ON public.captions USING btree (superseded_by) WHERE (superseded_by IS NOT NULL);

CREATE INDEX captions_words ON public.captions USING gin (words) WHERE (source <> 'SYNTHETIC'::text);

CREATE UNIQUE INDEX corpora_live_name ON public.corpora USING btree (name) WHERE (deleted_at IS NULL);

CREATE INDEX embeddings_corpus ON ONLY public.embeddings USING btree (corpus_id, written_in);

CREATE INDEX image_answers_excluded ON public.image_answers USING btree (question_id) WHERE (state = 'excluded'::text);

CREATE INDEX image_answers_image ON public.image_answers USING btree (image_id);

CREATE INDEX image_answers_open ON public.image_answers USING btree (question_id, image_id) WHERE (state = ANY (ARRAY['pending'::text, 'leased'::text]));

CREATE INDEX image_answers_value ON public.image_answers USING btree (question_id, value) WHERE (value IS NOT NULL);

CREATE INDEX image_origins_words ON public.image_origins USING gin (words);

CREATE INDEX image_steps_corpus ON public.image_steps USING btree (corpus_id, step, space_id, state);

CREATE INDEX image_steps_failed ON public.image_steps USING btree (corpus_id, step, error_code) WHERE (state = ANY (ARRAY['failed'::text, 'excluded'::text]));

CREATE INDEX image_steps_leased ON public.image_steps USING btree (lease_until) WHERE (state = 'leased'::text);

CREATE INDEX image_steps_open ON public.image_steps USING btree (step, space_id, corpus_id, priority DESC, image_id) WHERE (state = ANY (ARRAY['pending'::text, 'leased'::text]));

CREATE INDEX images_attributes ON public.images USING gin (attributes jsonb_path_ops);

CREATE INDEX images_hash_part_0 ON public.images USING btree (corpus_id, ((perceptual_hash & (8191)::bigint))) WHERE (perceptual_hash IS NOT NULL);

CREATE INDEX images_hash_part_1 ON public.images USING btree (corpus_id, (((perceptual_hash >> 13) & (8191)::bigint))) WHERE (perceptual_hash IS NOT NULL);

CREATE INDEX images_hash_part_2 ON public.images USING btree (corpus_id, (((perceptual_hash >> 26) & (8191)::bigint))) WHERE (perceptual_hash IS NOT NULL);

CREATE INDEX images_hash_part_3 ON public.images USING btree (corpus_id, (((perceptual_hash >> 39) & (8191)::bigint))) WHERE (perceptual_hash IS NOT NULL);

CREATE INDEX images_hash_part_4 ON public.images USING btree (corpus_id, (((perceptual_hash >> 52) & (4095)::bigint))) WHERE (perceptual_hash IS NOT NULL);

CREATE INDEX images_page ON public.images USING btree (corpus_id, id);

CREATE INDEX images_sha256 ON public.images USING btree (sha256);

CREATE INDEX near_duplicates_image ON public.near_duplicates USING btree (image_id);

CREATE INDEX near_duplicates_other ON public.near_duplicates USING btree (other_id, space_id);

CREATE INDEX operations_open ON public.operations USING btree (corpus_id) WHERE (finished_at IS NULL);

CREATE INDEX operations_recent ON public.operations USING btree (created_at DESC);

CREATE UNIQUE INDEX questions_live ON public.questions USING btree (corpus_id, name) WHERE (retired_at IS NULL);

CREATE INDEX reindexes_corpus ON public.reindexes USING btree (corpus_id);

CREATE UNIQUE INDEX search_changes_pictures ON public.search_changes USING btree (corpus_id, changed_in) WHERE (image_id IS NULL);

CREATE INDEX search_changes_recent ON public.search_changes USING btree (corpus_id, changed_in);

CREATE INDEX search_sessions_expired ON public.search_sessions USING btree (expires_at);

CREATE INDEX text_embeddings_caption ON ONLY public.text_embeddings USING btree (caption_id);

CREATE INDEX text_embeddings_corpus ON ONLY public.text_embeddings USING btree (space_id, corpus_id);

CREATE INDEX text_embeddings_image ON ONLY public.text_embeddings USING btree (image_id);

CREATE INDEX upkeep_steps_step ON public.upkeep_steps USING btree (step_id);

CREATE INDEX upkeeps_corpus ON public.upkeeps USING btree (corpus_id);

CREATE INDEX uploads_image ON public.uploads USING btree (image_id) WHERE (image_id IS NOT NULL);

CREATE INDEX uploads_receiving ON public.uploads USING btree (expires_at) WHERE (state = 'RECEIVING'::text);

CREATE INDEX uploads_rejected ON public.uploads USING btree (corpus_id, error_code) WHERE (state = 'REJECTED'::text);

CREATE INDEX uploads_sha256 ON public.uploads USING btree (sha256) WHERE (state = 'STORED'::text);

CREATE INDEX uploads_stored ON public.uploads USING btree (corpus_id, created_at) WHERE (state = 'STORED'::text);

CREATE OR REPLACE FUNCTION public.count_of_words(written text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (SELECT (count(*))::integer AS count FROM regexp_split_to_table("left"(count_of_words.written, 10000), '[^[:alnum:]]+'::text) word(word) WHERE (word.word <> ''::text));

CREATE OR REPLACE FUNCTION public.create_embedding_index(space_id uuid, dimensions integer)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  suffix text := replace(space_id::text, '-', '');
  parent text;
begin
  foreach parent in array array['embeddings', 'text_embeddings'] loop
    execute format(
      'create index if not exists %I on %I using hnsw ((embedding::vector(%s)) vector_ip_ops)',
      parent || '_' || suffix || '_hnsw', parent || '_' || suffix, dimensions);
  end loop;
end $function$;

CREATE OR REPLACE FUNCTION public.create_embedding_partition(space_id uuid, dimensions integer)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  suffix text := replace(space_id::text, '-', '');
  parent text;
begin
  foreach parent in array array['embeddings', 'text_embeddings'] loop
    execute format(
      'create table if not exists %I partition of %I (check (vector_dims(embedding) = %s)) for values in (%L)',
      parent || '_' || suffix, parent, dimensions, space_id);
  end loop;
end $function$;

CREATE OR REPLACE FUNCTION public.distinct_word_share(written text)
 RETURNS double precision
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (SELECT ((count(DISTINCT word.word))::double precision / (GREATEST((1)::bigint, count(*)))::double precision) FROM regexp_split_to_table(lower("left"(distinct_word_share.written, 10000)), '[^[:alnum:]]+'::text) word(word) WHERE (word.word <> ''::text));

CREATE OR REPLACE FUNCTION public.note_changed_images()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into search_changes (corpus_id) select distinct corpus_id from changed on conflict do nothing;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.note_changed_origins()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into search_changes (corpus_id)
  select distinct i.corpus_id from changed join images i on i.id = changed.image_id on conflict do nothing;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.note_removed_embedding()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into search_changes (corpus_id, space_id, image_id) values (old.corpus_id, old.space_id, old.image_id);
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.remove_vectors_of_images()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  delete from embeddings e using gone where e.image_id = gone.id;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.remove_vectors_of_space()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  delete from embeddings e where e.space_id = old.id;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.require_embedded_images()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  missing record;
  present bigint;
begin
  -- Row by row through the primary key: a plan that is kept while the pictures grow from ten to a million must not read them all.
  select count(*) into present from written w cross join lateral (
    select from images i where i.id = w.image_id and i.corpus_id = w.corpus_id for key share) as locked;
  perform from spaces s where s.id in (select w.space_id from written w) for key share;
  if present = (select count(*) from written)
    and present = (select count(*) from written w join spaces s on s.id = w.space_id) then
    return null;
  end if;
  select w.image_id, w.corpus_id, w.space_id into missing from written w
  where not exists (select from images i where i.id = w.image_id and i.corpus_id = w.corpus_id)
    or not exists (select from spaces s where s.id = w.space_id)
  limit 1;
  raise foreign_key_violation using
    message = format('There is no picture %s in corpus %s, or no space %s: its vector cannot be stored.',
      missing.image_id, missing.corpus_id, missing.space_id),
    table = 'embeddings';
end $function$;

CREATE OR REPLACE FUNCTION public.vector_changes_since(space uuid, corpus uuid, seen pg_snapshot, most integer)
 RETURNS TABLE(kind text, image_id uuid, fact text, vector bytea)
 LANGUAGE plpgsql
 STABLE
AS $function$
declare
  oldest xid8 := pg_snapshot_xmin(seen);
  newest xid8 := pg_snapshot_xmax(pg_current_snapshot());
begin
  kind := 'NOW';
  fact := pg_current_snapshot()::text;
  return next;
  return query
    select 'WRITTEN'::text, e.image_id, (select i.sha256 from images i where i.id = e.image_id),
      -- The first four bytes say the dimensions.
      substring(vector_send(e.embedding) from 5)
    from embeddings e
    where e.space_id = space and e.corpus_id = corpus
      and e.written_in >= oldest and e.written_in < newest and not pg_visible_in_snapshot(e.written_in, seen)
    limit most;
  return query
    select case when c.image_id is null then 'PICTURES' else 'REMOVED' end, c.image_id, null::text, null::bytea
    from search_changes c
    where c.corpus_id = corpus and (c.space_id is null or c.space_id = space)
      and c.changed_in >= oldest and c.changed_in < newest and not pg_visible_in_snapshot(c.changed_in, seen);
end $function$;

CREATE OR REPLACE FUNCTION public.words_of_origin(origin text)
 RETURNS tsvector
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN to_tsvector('english'::regconfig, regexp_replace(regexp_replace(regexp_replace("substring"(('/'::text || "left"(origin, 4000)), '[^/\\]*[/\\][^/\\]*$'::text), '\.[A-Za-z0-9]{1,5}$'::text, ''::text), '([a-z])([A-Z])'::text, '\1 \2'::text, 'g'::text), '[\x21-\x40\x5b-\x60\x7b-\x7e]+'::text, ' '::text, 'g'::text));

CREATE OR REPLACE FUNCTION public.words_of_text(written text)
 RETURNS tsvector
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN to_tsvector('english'::regconfig, "left"(written, 100000));

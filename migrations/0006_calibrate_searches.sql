-- What the scores of searches mean in a corpus and space: rows are only added, and the newest one counts.
create table calibrations (
  id uuid primary key default gen_random_uuid(),
  corpus_id uuid not null references corpora on delete cascade,
  space_id uuid not null references spaces on delete cascade,
  model_fingerprint text not null,
  -- w of the score itmLogit + w * itcCosine that it was fitted on; another w is another score.
  itc_weight double precision not null,
  -- Pictures of the corpus at that time: how far it has grown since tells when to fit anew.
  corpus_images integer not null,
  -- Probability that a picture and a text belong together: 1 / (1 + exp(-(slope * score + offset))).
  pair_slope double precision not null,
  pair_offset double precision not null,
  -- Probability that the corpus holds an answer, from the best score among the candidates; null where the scores do not tell.
  query_slope double precision,
  query_offset double precision,
  -- Of that probability: verdict STRONG from here on, NONE below.
  strong_from double precision,
  none_below double precision,
  -- Numbers of examples, reliability curves and calibration errors on held-out examples.
  measured jsonb not null,
  created_at timestamptz not null default now(),
  check ((query_slope is null) = (query_offset is null)),
  check ((query_slope is null) = (strong_from is null)),
  check ((query_slope is null) = (none_below is null))
);

create index calibrations_newest on calibrations (corpus_id, space_id, created_at desc, id);

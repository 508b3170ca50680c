-- CapFilt as rows: who wrote a caption in which run, what each filter model thought of it, and what each policy decides from that.
-- Texts, scores, verdicts and reviews are only ever added; which of them count follows from pointers (active policy, reverted run).

-- One run of a captioner over a corpus: how captions of that time came about.
create table caption_runs (
  id uuid primary key default gen_random_uuid(),
  corpus_id uuid not null references corpora on delete cascade,
  captioner_fingerprint text not null,
  captioner_name text not null,
  -- Null: the model set's own.
  prompt text,
  decoding jsonb not null,
  captions_per_image integer not null check (captions_per_image between 1 and 20),
  created_at timestamptz not null default now(),
  -- Set once: the captions of this run stay in the ledger and count for nothing.
  reverted_at timestamptz
);

create index caption_runs_corpus on caption_runs (corpus_id, created_at desc);

alter table captions
  add column run_id uuid references caption_runs on delete set null,
  add column prompt text,
  -- A sentence of a longer text, which is judged by its sentences.
  add column part_of uuid references captions on delete cascade,
  -- ISO 639-1 code, "und" where a text is too short to tell; null until it was looked at.
  add column language text,
  -- Who wrote or imported it, for people.
  add column author text,
  add column superseded_by uuid references captions on delete set null;

create index captions_run on captions (run_id) where run_id is not null;
create index captions_part_of on captions (part_of) where part_of is not null;

-- What a filter model thinks of a caption. Both rows of the matching head: their softmax is BLIP's filter rule.
create table caption_scores (
  caption_id uuid not null references captions on delete cascade,
  filter_fingerprint text not null,
  itc_cosine double precision,
  itm_logit double precision not null,
  itm_no_match_logit double precision,
  created_at timestamptz not null default now(),
  primary key (caption_id, filter_fingerprint)
);

insert into caption_scores (caption_id, filter_fingerprint, itc_cosine, itm_logit)
select id, filter_fingerprint, itc_cosine, itm_logit from captions where filter_fingerprint is not null and itm_logit is not null;

-- The rule that turns scores into verdicts; a changed rule is a new version.
create table filter_policies (
  id uuid primary key default gen_random_uuid(),
  corpus_id uuid not null references corpora on delete cascade,
  version integer not null,
  filter_fingerprint text not null,
  filter_name text not null,
  rule jsonb not null,
  created_at timestamptz not null default now(),
  unique (corpus_id, version)
);

alter table corpora
  add column caption_run_id uuid references caption_runs on delete set null,
  add column filter_policy_id uuid references filter_policies on delete set null;

create table caption_verdicts (
  policy_id uuid not null references filter_policies on delete cascade,
  caption_id uuid not null references captions on delete cascade,
  verdict text not null check (verdict in ('KEPT', 'REJECTED', 'UNJUDGED')),
  reason text not null,
  primary key (policy_id, caption_id)
);

create index caption_verdicts_caption on caption_verdicts (caption_id);

-- What a person decided. The latest review of a caption stands above every policy.
create table caption_reviews (
  id bigint generated always as identity primary key,
  caption_id uuid not null references captions on delete cascade,
  verdict text not null check (verdict in ('KEPT', 'REJECTED')),
  reviewer text not null,
  note text,
  created_at timestamptz not null default now()
);

create index caption_reviews_caption on caption_reviews (caption_id, id desc);

-- Verdicts that were saved without a policy were nobody's decision that could be repeated.
insert into caption_reviews (caption_id, verdict, reviewer, note)
select id, verdict, 'migration', 'verdict of before there were policies' from captions where verdict is not null;

alter table captions
  drop column filter_fingerprint,
  drop column itc_cosine,
  drop column itm_logit,
  drop column verdict;

alter table image_steps drop constraint image_steps_step_check;
alter table image_steps add constraint image_steps_step_check
  check (step in ('prepare', 'embed', 'caption-embed', 'caption', 'filter'));

-- What counts now for each caption. No row of caption_verdicts and no review: still to be judged, verdict null.
create view caption_states as
select c.id as caption_id, c.image_id, i.corpus_id,
  case
    when run.reverted_at is not null or c.superseded_by is not null then 'REJECTED'
    when review.verdict is not null then review.verdict
    when c.source = 'HUMAN' then 'KEPT'
    else decided.verdict
  end as verdict,
  case
    when run.reverted_at is not null then 'RUN_REVERTED'
    when c.superseded_by is not null then 'SUPERSEDED'
    when review.verdict is not null then 'REVIEWED'
    when c.source = 'HUMAN' then 'WRITTEN_BY_A_PERSON'
    else decided.reason
  end as reason,
  review.reviewer,
  decided.policy_id
from captions c
join images i on i.id = c.image_id
join corpora on corpora.id = i.corpus_id
left join caption_runs run on run.id = c.run_id
left join caption_verdicts decided on decided.caption_id = c.id and decided.policy_id = corpora.filter_policy_id
left join lateral (
  select verdict, reviewer from caption_reviews where caption_id = c.id order by id desc limit 1
) as review on true;

-- Share of a text's words that are different ones: "a dog a dog a dog" has 0.33. Immutable, so that a policy can gate on it in SQL alone.
create function distinct_word_share(written text) returns double precision language sql immutable parallel safe
  return (
    select count(distinct word)::double precision / greatest(1, count(*))
    from regexp_split_to_table(lower(left(written, 10000)), '[^[:alnum:]]+') as word where word <> '');

create function count_of_words(written text) returns integer language sql immutable parallel safe
  return (select count(*)::integer from regexp_split_to_table(left(written, 10000), '[^[:alnum:]]+') as word where word <> '');

-- Stored, so that deciding a million captions again reads numbers and no texts.
alter table captions
  add column distinct_words double precision generated always as (distinct_word_share(text)) stored,
  add column word_count integer generated always as (count_of_words(text)) stored;

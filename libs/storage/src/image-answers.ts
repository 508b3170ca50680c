import type { Queryable } from "./database.ts";
import type { AttributeValue } from "./image-filter.ts";
import { withoutZeros } from "./images.ts";
import type { ClaimedStep } from "./steps.ts";
import { FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS, MAX_ATTEMPTS } from "./steps.ts";
import { requireUuid } from "./uuid.ts";

// The work of answering questions: a row for each question and picture carries its state and its lease. It is no step, because questions come and
// go while the steps of a corpus stay the same, and because an answer depends on no embedding space.

/** What the model that answers is told by its caller; nothing else may be saved under a lease. */
export type GivenAnswer = {
  readonly imageId: string;
  /** As the model wrote or chose it. */
  readonly answer: string;
  /** The same in the type of the question; null where it cannot be read as one. */
  readonly value: AttributeValue | null;
  readonly logProbability: number;
  /** 0 to 1; null where the server does not tell. */
  readonly probability: number | null;
  readonly mode: "GENERATE" | "RANK";
};

/**
 * Adds the missing rows of all live questions of a corpus. A picture that could not be prepared is excluded from them, until it can. Repeating it is
 * harmless.
 */
export async function planAnswers(db: Queryable, corpusId: string): Promise<void> {
  await db.query(
    // Counting reads an index; pictures are compared with rows only where some are missing.
    `with incomplete as materialized (
       select q.id from questions q
       where q.corpus_id = $1::uuid and q.retired_at is null
         and (select count(*) from image_answers a where a.question_id = q.id)
           < (select count(*) from images i where i.corpus_id = $1::uuid)
     )
     insert into image_answers (question_id, image_id)
     select incomplete.id, i.id from incomplete cross join images i
     where i.corpus_id = $1::uuid
       and not exists (select from image_answers a where a.question_id = incomplete.id and a.image_id = i.id)
     on conflict do nothing`,
    [requireUuid("corpus", corpusId)],
  );
  await db.query(
    `update image_answers a
     set state = 'excluded', error_code = 'EARLIER_STEP_FAILED', error_class = null, updated_at = now(),
       error_message = 'prepare: ' || coalesce(s.error_message, s.state)
     from questions q, image_steps s
     where q.corpus_id = $1::uuid and q.retired_at is null and a.question_id = q.id and a.state = 'pending'
       and s.image_id = a.image_id and s.step = 'prepare' and s.state in ('failed', 'excluded')`,
    [corpusId],
  );
  await db.query(
    `update image_answers a ${OPEN}
     from questions q
     where q.corpus_id = $1::uuid and q.retired_at is null and a.question_id = q.id
       and a.state = 'excluded' and a.error_code = 'EARLIER_STEP_FAILED'
       and not exists (
         select from image_steps s where s.image_id = a.image_id and s.step = 'prepare' and s.state in ('failed', 'excluded'))`,
    [corpusId],
  );
}

/** A fresh set of attempts. */
export const OPEN = `set state = 'pending', attempts = 0, next_attempt_at = now(), error_code = null, error_class = null, error_message = null,
       updated_at = now()`;

/** Opens what another model answered, for the questions where somebody asked for that. Returns how many answers are open again. */
export async function beginRenewals(
  db: Queryable,
  { corpusId, modelFingerprint }: { corpusId: string; modelFingerprint: string },
): Promise<number> {
  const opened = await db.query(
    `with requested as (
       update questions set renew_requested_at = null
       where corpus_id = $1::uuid and retired_at is null and renew_requested_at is not null returning id
     )
     update image_answers a ${OPEN}
     from requested where a.question_id = requested.id and a.state = 'answered' and a.model_fingerprint <> $2::text
     returning a.image_id`,
    [requireUuid("corpus", corpusId), modelFingerprint],
  );
  return opened.length;
}

/** The picture can be read, and nobody has yet to embed it for searches: these come first, picture by picture. */
const IS_READY = `exists (select from image_steps s where s.image_id = a.image_id and s.step = 'prepare' and s.state = 'done')
       and not exists (
         select from image_steps s where s.image_id = a.image_id and s.step = 'embed' and s.space_id = c.active_space_id
           and s.state in ('pending', 'leased'))`;

export type AnswerClaim = {
  readonly questionId: string;
  readonly limit: number;
  readonly leaseMs: number;
  /** A name for each claim, as with steps: when the answer to a claim is lost, only a name that nobody extends lets it come back. */
  readonly owner: string;
  /** The time to compare leases and retries with; the database's own by default. */
  readonly now?: Date | undefined;
};

/** Hands out pictures whose answer is open: none to two workers, none of a paused corpus or a retired question. */
export function claimAnswers(db: Queryable, claim: AnswerClaim): Promise<ClaimedStep[]> {
  return db.query<ClaimedStep>(
    `with moment as (
       select coalesce($5::timestamptz, now()) as at
     ), abandoned as (
       update image_answers a
       set state = 'failed', error_code = 'WORKER_DIED', error_class = 'TRANSIENT',
         error_message = format('%s workers died during this answer', a.attempts),
         lease_owner = null, lease_until = null, updated_at = now()
       from moment
       where a.question_id = $1::uuid and a.state = 'leased' and a.lease_until < moment.at and a.attempts >= $6::integer
     ), ready as (
       select a.image_id
       from image_answers a join questions q on q.id = a.question_id join corpora c on c.id = q.corpus_id cross join moment
       where a.question_id = $1::uuid and q.retired_at is null and c.paused_at is null and a.state in ('pending', 'leased')
         and ((a.state = 'pending' and a.next_attempt_at <= moment.at)
           or (a.state = 'leased' and a.lease_until < moment.at and a.attempts < $6::integer))
         and ${IS_READY}
       order by a.image_id limit $2::integer
       for update of a skip locked
     )
     update image_answers a
     set state = 'leased', attempts = a.attempts + 1, lease_owner = $4::text,
       lease_until = moment.at + make_interval(secs => $3::double precision / 1000), updated_at = now()
     from ready, moment, images i
     where a.question_id = $1::uuid and a.image_id = ready.image_id and i.id = a.image_id
     returning a.image_id as "imageId", i.sha256, a.attempts`,
    [
      requireUuid("question", claim.questionId),
      claim.limit,
      claim.leaseMs,
      claim.owner,
      claim.now ?? null,
      MAX_ATTEMPTS,
    ],
  );
}

/** Whether a corpus has answers that a worker could give now, and whether some are left that are in hand, or wait for another try. */
export async function openAnswers(db: Queryable, corpusId: string): Promise<{ claimable: boolean; left: boolean }> {
  const of = `from image_answers a join questions q on q.id = a.question_id join corpora c on c.id = q.corpus_id
     where q.corpus_id = $1::uuid and q.retired_at is null and a.state in ('pending', 'leased') and ${IS_READY}`;
  const [found] = await db.query<{ claimable: boolean; left: boolean }>(
    `select exists (select ${of}) as left, exists (
       select ${of} and ((a.state = 'pending' and a.next_attempt_at <= now()) or (a.state = 'leased' and a.lease_until < now()))
     ) as claimable`,
    [requireUuid("corpus", corpusId)],
  );
  return found ?? { claimable: false, left: false };
}

/**
 * Saves what was answered under a lease that its owner still has; what was given to another worker meanwhile is that one's to answer. Returns the
 * pictures that were saved.
 */
export async function saveAnswers(
  db: Queryable,
  given: { questionId: string; owner: string; modelFingerprint: string; rows: readonly GivenAnswer[] },
): Promise<string[]> {
  const { rows } = given;
  const saved = await db.query<{ imageId: string }>(
    `update image_answers a
     set state = 'answered', answer = row.answer, value = nullif(row.value, 'null'), log_probability = row.log_probability,
       probability = row.probability, mode = row.mode, model_fingerprint = $3::text, answered_at = now(), updated_at = now(),
       error_code = null, error_class = null, error_message = null, lease_owner = null, lease_until = null
     from unnest($4::uuid[], $5::text[], $6::jsonb[], $7::double precision[], $8::double precision[], $9::text[])
       as row (image_id, answer, value, log_probability, probability, mode)
     where a.question_id = $1::uuid and a.image_id = row.image_id and a.state = 'leased' and a.lease_owner = $2::text
     returning a.image_id as "imageId"`,
    [
      requireUuid("question", given.questionId),
      given.owner,
      given.modelFingerprint,
      rows.map(({ imageId }) => imageId),
      rows.map(({ answer }) => storable(answer)),
      rows.map(({ value }) => JSON.stringify(typeof value === "string" ? storable(value) : value)),
      rows.map(({ logProbability }) => logProbability),
      rows.map(({ probability }) => probability),
      rows.map(({ mode }) => mode),
    ],
  );
  return saved.map(({ imageId }) => imageId);
}

export type AnswerFailure = {
  readonly questionId: string;
  readonly owner: string;
  readonly imageId: string;
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
};

/**
 * Puts an answer back with a growing delay, or fails it for good when it cannot be tried again or was tried MAX_ATTEMPTS times. Null when its owner
 * has it no longer.
 */
export async function failAnswer(db: Queryable, failure: AnswerFailure): Promise<"pending" | "failed" | null> {
  const [row] = await db.query<{ state: "pending" | "failed" }>(
    `update image_answers
     set state = case when $6::boolean and attempts < $7::integer then 'pending' else 'failed' end,
       next_attempt_at = now() + make_interval(secs => least($8::double precision * power(2, greatest(attempts - 1, 0)), $9::double precision)),
       error_code = $4::text, error_class = case when $6::boolean then 'TRANSIENT' else 'PERMANENT' end,
       error_message = $5::text, lease_owner = null, lease_until = null, updated_at = now()
     where question_id = $1::uuid and image_id = $3::uuid and state = 'leased' and lease_owner = $2::text
     returning state`,
    [
      requireUuid("question", failure.questionId),
      failure.owner,
      requireUuid("image", failure.imageId),
      failure.code,
      withoutZeros(failure.message),
      failure.retryable,
      MAX_ATTEMPTS,
      FIRST_BACKOFF_SECONDS,
      LONGEST_BACKOFF_SECONDS,
    ],
  );
  return row?.state ?? null;
}

/** Keeps what was claimed under these names for another `leaseMs` from now. */
export async function extendAnswerLeases(
  db: Queryable,
  { owners, leaseMs }: { owners: readonly string[]; leaseMs: number },
): Promise<void> {
  await db.query(
    `update image_answers set lease_until = now() + make_interval(secs => $2::double precision / 1000)
     where state = 'leased' and lease_owner = any ($1::text[])`,
    [owners, leaseMs],
  );
}

/** Gives back what a worker still holds when it stops in good order, under names that begin with its own and a slash; this is no attempt. */
export async function releaseAnswerLeases(db: Queryable, { owner }: { owner: string }): Promise<void> {
  await db.query(
    `update image_answers
     set state = 'pending', attempts = attempts - 1, lease_owner = null, lease_until = null, updated_at = now()
     where state = 'leased' and starts_with(lease_owner, $1::text || '/')`,
    [owner],
  );
}

function storable(text: string): string {
  return withoutZeros(text).toWellFormed();
}

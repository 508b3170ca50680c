import type { Queryable } from "./database.ts";
import { OPEN } from "./image-answers.ts";
import type { ErrorClass } from "./step-control.ts";
import { requireUuid } from "./uuid.ts";
import { wakeCorpus } from "./wakes.ts";

// What people decide about the work of answering questions, and what became of it. Pausing a corpus is the same for all its work.

/** The name that stands for this work where steps are named. */
export const ANSWER_STEP = "answer";

/** Takes the open answers of a corpus out of the work: those that no living worker has in hand. Returns how many. */
export async function excludeOpenAnswers(db: Queryable, corpusId: string): Promise<number> {
  const excluded = await db.query(
    `update image_answers a
     set state = 'excluded', error_code = 'CANCELLED', error_class = null, lease_owner = null, lease_until = null, updated_at = now(),
       error_message = 'Cancelled; a retry of what failed opens it again.'
     from questions q
     where q.corpus_id = $1::uuid and a.question_id = q.id
       and (a.state = 'pending' or (a.state = 'leased' and a.lease_until < now()))
     returning a.image_id`,
    [requireUuid("corpus", corpusId)],
  );
  return excluded.length;
}

/** Which failed or cancelled answers are meant; what is absent is not asked for. */
export type FailedAnswerFilter = {
  readonly corpusId: string;
  readonly code?: string | undefined;
  readonly errorClass?: ErrorClass | undefined;
};

/** Gives failed and cancelled answers of live questions a fresh set of attempts. Returns how many are open again. */
export async function retryFailedAnswers(db: Queryable, filter: FailedAnswerFilter): Promise<number> {
  const opened = await db.query(
    `update image_answers a ${OPEN}
     from questions q
     where q.corpus_id = $1::uuid and q.retired_at is null and a.question_id = q.id
       and (a.state = 'failed' or (a.state = 'excluded' and a.error_code = 'CANCELLED'))
       and ($2::text is null or a.error_code = $2::text) and ($3::text is null or a.error_class = $3::text)
     returning a.image_id`,
    [requireUuid("corpus", filter.corpusId), filter.code ?? null, filter.errorClass ?? null],
  );
  if (opened.length > 0) await wakeCorpus(db, filter.corpusId);
  return opened.length;
}

/** How far a question is: images = answered + failed + excluded + pending, in one look. */
export type QuestionCoverage = {
  readonly questionId: string;
  /** Pictures of the corpus. */
  readonly images: number;
  readonly answered: number;
  readonly failed: number;
  readonly excluded: number;
  /** Still to be answered, or to be answered again, also where no row says so yet. */
  readonly pending: number;
  /** Pictures whose answer counts in filters and facets: it has a value, and at least the minimum probability. */
  readonly counting: number;
  /** Pictures by the model that answered, most first. */
  readonly models: readonly { readonly modelFingerprint: string; readonly images: number }[];
};

/** Of every live question of the corpus. */
export function questionCoverage(db: Queryable, corpusId: string): Promise<QuestionCoverage[]> {
  return db.query<QuestionCoverage>(
    `with counted as (
       select q.id, a.model_fingerprint, count(i.id) as images,
         count(*) filter (where a.state = 'answered') as answered,
         count(*) filter (where a.state = 'failed') as failed,
         count(*) filter (where a.state = 'excluded') as excluded,
         count(i.id) filter (where a.state is null or a.state in ('pending', 'leased')) as pending,
         count(*) filter (where ${COUNTS}) as counting
       from questions q left join images i on i.corpus_id = q.corpus_id
       left join image_answers a on a.question_id = q.id and a.image_id = i.id
       where q.corpus_id = $1::uuid and q.retired_at is null
       group by q.id, a.model_fingerprint
     )
     select id as "questionId", sum(images)::integer as images, sum(answered)::integer as answered, sum(failed)::integer as failed,
       sum(excluded)::integer as excluded, sum(pending)::integer as pending, sum(counting)::integer as counting,
       coalesce(jsonb_agg(jsonb_build_object('modelFingerprint', model_fingerprint, 'images', images)
         order by images desc, model_fingerprint) filter (where model_fingerprint is not null), '[]') as models
     from counted group by id`,
    [requireUuid("corpus", corpusId)],
  );
}

/** Whether the answer `a` to the question `q` is one that filters and facets go by. */
export const COUNTS = `(a.value is not null and (q.minimum_probability is null or a.probability >= q.minimum_probability))`;

/** Answers that failed for the same reason, in numbers. */
export type AnswerFailureClass = {
  /** Name of the question. */
  readonly question: string;
  readonly code: string;
  readonly errorClass: ErrorClass;
  /** Failed for good. */
  readonly failed: number;
  /** Will be tried again by themselves. */
  readonly waiting: number;
  /** Taken out of the work by a person; their code is CANCELLED. */
  readonly cancelled: number;
  /** What was said of the last of them. */
  readonly message: string;
};

/** Why answers to live questions failed, wait or were cancelled, most frequent first. */
export function answerFailureClasses(db: Queryable, corpusId: string): Promise<AnswerFailureClass[]> {
  return db.query<AnswerFailureClass>(
    `select q.name as question, a.error_code as code, coalesce(a.error_class, 'PERMANENT') as "errorClass",
       count(*) filter (where a.state = 'failed')::integer as failed,
       count(*) filter (where a.state in ('pending', 'leased'))::integer as waiting,
       count(*) filter (where a.state = 'excluded')::integer as cancelled,
       (array_agg(a.error_message order by a.updated_at desc))[1] as message
     from image_answers a join questions q on q.id = a.question_id
     where q.corpus_id = $1::uuid and q.retired_at is null
       and (a.state in ('failed', 'pending', 'leased') and a.error_code is not null
         or (a.state = 'excluded' and a.error_code = 'CANCELLED'))
     group by 1, 2, 3 order by count(*) desc, 1, 2`,
    [requireUuid("corpus", corpusId)],
  );
}

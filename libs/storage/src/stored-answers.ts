import { COUNTS } from "./answer-control.ts";
import type { Queryable } from "./database.ts";
import type { AttributeValue } from "./image-filter.ts";
import type { QuestionType } from "./questions.ts";
import { isUuid } from "./uuid.ts";

/** What a model answered to a question about a picture. */
export type StoredAnswer = {
  readonly imageId: string;
  /** Name of the question. */
  readonly name: string;
  readonly question: string;
  readonly type: QuestionType;
  readonly text: string;
  /** In the type of the question; null where the text cannot be read as one. */
  readonly value: AttributeValue | null;
  readonly logProbability: number;
  readonly probability: number | null;
  /** Whether filters and facets go by it. */
  readonly counts: boolean;
  readonly mode: "GENERATE" | "RANK";
  readonly modelFingerprint: string;
  readonly answeredAt: Date;
};

/** The answers to live questions about each of the pictures, in the order in which the questions were declared. */
export async function answersOf(db: Queryable, imageIds: readonly string[]): Promise<Map<string, StoredAnswer[]>> {
  const rows = await db.query<StoredAnswer>(
    `select a.image_id as "imageId", q.name, q.question, q.type, a.answer as text, a.value, a.log_probability as "logProbability",
       a.probability, coalesce(${COUNTS}, false) as counts, a.mode, a.model_fingerprint as "modelFingerprint", a.answered_at as "answeredAt"
     from image_answers a join questions q on q.id = a.question_id
     where a.image_id = any ($1::uuid[]) and a.answer is not null and q.retired_at is null
     order by q.declared_at, q.id`,
    [imageIds.filter(isUuid)],
  );
  return Map.groupBy(rows, ({ imageId }) => imageId);
}

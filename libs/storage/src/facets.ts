import { COUNTS } from "./answer-control.ts";
import type { Queryable } from "./database.ts";
import { type AttributeValue, compileImageFilter, type ImageFilter } from "./image-filter.ts";
import { withoutZeros } from "./images.ts";
import { requireUuid } from "./uuid.ts";

/** A value of an attribute and how many pictures have it. */
export type FacetValue = {
  readonly value: AttributeValue;
  /** Of the corpus, as far as they pass the filter. */
  readonly count: number;
  /** Among the given pictures. */
  readonly hits: number;
};

/** Whose values are counted, and where. */
export type FacetCount = {
  readonly corpusId: string;
  readonly name: string;
  /** Only pictures that pass; all when absent. */
  readonly filter?: ImageFilter | undefined;
  /** Pictures that count as hits. */
  readonly imageIds: readonly string[];
  readonly limit: number;
};

/**
 * The most frequent values of an attribute among the pictures of a corpus that pass the filter: first by the hits among `imageIds`, then by their count,
 * then by value. Each member of a list counts as a value; objects and null do not.
 */
export function countFacet(db: Queryable, facet: FacetCount): Promise<FacetValue[]> {
  return countValues(
    db,
    facet,
    (passes) => `select i.id, value from images i
     cross join lateral jsonb_path_query(i.attributes -> $2::text, '$[*]') as value
     where i.corpus_id = $1::uuid and ${passes} and jsonb_typeof(value) in ('string', 'number', 'boolean')`,
  );
}

/** The same for the answers to a question, as far as they count. */
export function countAnswerFacet(db: Queryable, facet: FacetCount): Promise<FacetValue[]> {
  return countValues(
    db,
    facet,
    (passes) => `select i.id, a.value
     from questions q join image_answers a on a.question_id = q.id join images i on i.id = a.image_id
     where q.corpus_id = $1::uuid and q.name = $2::text and q.retired_at is null and ${COUNTS} and ${passes}`,
  );
}

/** @param select  rows of id and value of the pictures that pass: SQL of ours, with the corpus as $1 and the name as $2 */
function countValues(
  db: Queryable,
  { corpusId, name, filter, imageIds, limit }: FacetCount,
  select: (passes: string) => string,
): Promise<FacetValue[]> {
  const parameters: unknown[] = [requireUuid("corpus", corpusId), withoutZeros(name).toWellFormed(), imageIds, limit];
  const passes = compileImageFilter(filter, parameters);
  return db.query<FacetValue>(
    `select value, count(distinct id)::integer as count,
       count(distinct id) filter (where id = any ($3::uuid[]))::integer as hits
     from (${select(passes)}) as counted
     group by value order by 3 desc, 2 desc, value limit $4::integer`,
    parameters,
  );
}

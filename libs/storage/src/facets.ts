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

/**
 * The most frequent values of an attribute among the pictures of a corpus that pass the filter: first by the hits among `imageIds`, then by their count,
 * then by value. Each member of a list counts as a value; objects and null do not.
 */
export function countFacet(
  db: Queryable,
  facet: {
    corpusId: string;
    name: string;
    filter?: ImageFilter | undefined;
    imageIds: readonly string[];
    limit: number;
  },
): Promise<FacetValue[]> {
  const parameters: unknown[] = [
    requireUuid("corpus", facet.corpusId),
    withoutZeros(facet.name).toWellFormed(),
    facet.imageIds,
    facet.limit,
  ];
  const passes = compileImageFilter(facet.filter, parameters);
  return db.query<FacetValue>(
    `select value, count(distinct id)::integer as count,
       count(distinct id) filter (where id = any ($3::uuid[]))::integer as hits
     from images i
     cross join lateral jsonb_path_query(i.attributes -> $2::text, '$[*]') as value
     where i.corpus_id = $1::uuid and ${passes} and jsonb_typeof(value) in ('string', 'number', 'boolean')
     group by value order by 3 desc, 2 desc, value limit $4::integer`,
    parameters,
  );
}

/** The same for the answers to a question, as far as they count. */
export function countAnswerFacet(
  db: Queryable,
  facet: {
    corpusId: string;
    name: string;
    filter?: ImageFilter | undefined;
    imageIds: readonly string[];
    limit: number;
  },
): Promise<FacetValue[]> {
  const parameters: unknown[] = [
    requireUuid("corpus", facet.corpusId),
    withoutZeros(facet.name).toWellFormed(),
    facet.imageIds,
    facet.limit,
  ];
  const passes = compileImageFilter(facet.filter, parameters);
  return db.query<FacetValue>(
    `select value, count(*)::integer as count, count(*) filter (where id = any ($3::uuid[]))::integer as hits
     from (
       select i.id, a.value from questions q join image_answers a on a.question_id = q.id join images i on i.id = a.image_id
       where q.corpus_id = $1::uuid and q.name = $2::text and q.retired_at is null and ${COUNTS} and ${passes}
     ) as counted
     group by value order by 3 desc, 2 desc, value limit $4::integer`,
    parameters,
  );
}

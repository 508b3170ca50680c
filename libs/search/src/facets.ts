import { type AttributeValue, countAnswerFacet, countFacet, type Database, type ImageFilter } from "@medley/storage";
import type { FacetSource, ValidQuery } from "./query.ts";
import type { RankedHit } from "./rank.ts";

export interface Facet {
  /** Name of the attribute, or of the question. */
  readonly name: string;
  readonly of: FacetSource;
  readonly values: readonly {
    readonly value: AttributeValue;
    /** Pictures of the corpus with this value that pass the query's filter, its own conditions on this attribute or question left out. */
    readonly count: number;
    /** Hits of this answer with this value. */
    readonly hits: number;
    /** Lets only pictures with this value pass; to be joined to the query's filter by "and". */
    readonly filter: ImageFilter;
  }[];
}

/** A facet's own selection does not count against its other values, or they could never be chosen instead. */
export function facetsOf(
  db: Database,
  corpusId: string,
  { facets, filter }: ValidQuery,
  hits: readonly RankedHit[],
): Promise<Facet[]> {
  const imageIds = hits.map(({ imageId }) => imageId);
  return Promise.all(
    facets.map(async ({ name, of, first }) => {
      const count = of === "QUESTION" ? countAnswerFacet : countFacet;
      const rest = withoutSelection(filter, { name, of });
      const values = await count(db, { corpusId, name, filter: rest, imageIds, limit: first });
      return { name, of, values: values.map((each) => ({ ...each, filter: selectionOf({ name, of }, each.value) })) };
    }),
  );
}

interface Counted {
  readonly name: string;
  readonly of: FacetSource;
}

function selectionOf({ name, of }: Counted, value: AttributeValue): ImageFilter {
  return of === "QUESTION" ? { question: { name, in: [value] } } : { attribute: { name, in: [value] } };
}

/** The filter without conditions on what is counted that everything must fulfil; those inside of "or" and "not" mean more than a selection. */
function withoutSelection(filter: ImageFilter | undefined, counted: Counted): ImageFilter | undefined {
  if (filter === undefined) return undefined;
  if ("attribute" in filter && counted.of === "ATTRIBUTE") {
    return filter.attribute.name === counted.name ? undefined : filter;
  }
  if ("question" in filter && counted.of === "QUESTION") {
    return filter.question.name === counted.name ? undefined : filter;
  }
  if (!("and" in filter)) return filter;
  const and = filter.and.flatMap((part) => withoutSelection(part, counted) ?? []);
  return and.length === 0 ? undefined : { and };
}

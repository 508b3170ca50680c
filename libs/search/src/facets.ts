import { type AttributeValue, countFacet, type Database, type ImageFilter } from "@medley/storage";
import type { ValidQuery } from "./query.ts";
import type { RankedHit } from "./rank.ts";

export interface Facet {
  /** Name of the attribute. */
  readonly name: string;
  readonly values: readonly {
    readonly value: AttributeValue;
    /** Pictures of the corpus with this value that pass the query's filter, its own conditions on this attribute left out. */
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
    facets.map(async ({ name, first }) => {
      const rest = withoutAttribute(filter, name);
      const values = await countFacet(db, { corpusId, name, filter: rest, imageIds, limit: first });
      return {
        name,
        values: values.map((each) => ({ ...each, filter: { attribute: { name, in: [each.value] } } })),
      };
    }),
  );
}

/** The filter without conditions on the attribute that everything must fulfil; those inside of "or" and "not" mean more than a selection. */
function withoutAttribute(filter: ImageFilter | undefined, name: string): ImageFilter | undefined {
  if (filter === undefined) return undefined;
  if ("attribute" in filter) return filter.attribute.name === name ? undefined : filter;
  if (!("and" in filter)) return filter;
  const and = filter.and.flatMap((part) => withoutAttribute(part, name) ?? []);
  return and.length === 0 ? undefined : { and };
}

import {
  type AttributeValue,
  countAnswerFacet,
  countFacet,
  type Database,
  type FacetValue,
  type ImageFilter,
} from "@medley/storage";
import type { FacetSource, ValidQuery } from "./query.ts";
import type { RankedHit } from "./rank.ts";
import type { SearchedCorpus } from "./search-place.ts";

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

/** Of several corpora this many values of each are added up: all, unless each picture has one of its own. */
const VALUES_ADDED = 10_000;

/** A facet's own selection does not count against its other values, or they could never be chosen instead. */
export function facetsOf(
  db: Database,
  corpora: readonly Pick<SearchedCorpus, "id" | "filter">[],
  facets: ValidQuery["facets"],
  hits: readonly RankedHit[],
): Promise<Facet[]> {
  const imageIds = hits.map(({ imageId }) => imageId);
  return Promise.all(
    facets.map(async ({ name, of, first }) => {
      const count = of === "QUESTION" ? countAnswerFacet : countFacet;
      const limit = corpora.length === 1 ? first : VALUES_ADDED;
      const ofCorpora: FacetValue[][] = [];
      for (const { id: corpusId, filter } of corpora) {
        const rest = withoutSelection(filter, { name, of });
        ofCorpora.push(await count(db, { corpusId, name, filter: rest, imageIds, limit }));
      }
      const values = addUp(ofCorpora, first);
      return { name, of, values: values.map((each) => ({ ...each, filter: selectionOf({ name, of }, each.value) })) };
    }),
  );
}

/** In the order of the database: those of most hits, then of most pictures, first. */
function addUp(ofCorpora: readonly (readonly FacetValue[])[], first: number): readonly FacetValue[] {
  const [only = [], ...others] = ofCorpora;
  if (others.length === 0) return only;
  const sums = new Map<string, FacetValue>();
  for (const one of ofCorpora.flat()) {
    const key = JSON.stringify(one.value);
    const sum = sums.get(key);
    sums.set(key, sum ? { value: one.value, count: sum.count + one.count, hits: sum.hits + one.hits } : one);
  }
  const byWeight = (one: FacetValue, other: FacetValue) =>
    other.hits - one.hits || other.count - one.count || compareValues(one.value, other.value);
  return [...sums.values()].toSorted(byWeight).slice(0, first);
}

/** Texts before numbers before truth values, as the database puts them. */
function compareValues(one: AttributeValue, other: AttributeValue): number {
  const byType = TYPES.indexOf(typeof one) - TYPES.indexOf(typeof other);
  return byType || (one < other ? -1 : 1);
}

const TYPES = ["string", "number", "boolean"];

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

import type { Queryable } from "./database.ts";
import type { VectorHit } from "./embeddings.ts";
import { encodeVector, normalise } from "./float-vector.ts";
import { IN_USE } from "./captions.ts";
import { compileImageFilter, type ImageFilter } from "./image-filter.ts";
import { withoutZeros } from "./images.ts";
import { StorageError } from "./storage-error.ts";
import { requireUuid } from "./uuid.ts";

export type TextHit = Omit<VectorHit, "itcCosine"> & {
  /** Cosine of image and query; null where the search had no query vector. */
  readonly itcCosine: number | null;
  /** Share of the query's words that the picture's texts hold, each word weighted by how rare it is in the corpora; above 0, at most 1. */
  readonly textShare: number;
};

export type TextSearch = {
  /** At least one; their pictures and texts count as those of one corpus. */
  readonly corpora: readonly {
    readonly id: string;
    /** Only pictures of it that pass; all when absent. How rare a word is does not depend on it. */
    readonly filter?: ImageFilter | undefined;
  }[];
  /** The space whose vectors give itcCosine; with a query vector, pictures without a vector in it are not returned. */
  readonly spaceId: string;
  /** What people asked for. */
  readonly text: string;
  /** The embedding of `text` in that space; null searches by words alone. */
  readonly query: Float32Array | null;
  /** How many pictures to return for their texts alone. */
  readonly limit: number;
  /** Pictures that are returned whenever their texts hold any word, beside the first `limit`. */
  readonly among: readonly string[];
};

// More words than this are a paragraph, not a query; the first in alphabetical order are as good as any.
const MOST_WORDS = 32;

/**
 * The pictures of corpora whose own texts (captions of people, the web and imports that were not rejected; the names of file and
 * folder) hold words of the query, best first, ties by itcCosine. English stop words do not count; a word that no text of the corpora holds
 * does, with the greatest weight, so that a text can never answer for what it does not say.
 * The weight is the inverse document frequency of BM25 (Robertson and Zaragoza 2009, section 3.2): ln(1 + (N - n + 0.5) / (n + 0.5)).
 */
export function searchTexts(db: Queryable, search: TextSearch): Promise<TextHit[]> {
  const query = search.query && normalise(search.query);
  if (query === undefined) throw new StorageError("INVALID_VALUE", "The query vector is zero or not finite.");
  const parameters: unknown[] = [
    search.corpora.map(({ id }) => requireUuid("corpus", id)),
    requireUuid("space", search.spaceId),
    withoutZeros(search.text),
    query && encodeVector(query),
    search.limit,
    search.among,
  ];
  const passes = search.corpora.map(({ filter }, index) => {
    const ofCorpus = search.corpora.length === 1 ? "" : `i.corpus_id = ($1::uuid[])[${index + 1}] and `;
    return `(${ofCorpus}${compileImageFilter(filter, parameters)})`;
  });
  return db.query<TextHit>(
    `with terms as (
       select lexeme from unnest(words_of_text($3::text)) order by lexeme limit ${MOST_WORDS}
     ), found as (
       select distinct terms.lexeme, images.id as image_id
       from terms
       cross join lateral (
         select image_id from captions
         where words @@ quote_literal(terms.lexeme)::tsquery and source <> 'SYNTHETIC' and ${IN_USE}
         union all
         select image_id from image_origins where words @@ quote_literal(terms.lexeme)::tsquery
       ) as hit
       join images on images.id = hit.image_id and images.corpus_id = any ($1::uuid[])
     ), corpus as (
       select count(*)::double precision as images from images where corpus_id = any ($1::uuid[])
     ), weights as (
       select terms.lexeme, ln(1 + (corpus.images - count(found.image_id) + 0.5) / (count(found.image_id) + 0.5)) as weight
       from terms cross join corpus left join found using (lexeme)
       group by terms.lexeme, corpus.images
     ), shares as (
       select found.image_id, least(1, sum(weights.weight) / (select sum(weight) from weights)) as share
       from found join weights using (lexeme)
       group by found.image_id
     ), hits as (
       select shares.image_id, shares.share, e.embedding <#> $4::vector as distance,
         row_number() over (order by shares.share desc, e.embedding <#> $4::vector, shares.image_id) as place
       from shares join images i on i.id = shares.image_id and (${passes.join(" or ")})
       left join embeddings e on e.space_id = $2::uuid and e.image_id = shares.image_id
       where $4::vector is null or e.image_id is not null
     )
     select hits.image_id as "imageId", images.sha256,
       case when hits.distance is not null then greatest(-1, least(1, -hits.distance)) end as "itcCosine",
       hits.share as "textShare"
     from hits join images on images.id = hits.image_id
     where hits.place <= $5::integer or hits.image_id = any ($6::uuid[])
     order by hits.place`,
    parameters,
  );
}

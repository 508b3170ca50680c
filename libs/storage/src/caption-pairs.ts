import type { Queryable } from "./database.ts";
import { requireUuid } from "./uuid.ts";

/** A picture, a text of its own, and texts of others that say something else. */
export type DrawnCaption = {
  readonly imageId: string;
  readonly sha256: string;
  readonly own: string;
  /** Of a picture that looks alike; null where the nearest say the same. */
  readonly ofNeighbour: string | null;
  /** Of any other picture of the draw; null where all say the same. */
  readonly ofAnother: string | null;
};

/**
 * Pictures drawn by a seed with texts that people or the web gave them, and such texts of others: pairs that should match and pairs that should not.
 * The draw goes by the content of the pictures: the same corpus in another installation, where ids differ, gives the same pairs.
 * Captions of machines and what a filter decided play no part, so that nothing is learned from what it is to judge. Texts in another language than
 * English and texts judged by their sentences are left out; a text that several pictures share is never taken for a wrong one.
 */
export async function drawCaptionPairs(
  db: Queryable,
  draw: { corpusId: string; spaceId: string; images: number; seed: number },
): Promise<DrawnCaption[]> {
  const drawn = await db.query<Omit<DrawnCaption, "ofAnother">>(
    `with texts as materialized (
       select distinct on (c.image_id) c.image_id, i.sha256, c.text, md5(i.sha256 || $4::text) as place
       from captions c join images i on i.id = c.image_id join caption_states s on s.caption_id = c.id
       where i.corpus_id = $1::uuid and c.source in ('HUMAN', 'WEB') and c.part_of is null
         and coalesce(c.language, 'und') in ('en', 'und') and s.reason is distinct from 'JUDGED_BY_SENTENCES'
         and s.reason is distinct from 'SUPERSEDED' and (s.reason is distinct from 'REVIEWED' or s.verdict = 'KEPT')
       order by c.image_id, c.source, c.created_at, c.text
     ), drawn as materialized (
       select *, row_number() over (order by place) as number from texts order by place limit $3::integer
     ), nearest as materialized (
       -- On its own: joined at once, a planner without statistics looked for the neighbours again for every text of the corpus.
       select drawn.image_id as owner, near.image_id, near.distance
       from drawn join embeddings mine on mine.space_id = $2::uuid and mine.image_id = drawn.image_id
       cross join lateral (
         select e.image_id, e.embedding <#> mine.embedding as distance from embeddings e
         where e.space_id = mine.space_id and e.corpus_id = mine.corpus_id and e.image_id <> mine.image_id
         order by 2 limit 8) as near
     ), neighbours as (
       select distinct on (nearest.owner) nearest.owner, other.text
       from nearest join drawn on drawn.image_id = nearest.owner
       join texts other on other.image_id = nearest.image_id and lower(other.text) <> lower(drawn.text)
       order by nearest.owner, nearest.distance, other.sha256
     )
     select drawn.image_id as "imageId", drawn.sha256, drawn.text as own, neighbours.text as "ofNeighbour"
     from drawn left join neighbours on neighbours.owner = drawn.image_id order by drawn.number`,
    [requireUuid("corpus", draw.corpusId), requireUuid("space", draw.spaceId), draw.images, String(draw.seed)],
  );
  return drawn.map((each, place) => ({ ...each, ofAnother: textOfAnother(drawn, place) }));
}

/** The text of the first picture from half the draw away on that says something else. */
function textOfAnother(drawn: readonly { readonly own: string }[], place: number): string | null {
  const own = drawn[place]?.own.toLowerCase();
  for (let step = 0; step < drawn.length; step += 1) {
    const other = drawn[(place + Math.floor(drawn.length / 2) + step) % drawn.length];
    if (other && other.own.toLowerCase() !== own) return other.own;
  }
  return null;
}

import { type Database, startCaptionRun } from "@medley/storage";

export const FILTER = "benchmark-filter";
export const CAPTIONS_PER_IMAGE = 4;

/** Words of the texts, drawn with repetition, so that some texts are repetitive. */
const WORDS =
  "a the dog cat child boat street tree red small old with on near under two and of house water field light";
const WORDS_PER_TEXT = 9;

/**
 * Fills a corpus with pictures that have two texts from the web and two of one captioner's run, all with a score. One web text in 25 is a sentence
 * of its neighbour, one in 20 is German, one in 20 too short to tell. Ids and numbers follow from the row's number: every fill is the same.
 */
export async function fillLedger(db: Database, corpusId: string, images: number): Promise<void> {
  const run = await db.transaction((tx) =>
    startCaptionRun(tx, {
      corpusId,
      captionerFingerprint: "benchmark-captioner",
      captionerName: "benchmark captioner",
      prompt: null,
      decoding: { method: "nucleus", topP: 0.9 },
      captionsPerImage: 2,
    }),
  );
  await db.query(
    `insert into images (id, corpus_id, sha256)
     select md5('image ' || n)::uuid, $1::uuid, encode(sha256(convert_to(n::text, 'utf8')), 'hex')
     from generate_series(1, $2::integer) as n`,
    [corpusId, images],
  );
  await db.query(
    `insert into captions (id, image_id, text, source, model_fingerprint, run_id, decoding, language, part_of)
     select md5('caption ' || n || ' ' || k)::uuid, md5('image ' || n)::uuid,
       (select string_agg(words[1 + abs(hashint8(n * 1000 + k * 100 + w)::bigint) % cardinality(words)], ' ' order by w)
        from generate_series(1, $3::integer) as w) || ' ' || n || ' ' || k,
       case when k <= 2 then 'WEB' else 'SYNTHETIC' end,
       case when k > 2 then 'benchmark-captioner' end, case when k > 2 then $4::uuid end,
       case when k > 2 then '{"method": "nucleus", "topP": 0.9}'::jsonb end,
       case when k > 2 then 'en' when n % 20 = 0 then 'de' when n % 20 = 1 then 'und' else 'en' end,
       case when k = 2 and n % 25 = 0 then md5('caption ' || n || ' 1')::uuid end
     from generate_series(1, $1::bigint) as n, generate_series(1, ${CAPTIONS_PER_IMAGE}) as k, string_to_array($2::text, ' ') as words`,
    [images, WORDS, WORDS_PER_TEXT, run.id],
  );
  // Logits of about -6 to 6, cosines beside them.
  await db.query(
    `insert into caption_scores (caption_id, filter_fingerprint, itc_cosine, itm_logit, itm_no_match_logit)
     select id, $1::text, 0.3 + hashtextextended(id::text, 1)::double precision / 1e20,
       3 * hashtextextended(id::text, 2)::double precision / 9.3e18, 3 * hashtextextended(id::text, 3)::double precision / 9.3e18
     from captions`,
    [FILTER],
  );
  // What the server's own housekeeping does after such a change, not left to chance.
  await db.query("vacuum analyze");
}

import { activateSpace, type Database, ensureCorpus, ensureSpace, saveEmbeddings } from "@medley/storage";
import { DIMENSIONS, vectorAt } from "./vectors.ts";

export interface FilledLibrary {
  readonly corpusId: string;
  readonly spaceId: string;
  /** Ids in the order of the vectors. */
  readonly imageIds: readonly string[];
}

/** The attributes by which filters select: a tenth and a hundredth of the pictures have one value, whatever their vectors. */
export const TENTHS = "tenth";
export const HUNDREDTHS = "hundredth";

const ROWS_PER_SAVE = 5_000;

/** A corpus of pictures that have nothing but attributes and vectors. */
export async function fillLibrary(db: Database, vectors: Float32Array): Promise<FilledLibrary> {
  const rows = vectors.length / DIMENSIONS;
  const { id: corpusId } = await ensureCorpus(db, { name: "search" });
  const space = { fingerprint: "benchmark", name: "benchmark", dimensions: DIMENSIONS, preprocessing: {} };
  const { id: spaceId } = await ensureSpace(db, space);
  await activateSpace(db, corpusId, spaceId);
  const images = await db.query<{ id: string }>(
    `with made as (
       insert into images (corpus_id, sha256, attributes, format, width, height, size_bytes)
       select $1::uuid, encode(sha256(n::text::bytea), 'hex'), jsonb_build_object($3::text, n % 10, $4::text, n % 100), 'jpeg', 640, 480, 90000
       from generate_series(0, $2::integer - 1) as n returning id, sha256)
     select made.id from generate_series(0, $2::integer - 1) as n join made on made.sha256 = encode(sha256(n::text::bytea), 'hex') order by n`,
    [corpusId, rows, TENTHS, HUNDREDTHS],
  );
  const imageIds = images.map(({ id }) => id);
  for (let first = 0; first < rows; first += ROWS_PER_SAVE) {
    const saved = imageIds.slice(first, first + ROWS_PER_SAVE).map((imageId, index) => ({
      imageId,
      corpusId,
      embedding: vectorAt(vectors, first + index),
    }));
    await saveEmbeddings(db, { spaceId, rows: saved });
  }
  await db.query("vacuum analyze images");
  await db.query("vacuum analyze embeddings");
  return { corpusId, spaceId, imageIds };
}

import type { Queryable } from "./database.ts";
import { compileImageFilter, type ImageFilter } from "./image-filter.ts";
import type { Step } from "./step-order.ts";
import { requireUuid } from "./uuid.ts";

export type ImageToLookAt = { readonly imageId: string; readonly sha256: string };

/** The next images of a corpus in the order of their ids, of these those that pass the filter, how many were looked at, and the last id; null at the end. */
export async function nextImages(
  db: Queryable,
  page: { corpusId: string; after: string | null; limit: number; filter?: ImageFilter | undefined },
): Promise<{ readonly images: ImageToLookAt[]; readonly looked: number; readonly upTo: string | null }> {
  const parameters: unknown[] = [
    requireUuid("corpus", page.corpusId),
    page.after === null ? null : requireUuid("image", page.after),
    page.limit,
  ];
  const passes = compileImageFilter(page.filter, parameters);
  const rows = await db.query<ImageToLookAt & { passes: boolean }>(
    `with next as (
       select i.* from images i where i.corpus_id = $1::uuid and ($2::uuid is null or i.id > $2::uuid)
       order by i.id limit $3::integer
     )
     select i.id as "imageId", i.sha256, coalesce(${passes}, false) as passes from next i order by i.id`,
    parameters,
  );
  const images = rows.flatMap(({ passes: does, ...image }) => (does ? [image] : []));
  return { images, looked: rows.length, upTo: rows.at(-1)?.imageId ?? null };
}

export type StoredStep = {
  readonly imageId: string;
  readonly step: Step;
  readonly spaceId: string | null;
  readonly state: "pending" | "leased" | "done" | "failed" | "excluded";
};

/** Every step that is planned for these images, in whatever space. */
export function stepsOfImages(db: Queryable, imageIds: readonly string[]): Promise<StoredStep[]> {
  return db.query<StoredStep>(
    `select image_id as "imageId", step, space_id as "spaceId", state from image_steps where image_id = any ($1::uuid[])`,
    [imageIds],
  );
}

/** Which of these images have a vector in the space, and which of their texts do, by textKeyOf. */
export async function vectorsOfImages(
  db: Queryable,
  { spaceId, imageIds }: { spaceId: string; imageIds: readonly string[] },
): Promise<{ readonly images: ReadonlySet<string>; readonly texts: ReadonlyMap<string, ReadonlySet<string>> }> {
  const given = [requireUuid("space", spaceId), imageIds];
  const images = await db.query<{ imageId: string }>(
    `select image_id as "imageId" from embeddings where space_id = $1::uuid and image_id = any ($2::uuid[])`,
    given,
  );
  const texts = await db.query<{ imageId: string; textKey: string }>(
    `select image_id as "imageId", text_key as "textKey" from text_embeddings
     where space_id = $1::uuid and image_id = any ($2::uuid[])`,
    given,
  );
  const keys = Map.groupBy(texts, ({ imageId }) => imageId);
  return {
    images: new Set(images.map(({ imageId }) => imageId)),
    texts: new Map([...keys].map(([imageId, rows]) => [imageId, new Set(rows.map(({ textKey }) => textKey))])),
  };
}

/** Which of these images a captioner has written about, whatever became of its run and its words. */
export async function captionedImages(db: Queryable, imageIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db.query<{ imageId: string }>(
    `select distinct image_id as "imageId" from captions where image_id = any ($1::uuid[]) and source = 'SYNTHETIC'`,
    [imageIds],
  );
  return new Set(rows.map(({ imageId }) => imageId));
}

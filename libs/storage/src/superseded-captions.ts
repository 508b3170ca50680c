import type { Queryable } from "./database.ts";
import { reopenSteps } from "./steps.ts";
import { requireUuid } from "./uuid.ts";

/**
 * Gives the captions that a run wrote about an image their place. The same text by the same captioner is one row, whichever run writes it: where its run
 * was taken back, or captions of a captioner stood in its place, it counts for this run now. A run that supersedes stands in the place of everything that
 * captioners wrote about the image before, but for what a person has reviewed. Call it in the transaction that adds the captions.
 */
export async function placeCaptions(
  db: Queryable,
  {
    runId,
    imageId,
    captionIds,
    supersedes,
  }: { runId: string; imageId: string; captionIds: readonly string[]; supersedes: boolean },
): Promise<void> {
  if (captionIds.length === 0) return;
  const given = [requireUuid("run", runId), requireUuid("image", imageId), captionIds];
  await db.query(
    `update captions c set run_id = $1::uuid, superseded_by = null
     where c.image_id = $2::uuid and c.id = any ($3::uuid[]) and (
       exists (select from caption_runs r where r.id = c.run_id and r.reverted_at is not null)
       or exists (select from captions s where s.id = c.superseded_by and s.source = 'SYNTHETIC'))`,
    given,
  );
  if (!supersedes) return;
  await db.query(
    `update captions c set superseded_by = (
       select id from captions where id = any ($3::uuid[]) order by (run_id is not distinct from $1::uuid) desc, created_at limit 1)
     where c.image_id = $2::uuid and c.source = 'SYNTHETIC' and c.superseded_by is null and c.id <> all ($3::uuid[])
       and c.run_id is distinct from $1::uuid
       and not exists (select from caption_reviews review where review.caption_id = c.id)`,
    given,
  );
}

/** Takes the captions of a run out of the chain: what each stood in the place of comes behind what stands in its own place, or counts again and is judged. Returns whether there was any. */
export async function restoreSuperseded(db: Queryable, runId: string): Promise<boolean> {
  const restored = await db.query<{ imageId: string }>(
    `update captions c set superseded_by = s.superseded_by from captions s
     where s.run_id = $1::uuid and c.superseded_by = s.id and c.source = 'SYNTHETIC' returning c.image_id as "imageId"`,
    [requireUuid("run", runId)],
  );
  const imageIds = [...new Set(restored.map(({ imageId }) => imageId))];
  if (imageIds.length > 0) await reopenSteps(db, { imageIds, steps: ["filter"] });
  return imageIds.length > 0;
}

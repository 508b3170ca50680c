import { ensureCorpus } from "../corpora.ts";
import type { Database } from "../database.ts";
import { ensureSpace } from "../spaces.ts";
import { STEPS, type Step } from "../step-order.ts";
import { type Claim, claimSteps, completeSteps, planSteps, stepCounts } from "../steps.ts";

let collections = 0;

/** A corpus with planned steps of its own in a space of its own. */
export async function createCollection(db: Database, { images }: { images: number }) {
  collections += 1;
  const { id: corpusId } = await ensureCorpus(db, { name: `collection ${collections}` });
  const space = { fingerprint: `collection ${collections}`, name: "m", dimensions: 2, preprocessing: {} };
  const { id: spaceId } = await ensureSpace(db, space);
  let added = 0;
  /** Images without steps. */
  const addImages = async (count: number): Promise<string[]> => {
    const rows = await db.query<{ id: string }>(
      `insert into images (corpus_id, sha256) select $1::uuid, lpad(to_hex(n), 64, '0')
       from generate_series($2::integer + 1, $2::integer + $3::integer) n returning id`,
      [corpusId, added, count],
    );
    added += count;
    return rows.map(({ id }) => id);
  };
  await addImages(images);
  await planSteps(db, { corpusId, spaceId, steps: [...STEPS] });
  const claim = (step: Step, limit: number, more: Partial<Pick<Claim, "owner" | "now" | "leaseMs" | "first">> = {}) =>
    claimSteps(db, { corpusId, step, spaceId, limit, leaseMs: 60_000, owner: "worker", ...more });
  const complete = (step: Step, imageIds: string[]) => completeSteps(db, { step, spaceId, imageIds });
  return { corpusId, spaceId, addImages, claim, complete, counts: () => stepCounts(db, corpusId, spaceId) };
}

import {
  countImages,
  findOperation,
  type ImageToLookAt,
  nextImages,
  openUpkeepSteps,
  planSteps,
  type Queryable,
  saveUpkeep,
  type Step,
  type StepOfImage,
  takeOpenSteps,
  updateOperation,
} from "@medley/storage";
import { retryTransient } from "../retry.ts";
import type { UpkeepRun } from "./run-upkeep.ts";

/** What there is to do about a page of images. */
export interface Found {
  /** Steps to open. */
  readonly steps: readonly StepOfImage[];
  /** Steps of images that were never planned. */
  readonly plans?: readonly {
    readonly spaceId: string;
    readonly steps: readonly Step[];
    readonly imageIds: readonly string[];
  }[];
  /** Added to the counts of the operation. */
  readonly counts: Readonly<Record<string, number>>;
  /** What else belongs into the transaction that opens the steps. */
  readonly alongside?: (tx: Queryable) => Promise<void>;
}

/** A page is one transaction: what is opened, and how far the look has come. */
const IMAGES_PER_PAGE = 500;

/** Looks at the images of the corpus page by page and opens what `find` finds, from where a worker before was; a dry run only counts. */
export async function lookAtImages(
  { context, upkeep, listener }: UpkeepRun,
  find: (images: readonly ImageToLookAt[]) => Promise<Found>,
): Promise<void> {
  const { db, retry, signal } = context;
  const { operationId, corpusId, filter, dryRun } = upkeep;
  const persist = <T>(call: () => Promise<T>) => retryTransient(call, retry);
  const stored = (await persist(() => findOperation(db, operationId)))?.counts ?? {};
  let counts: Record<string, number> = { ...stored, imagesTotal: await persist(() => countImages(db, corpusId)) };
  let after = upkeep.lookedUpTo;
  for (let looked = upkeep.looked; !looked && !signal.aborted; ) {
    const page = { corpusId, after, limit: IMAGES_PER_PAGE, filter };
    const next = await persist(() => nextImages(db, page));
    looked = next.upTo === null;
    const found: Found = looked ? { steps: [], counts: {} } : await find(next.images);
    const sums = add(counts, { imagesLooked: next.looked, ...found.counts });
    const progress = { operationId, lookedUpTo: next.upTo, looked };
    // The operation first, as who cancels it does, so that neither waits for the other.
    const isOpen = await persist(() =>
      db.transaction(async (tx) => {
        const { finishedAt } = await updateOperation(tx, { operationId, counts: sums });
        if (finishedAt !== null) return false;
        if (!dryRun) await open(tx, upkeep, found);
        await saveUpkeep(tx, progress);
        return true;
      }),
    );
    if (!isOpen) return;
    counts = sums;
    after = next.upTo;
    listener.onProgress(counts);
  }
}

async function open(
  tx: Queryable,
  { operationId, corpusId }: UpkeepRun["upkeep"],
  { steps, plans = [], alongside }: Found,
): Promise<void> {
  await takeOpenSteps(tx, { operationId, steps });
  for (const plan of plans) await planSteps(tx, { corpusId, ...plan });
  await alongside?.(tx);
  await openUpkeepSteps(tx, { operationId, steps });
}

function add(counts: Readonly<Record<string, number>>, more: Readonly<Record<string, number>>): Record<string, number> {
  const sums = { ...counts };
  for (const [name, count] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

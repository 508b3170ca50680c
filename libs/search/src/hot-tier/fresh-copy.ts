import {
  currentSnapshot,
  type Database,
  type ImageFilter,
  passingImageIds,
  readVectorPage,
  type VectorHit,
  type VectorSearch,
  type VectorSet,
  vectorChangesSince,
} from "@medley/storage";
import { createRounds } from "./rounds.ts";
import type { FoundRow, OpenVectorScan, VectorScan } from "./scan-port.ts";

/**
 * A copy of a corpus's vectors that misses nothing: every search asks the database for what has changed since the last one, in one statement that begins
 * after the search did, while the scan runs. Removed rows are barred, written ones are compared exactly beside the scan.
 */
export interface FreshCopy extends AsyncDisposable {
  /** Null where the database has to answer: too much has changed, or the filter is not known yet. */
  search(search: VectorSearch): Promise<VectorHit[] | null>;
  /** Share of the copy that has changed since it was made; above 1 it does not answer any more. */
  wear(): number;
}

/** Rows that a page has: 2 MB on the wire, 2 milliseconds of the event loop. */
const PAGE_ROWS = 500;
// Written rows are compared in JavaScript: 2,000 of 256 numbers take half a millisecond.
const MOST_WRITTEN = 2_000;
// A bit for each row: 32 filters are 4 bytes a vector.
const MOST_FILTERS = 32;
// Rows that went away between the scan and the answer leave a gap, and the scan is asked again. More than this means a corpus that is being emptied.
const MOST_SCANS = 3;

export interface CopyDependencies {
  readonly db: Database;
  readonly openScan: OpenVectorScan;
  readonly onEnd: (error: Error) => void;
}

/** Null where the set has no vectors. */
export async function loadCopy(
  { db, openScan, onEnd }: CopyDependencies,
  set: VectorSet & { readonly dimensions: number },
): Promise<FreshCopy | null> {
  // Taken first: what is written while the pages are read is among the changes, whether a page had it or not.
  const snapshot = await currentSnapshot(db);
  const scan = await openScan({ dimensions: set.dimensions, pages: pagesOf(db, set), onEnd });
  if (scan === null) return null;
  const copy = createCopy(db, set, { scan, snapshot });
  await warmUp(copy, set);
  return copy;
}

// The first search took 16 ms where later ones take 0.8: pages that are touched for the first time, code that is compiled, the plans of a connection.
const WARM_UP_SEARCHES = 64;
const WARM_UP_LIMIT = 128;

/** So that nobody's search is the first. */
async function warmUp(copy: FreshCopy, set: VectorSet & { readonly dimensions: number }): Promise<void> {
  for (let search = 0; search < WARM_UP_SEARCHES; search += 1) {
    const query = Float32Array.from({ length: set.dimensions }, (_, axis) => Math.sin(1 + axis * (search + 1)));
    await copy.search({ ...set, query, limit: WARM_UP_LIMIT });
  }
}

async function* pagesOf(db: Database, set: VectorSet) {
  for (let after: string | null = null; ; ) {
    const page = await readVectorPage(db, { ...set, after, limit: PAGE_ROWS });
    yield page;
    if (page.last === null) return;
    after = page.last;
  }
}

/** Which pictures pass a filter. */
interface Passing {
  readonly bits: Uint8Array;
  /** Those that are no row of the scan. */
  readonly beside: ReadonlySet<string>;
}

interface WrittenRow {
  readonly sha256: string;
  readonly vector: Float32Array;
}

function createCopy(
  db: Database,
  set: VectorSet & { readonly dimensions: number },
  { scan, snapshot: loadedAt }: { scan: VectorScan; snapshot: string },
): FreshCopy {
  let snapshot = loadedAt;
  let complete = true;
  let pictureChanges = 0;
  const written = new Map<string, WrittenRow>();
  const barred = new Set<number>();
  const filters = new Map<string, Passing>();
  const beingRead = new Set<string>();

  const catchUp = createRounds(async () => {
    const changes = await vectorChangesSince(db, { ...set, snapshot, most: MOST_WRITTEN });
    ({ snapshot } = changes);
    complete &&= changes.complete;
    if (changes.picturesChanged) {
      pictureChanges += 1;
      filters.clear();
    }
    for (const imageId of changes.removed) written.delete(imageId);
    for (const { imageId, ...row } of changes.written) written.set(imageId, row);
    const gone = [...changes.removed, ...changes.written.map(({ imageId }) => imageId)]
      .map((imageId) => scan.ids.positionOf(imageId))
      .filter((position) => position >= 0 && !barred.has(position));
    for (const position of gone) barred.add(position);
    if (gone.length > 0) scan.bar(gone);
  });

  /** Reads which pictures pass, for the next search with that filter. A change that comes meanwhile makes the answer worthless. */
  async function readFilter(key: string, filter: ImageFilter): Promise<void> {
    if (beingRead.has(key)) return;
    beingRead.add(key);
    const changesBefore = pictureChanges;
    try {
      const passing = await scan.ids.select(await passingImageIds(db, { corpusId: set.corpusId, filter }));
      if (pictureChanges !== changesBefore) return;
      filters.set(key, passing);
      const [oldest] = filters.keys();
      if (filters.size > MOST_FILTERS && oldest !== undefined) filters.delete(oldest);
    } catch {
      // The search that asked is being answered by the database, which says what is wrong.
    } finally {
      beingRead.delete(key);
    }
  }

  function passes({ bits, beside }: Passing, imageId: string): boolean {
    const position = scan.ids.positionOf(imageId);
    return position < 0 ? beside.has(imageId) : (((bits[position >>> 3] ?? 0) >>> (position & 7)) & 1) === 1;
  }

  function writtenHits(query: Float32Array, passing: Passing | undefined): VectorHit[] {
    const hits: VectorHit[] = [];
    for (const [imageId, { sha256, vector }] of written) {
      if (passing === undefined || passes(passing, imageId))
        hits.push({ imageId, sha256, itcCosine: cosineOf(query, vector) });
    }
    return hits;
  }

  const wear = () => (complete ? written.size / MOST_WRITTEN : 2);

  return {
    wear: () => Math.max(wear(), barred.size / scan.ids.rows),
    async search({ query, limit, filter }) {
      const unit = unitOf(query);
      if (unit === null || unit.length !== set.dimensions) return null;
      const key = filter && JSON.stringify(filter);
      const passing = key === undefined ? undefined : filters.get(key);
      if (filter !== undefined && key !== undefined && passing === undefined) {
        void catchUp().then(
          () => readFilter(key, filter),
          () => {},
        );
        return null;
      }
      const caughtUp = catchUp();
      for (let scans = 0; scans < MOST_SCANS; scans += 1) {
        const [found] = await Promise.all([scan.nearest(unit, limit, passing?.bits), caughtUp]);
        if (wear() > 1 || (key !== undefined && filters.get(key) !== passing)) return null;
        const present = found.filter(({ position }) => !barred.has(position));
        if (present.length === found.length || found.length < limit) {
          return merge(present.map(hitOf), writtenHits(unit, passing), limit);
        }
      }
      return null;
    },
    [Symbol.asyncDispose]: () => scan[Symbol.asyncDispose](),
  };
}

function hitOf({ imageId, sha256, cosine }: FoundRow): VectorHit {
  return { imageId, sha256, itcCosine: Math.max(-1, Math.min(1, cosine)) };
}

/** Best first, ties by id, as the database orders them. */
function merge(scanned: VectorHit[], beside: readonly VectorHit[], limit: number): VectorHit[] {
  const hits = beside.length === 0 ? scanned : [...scanned, ...beside];
  hits.sort((one, other) => other.itcCosine - one.itcCosine || (one.imageId < other.imageId ? -1 : 1));
  return hits.slice(0, limit);
}

function unitOf(vector: Float32Array): Float32Array | null {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return Number.isFinite(length) && length > 0 ? vector.map((value) => value / length) : null;
}

function cosineOf(one: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (let axis = 0; axis < one.length; axis += 1) sum += (one[axis] as number) * (other[axis] as number);
  return Math.max(-1, Math.min(1, sum));
}

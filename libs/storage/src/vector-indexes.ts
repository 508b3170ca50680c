import type { Database, Queryable } from "./database.ts";
import { StorageError } from "./storage-error.ts";
import { requireUuid } from "./uuid.ts";

/** An HNSW index of a space: that of its pictures, or that of the texts beside them. */
export type VectorIndex = {
  readonly name: string;
  readonly table: string;
  /** Tells one build from the next. */
  readonly build: string;
  readonly sizeBytes: number;
};

/** The indexes that searches of a space use; none where it is so small that every vector is compared. */
export function vectorIndexesOf(db: Queryable, spaceId: string): Promise<VectorIndex[]> {
  return db.query<VectorIndex>(
    `select c.relname as name, t.relname as table, c.oid::text as build, pg_relation_size(c.oid)::double precision as "sizeBytes"
     from unnest(array['embeddings', 'text_embeddings']) as parent
     join pg_index i on i.indisvalid and i.indexrelid = to_regclass(parent || '_' || replace($1::text, '-', '') || '_hnsw')
     join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
     order by parent`,
    [requireUuid("space", spaceId)],
  );
}

/**
 * Builds an index anew, unless somebody has done so since it was looked up. On a server searches go on with the old one, and writes go on, until the new one takes its place; aborting ends the build
 * there. The embedded database has one backend: there everybody waits until it is built, and nothing can end it before.
 * @param onProgress  how many vectors are in, now and then; on a server alone
 */
export async function rebuildVectorIndex(
  db: Database,
  index: VectorIndex,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (vectors: number) => void },
): Promise<void> {
  if (db.kind === "server") await reindexConcurrently(db, index, { signal, onProgress });
  else await db.transaction((tx) => buildBesideAndSwap(tx, index));
}

async function isStillThere(db: Queryable, { name, build }: VectorIndex): Promise<boolean> {
  const [index] = await db.query<{ build: string | null }>("select to_regclass($1::text)::oid::text as build", [name]);
  return index?.build === build;
}

async function buildBesideAndSwap(tx: Queryable, index: VectorIndex): Promise<void> {
  if (!(await isStillThere(tx, index))) return;
  const { name } = index;
  const [old] = await tx.query<{ definition: string }>("select pg_get_indexdef(to_regclass($1::text)) as definition", [
    name,
  ]);
  if (!old) throw new Error("Bug: a select without from returned no row.");
  const successor = `${name}_new`;
  await tx.query(old.definition.replace(` ${name} `, ` ${successor} `));
  await tx.query(`drop index ${name}`);
  await tx.query(`alter index ${successor} rename to ${name}`);
}

const LOOK_MS = 1_000;

async function reindexConcurrently(
  db: Database,
  index: VectorIndex,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (vectors: number) => void },
): Promise<void> {
  const { name } = index;
  await dropAbandoned(db, index);
  signal.throwIfAborted();
  // The build of a worker that was killed went on, and was waited for.
  if (!(await isStillThere(db, index))) return;
  await db.session(async (session) => {
    const [backend] = await session.query<{ pid: number }>("select pg_backend_pid() as pid", []);
    const pid = backend?.pid ?? 0;
    // Another connection: this one is busy until the index is built.
    const end = () => void db.query("select pg_cancel_backend($1::integer)", [pid]).catch(() => {});
    const look = setInterval(() => {
      vectorsIn(db, pid).then(onProgress, () => {});
    }, LOOK_MS);
    signal.addEventListener("abort", end, { once: true });
    try {
      // The graph must fit, or the build gets several times slower.
      await session.query("set maintenance_work_mem = '512MB'");
      await session.query(`reindex index concurrently ${name}`);
    } finally {
      clearInterval(look);
      signal.removeEventListener("abort", end);
      await session.query("reset maintenance_work_mem").catch(() => {});
    }
  });
}

async function vectorsIn(db: Queryable, pid: number): Promise<number> {
  const [row] = await db.query<{ vectors: number }>(
    "select tuples_done::double precision as vectors from pg_stat_progress_create_index where pid = $1::integer",
    [pid],
  );
  if (!row) throw new StorageError("NOT_FOUND", "No index is being built.");
  return row.vectors;
}

/** What builds that were killed have left behind. Concurrently, so that no search waits for it; it waits itself for one that still goes on. */
async function dropAbandoned(db: Queryable, { name, table }: VectorIndex): Promise<void> {
  const left = await db.query<{ name: string }>(
    `select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
     where i.indrelid = to_regclass($1::text) and not i.indisvalid and starts_with(c.relname, $2::text)`,
    [table, `${name}_cc`],
  );
  for (const each of left) await db.query(`drop index concurrently if exists ${each.name}`);
}

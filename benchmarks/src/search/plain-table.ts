import type { Database } from "@medley/storage";
import pg from "pg";
import { vectorAt } from "./vectors.ts";

// What one would build with pgvector alone: a table of its own with the vectors and the filter's columns, an HNSW index, statements that are prepared once,
// vectors sent in binary form, and settings that hold for the connection. All of that is faster than Medley's own SQL, which sets them for each search.

export interface IndexSettings {
  readonly m: number;
  readonly efConstruction: number;
}

/** One table for each index, so that they can be compared in turns. */
function tableOf({ m, efConstruction }: IndexSettings): string {
  return `plain_${m}_${efConstruction}`;
}

/** Fills a table from the library's, in the order of `imageIds`, and indexes it: `place` is a vector's number. */
export async function createPlainTable(
  db: Database,
  { spaceId, imageIds }: { readonly spaceId: string; readonly imageIds: readonly string[] },
  index: IndexSettings,
): Promise<void> {
  const table = tableOf(index);
  await db.query(
    `create table ${table} (place integer primary key, tenth smallint not null, hundredth smallint not null, embedding vector(256) not null)`,
  );
  await db.query(
    `insert into ${table} select named.place - 1, (named.place - 1) % 10, (named.place - 1) % 100, e.embedding
     from unnest($2::uuid[]) with ordinality as named (id, place) join embeddings e on e.image_id = named.id where e.space_id = $1::uuid
     order by named.place`,
    [spaceId, imageIds],
  );
  await db.query(`create index on ${table} (tenth)`);
  await db.query(`create index on ${table} (hundredth)`);
  await db.transaction(async (tx) => {
    await tx.query("set local maintenance_work_mem = '1GB'");
    await tx.query(
      `create index on ${table} using hnsw (embedding vector_ip_ops) with (m = ${index.m}, ef_construction = ${index.efConstruction})`,
    );
  });
  await db.query(`vacuum analyze ${table}`);
}

export type PlainFilter = "none" | "tenth" | "hundredth";

/** Connections with the index's settings; `way` "exact" takes the filter's own index and compares what passes. */
export interface PlainSearcher extends AsyncDisposable {
  /** Places, best first. */
  search(query: Float32Array, limit: number): Promise<number[]>;
  /** Rejects where the planner takes the HNSW index and must not, or the other way round. */
  requireWay(query: Float32Array, limit: number): Promise<void>;
}

export interface PlainSearch {
  readonly index: IndexSettings;
  readonly way: "hnsw" | "exact";
  readonly efSearch: number;
  readonly filter: PlainFilter;
  readonly connections: number;
}

/** The value that the filtered searches want. */
export const WANTED = 3;

export function openPlainSearcher(
  databaseUrl: string,
  { index, way, efSearch, filter, connections }: PlainSearch,
): PlainSearcher {
  const options = [
    `hnsw.ef_search=${efSearch}`,
    "hnsw.iterative_scan=relaxed_order",
    "hnsw.max_scan_tuples=1000000",
    "hnsw.scan_mem_multiplier=8",
    ...(way === "hnsw"
      ? ["enable_seqscan=off", "enable_bitmapscan=off", "enable_sort=off"]
      : ["enable_indexscan=off", "enable_seqscan=off"]),
  ];
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: connections,
    options: options.map((option) => `-c ${option}`).join(" "),
  });
  const where = filter === "none" ? "" : `where ${filter} = ${WANTED}`;
  const text = `select place from ${tableOf(index)} ${where} order by embedding <#> $1 limit $2`;
  return {
    async search(query, limit) {
      const values = [encodeVector(query), limit];
      const { rows } = await pool.query<[number]>({ name: "nearest", text, values, rowMode: "array" });
      return rows.map(([place]) => place);
    },
    async requireWay(query, limit) {
      const { rows } = await pool.query<{ "QUERY PLAN": string }>(`explain ${text}`, [encodeVector(query), limit]);
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      if (plan.includes("embedding_idx") !== (way === "hnsw")) throw new Error(`Not the way "${way}":\n${plan}`);
    },
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

/** pgvector's binary form, big-endian. */
function encodeVector(vector: Float32Array): Buffer {
  const words = Buffer.from(new Float32Array(vector).buffer).swap32();
  const head = Buffer.alloc(4);
  head.writeInt16BE(vector.length, 0);
  return Buffer.concat([head, words]);
}

/** Share of the true neighbours that a searcher finds. @param lastCosines of each query's limit-th nearest */
export async function recallOf(
  search: (query: Float32Array) => Promise<readonly number[]>,
  queries: Float32Array,
  cosineOfRow: (query: Float32Array, row: number) => number,
  lastCosines: readonly number[],
  limit: number,
): Promise<number> {
  let found = 0;
  for (const [index, last] of lastCosines.entries()) {
    const query = vectorAt(queries, index);
    // Rows that are as near as float32 can tell count alike.
    const rows = new Set(await search(query));
    found += [...rows].filter((row) => cosineOfRow(query, row) >= last - 1e-6).length;
  }
  return found / (limit * lastCosines.length);
}

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, ensureCorpus, ensureSpace, openDatabase, saveEmbeddings } from "@medley/storage";
import { higherIsBetter, interleave, type Measurement, timed } from "../measure.ts";
import { benchServer, createBenchDatabase } from "../redecide/bench-database.ts";
import { randomSource } from "../random-source.ts";

const DIMENSIONS = 256;
const ROWS_PER_STATEMENT = 500;
/** So many on a server; the embedded database takes single inserts slowly. */
const ROWS = { server: 5_000, embedded: 1_000 } as const;

/** `saveEmbeddings` into the product's own table, with its keys and indexes, in one transaction, against what clients of pgvector send. */
export async function writingEmbeddings(runs: number): Promise<readonly Measurement[]> {
  return [...(await onServer(runs)), await onEmbedded(runs)];
}

async function onServer(runs: number): Promise<readonly Measurement[]> {
  const server = benchServer();
  if (!server) {
    console.error(
      "ingest: embeddings on a server are left out. Set BENCH_DATABASE_URL to a PostgreSQL server with pgvector.",
    );
    return [];
  }
  await using database = await createBenchDatabase(server);
  const rates = await compare(database.db, runs, ROWS.server, insertMany);
  return [
    higherIsBetter("ingest", `embeddings on a server, against ${ROWS_PER_STATEMENT}-row VALUES`, "rows/s", runs, rates),
  ];
}

async function onEmbedded(runs: number): Promise<Measurement> {
  const home = mkdtempSync(join(tmpdir(), "medley-bench-"));
  try {
    await using db = await openDatabase({ home, idleExitMs: 500 });
    const rates = await compare(db, runs, ROWS.embedded, insertSingly);
    return higherIsBetter(
      "ingest",
      "embeddings on the embedded database, against single inserts",
      "rows/s",
      runs,
      rates,
    );
  } finally {
    // Its process ends by itself soon after its last client.
    rmSync(home, { recursive: true, force: true, maxRetries: 30, retryDelay: 500 });
  }
}

interface Row {
  readonly imageId: string;
  readonly corpusId: string;
  readonly embedding: Float32Array;
}

type Baseline = (db: Database, spaceId: string, rows: readonly Row[]) => Promise<void>;

async function compare(db: Database, runs: number, count: number, baseline: Baseline) {
  const rows = await makeRows(db, count);
  // A space of its own each time: both sides start with an empty partition.
  const into = async (write: (spaceId: string) => Promise<void>): Promise<number> => {
    const fingerprint = `benchmark ${performance.now()}`;
    const space = await ensureSpace(db, { fingerprint, name: "benchmark", dimensions: DIMENSIONS, preprocessing: {} });
    return count / (await timed(() => write(space.id)));
  };
  return await interleave(
    runs,
    () => into((spaceId) => db.transaction((tx) => saveEmbeddings(tx, { spaceId, rows }))),
    () => into((spaceId) => baseline(db, spaceId, rows)),
  );
}

async function makeRows(db: Database, count: number): Promise<Row[]> {
  const { id: corpusId } = await ensureCorpus(db, { name: "embeddings" });
  const images = await db.query<{ id: string }>(
    `insert into images (corpus_id, sha256) select $1::uuid, encode(sha256(convert_to(n::text, 'utf8')), 'hex')
     from generate_series(1, $2::integer) as n returning id`,
    [corpusId, count],
  );
  const random = randomSource(count);
  return images.map(({ id: imageId }) => {
    const vector = Float32Array.from({ length: DIMENSIONS }, () => random() - 0.5);
    const length = Math.hypot(...vector);
    return { imageId, corpusId, embedding: vector.map((value) => value / length) };
  });
}

/** One transaction of statements with 500 rows each, vectors as text: what pgvector's own package for Node makes of an array. */
async function insertMany(db: Database, spaceId: string, rows: readonly Row[]): Promise<void> {
  await db.transaction(async (tx) => {
    for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
      const some = rows.slice(start, start + ROWS_PER_STATEMENT);
      const places = some.map((_, row) => `($${4 * row + 1}, $${4 * row + 2}, $${4 * row + 3}, $${4 * row + 4})`);
      const values = some.flatMap(({ imageId, corpusId, embedding }) => [
        spaceId,
        imageId,
        corpusId,
        asText(embedding),
      ]);
      await tx.query(
        `insert into embeddings (space_id, image_id, corpus_id, embedding) values ${places.join(", ")}`,
        values,
      );
    }
  });
}

async function insertSingly(db: Database, spaceId: string, rows: readonly Row[]): Promise<void> {
  await db.transaction(async (tx) => {
    for (const { imageId, corpusId, embedding } of rows) {
      await tx.query("insert into embeddings (space_id, image_id, corpus_id, embedding) values ($1, $2, $3, $4)", [
        spaceId,
        imageId,
        corpusId,
        asText(embedding),
      ]);
    }
  });
}

function asText(vector: Float32Array): string {
  return JSON.stringify([...vector]);
}

import type { Queryable } from "./database.ts";
import { isStorable, requireName } from "./names.ts";
import { isUuid, requireUuid } from "./uuid.ts";

export type Corpus = {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
  /** Since when nobody works on its steps; null when it is not paused. */
  readonly pausedAt: Date | null;
};

const COLUMNS = `id, name, created_at as "createdAt", paused_at as "pausedAt"`;
const LONGEST_NAME = 200;

/** The corpus of that name, created when there is none. */
export async function ensureCorpus(db: Queryable, { name }: { name: string }): Promise<Corpus> {
  // One that is there already goes on being found, whatever was once allowed in names.
  const known = await findCorpus(db, name);
  if (known) return known;
  requireName("The corpus name", name, LONGEST_NAME);
  // "do update" instead of "do nothing", because only then is the existing row returned.
  const [corpus] = await db.query<Corpus>(
    `insert into corpora (name) values ($1::text)
     on conflict (name) where deleted_at is null do update set name = excluded.name
     returning ${COLUMNS}`,
    [name],
  );
  if (!corpus) throw new Error("Bug: an upsert returned no row.");
  return corpus;
}

export async function findCorpus(db: Queryable, name: string): Promise<Corpus | null> {
  if (!isStorable(name)) return null;
  const [corpus] = await db.query<Corpus>(
    `select ${COLUMNS} from corpora where name = $1::text and deleted_at is null`,
    [name],
  );
  return corpus ?? null;
}

export async function findCorpusById(db: Queryable, corpusId: string): Promise<Corpus | null> {
  if (!isUuid(corpusId)) return null;
  const [corpus] = await db.query<Corpus>(`select ${COLUMNS} from corpora where id = $1::uuid and deleted_at is null`, [
    corpusId,
  ]);
  return corpus ?? null;
}

export function listCorpora(db: Queryable): Promise<Corpus[]> {
  return db.query<Corpus>(`select ${COLUMNS} from corpora where deleted_at is null order by name`, []);
}

/** Those of the wanted corpora that exist, by id or by name. */
export function findCorpora(db: Queryable, idsOrNames: readonly string[]): Promise<Corpus[]> {
  return db.query<Corpus>(
    `select ${COLUMNS} from corpora
     where (id = any ($1::uuid[]) or name = any ($2::text[])) and deleted_at is null order by name`,
    [idsOrNames.filter(isUuid), idsOrNames.filter(isStorable)],
  );
}

export type CorpusCounts = {
  readonly images: number;
  readonly captions: number;
  /** Of `captions`: those that people wrote. */
  readonly humanCaptions: number;
};

/** Reads every caption's row of the corpus. */
export async function countCorpus(db: Queryable, corpusId: string): Promise<CorpusCounts> {
  const [counts] = await db.query<CorpusCounts>(
    `select (select count(*)::integer from images where corpus_id = $1::uuid) as images,
       count(c.id)::integer as captions, count(c.id) filter (where c.source = 'HUMAN')::integer as "humanCaptions"
     from images i join captions c on c.image_id = i.id where i.corpus_id = $1::uuid`,
    [requireUuid("corpus", corpusId)],
  );
  if (!counts) throw new Error("Bug: counting returned no row.");
  return counts;
}

/** The corpus whose picture this caption describes; null when there is no such caption. */
export async function corpusOfCaption(db: Queryable, captionId: string): Promise<string | null> {
  if (!isUuid(captionId)) return null;
  const [found] = await db.query<{ corpusId: string }>(
    `select i.corpus_id as "corpusId" from captions c join images i on i.id = c.image_id
     join corpora live on live.id = i.corpus_id and live.deleted_at is null where c.id = $1::uuid`,
    [captionId],
  );
  return found?.corpusId ?? null;
}

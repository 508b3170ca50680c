import type { Queryable } from "./database.ts";
import { requireName } from "./names.ts";
import { isUuid } from "./uuid.ts";

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
     on conflict (name) do update set name = excluded.name
     returning ${COLUMNS}`,
    [name],
  );
  if (!corpus) throw new Error("Bug: an upsert returned no row.");
  return corpus;
}

export async function findCorpus(db: Queryable, name: string): Promise<Corpus | null> {
  // PostgreSQL keeps no such text, and refuses to compare with zeros; half a character would become U+FFFD on the way.
  if (name.includes("\0") || !name.isWellFormed()) return null;
  const [corpus] = await db.query<Corpus>(`select ${COLUMNS} from corpora where name = $1::text`, [name]);
  return corpus ?? null;
}

export async function findCorpusById(db: Queryable, corpusId: string): Promise<Corpus | null> {
  if (!isUuid(corpusId)) return null;
  const [corpus] = await db.query<Corpus>(`select ${COLUMNS} from corpora where id = $1::uuid`, [corpusId]);
  return corpus ?? null;
}

export function listCorpora(db: Queryable): Promise<Corpus[]> {
  return db.query<Corpus>(`select ${COLUMNS} from corpora order by name`, []);
}

/** Those of the wanted corpora that exist, by id or by name. */
export function findCorpora(db: Queryable, idsOrNames: readonly string[]): Promise<Corpus[]> {
  return db.query<Corpus>(
    `select ${COLUMNS} from corpora where id = any ($1::uuid[]) or name = any ($2::text[]) order by name`,
    [idsOrNames.filter(isUuid), idsOrNames.filter((name) => !name.includes("\0") && name.isWellFormed())],
  );
}

/** The corpus whose picture this caption describes; null when there is no such caption. */
export async function corpusOfCaption(db: Queryable, captionId: string): Promise<string | null> {
  if (!isUuid(captionId)) return null;
  const [found] = await db.query<{ corpusId: string }>(
    `select i.corpus_id as "corpusId" from captions c join images i on i.id = c.image_id where c.id = $1::uuid`,
    [captionId],
  );
  return found?.corpusId ?? null;
}

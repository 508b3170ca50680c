import { type Database, type Queryable, inTransaction } from "./database.ts";
import { isStorable } from "./names.ts";
import { STEPS_OF_SPACES } from "./step-order.ts";
import { StorageError } from "./storage-error.ts";
import { isUuid, requireUuid } from "./uuid.ts";

/**
 * BUILDING: it never answered yet. ACTIVE: it answers. STANDBY: it answered before, and goes on being written to, so that it can answer again at once.
 * RETIRED: nothing is written to it any more.
 */
export type SpaceState = "BUILDING" | "ACTIVE" | "STANDBY" | "RETIRED";

/** An embedding space. Its state is that of the corpus it was asked for, or without one: ACTIVE when any corpus uses it. */
export type Space = {
  readonly id: string;
  readonly fingerprint: string;
  readonly name: string;
  readonly dimensions: number;
  readonly preprocessing: unknown;
  readonly state: SpaceState;
  readonly createdAt: Date;
};

export type NewSpace = {
  readonly fingerprint: string;
  readonly name: string;
  readonly dimensions: number;
  /** What turns bytes into the model's input, as JSON; part of the identity. */
  readonly preprocessing: unknown;
};

const COLUMNS = `s.id, s.fingerprint, s.name, s.dimensions, s.preprocessing, s.created_at as "createdAt"`;

const STATE_ANYWHERE = `case
  when exists (select from corpora c where c.active_space_id = s.id) then 'ACTIVE'
  when exists (select from corpus_spaces u where u.space_id = s.id and u.activated_at is not null and u.retired_at is null) then 'STANDBY'
  when exists (select from corpus_spaces u where u.space_id = s.id and u.retired_at is null) then 'BUILDING'
  when exists (select from corpus_spaces u where u.space_id = s.id) then 'RETIRED'
  else 'BUILDING' end as state`;

const STATE_IN_CORPUS = `case
  when c.active_space_id = s.id then 'ACTIVE'
  when u.retired_at is not null then 'RETIRED'
  when u.activated_at is not null then 'STANDBY'
  else 'BUILDING' end as state`;

/** The space of that fingerprint and preprocessing, created with its table of vectors when there is none. */
export async function ensureSpace(db: Queryable | Database, space: NewSpace): Promise<Space> {
  const found = (await findByModel(db, space)) ?? (await inTransaction(db, (tx) => createSpace(tx, space)));
  if (found.dimensions === space.dimensions) return found;
  throw new StorageError(
    "DIMENSION_MISMATCH",
    `The model "${space.name}" gives ${space.dimensions} dimensions, but space "${found.name}" of the same fingerprint stores ${found.dimensions}.`,
  );
}

async function findByModel(db: Queryable, space: NewSpace): Promise<Space | undefined> {
  const [found] = await db.query<Space>(
    `select ${COLUMNS}, ${STATE_ANYWHERE} from spaces s where s.fingerprint = $1::text and s.preprocessing = $2::jsonb`,
    [space.fingerprint, JSON.stringify(space.preprocessing ?? {})],
  );
  return found;
}

// Any constant that nothing else uses.
const CREATE_SPACE_LOCK = 6_305_518;

/** One creator at a time: a new partition locks the tables it refers to, and two creators would wait for each other. */
async function createSpace(tx: Queryable, space: NewSpace): Promise<Space> {
  await tx.query("select pg_advisory_xact_lock($1::bigint)", [CREATE_SPACE_LOCK]);
  const known = await findByModel(tx, space);
  if (known) return known;
  const [created] = await tx.query<Space>(
    `insert into spaces as s (fingerprint, name, dimensions, preprocessing)
     values ($1::text, $2::text, $3::integer, $4::jsonb)
     returning ${COLUMNS}, 'BUILDING' as state`,
    [space.fingerprint, space.name, space.dimensions, JSON.stringify(space.preprocessing ?? {})],
  );
  if (!created) throw new Error("Bug: an insert returned no row.");
  await tx.query("select create_embedding_partition($1::uuid, $2::integer)", [created.id, created.dimensions]);
  return created;
}

export async function findSpace(db: Queryable, spaceId: string): Promise<Space | null> {
  if (!isUuid(spaceId)) return null;
  const [space] = await db.query<Space>(`select ${COLUMNS}, ${STATE_ANYWHERE} from spaces s where s.id = $1::uuid`, [
    spaceId,
  ]);
  return space ?? null;
}

/** From the next statement on the corpus is searched in this space; the one before is on STANDBY and can be activated again. */
export async function activateSpace(db: Queryable, corpusId: string, spaceId: string): Promise<void> {
  const activated = await db.query(
    `with activated as (
       update corpora set active_space_id = $2::uuid where id = $1::uuid returning id
     )
     insert into corpus_spaces (corpus_id, space_id, activated_at) select id, $2::uuid, now() from activated
     on conflict (corpus_id, space_id) do update set activated_at = now(), retired_at = null
     returning space_id`,
    [requireUuid("corpus", corpusId), requireUuid("space", spaceId)],
  );
  if (activated.length === 0) throw new StorageError("NOT_FOUND", `There is no corpus "${corpusId}".`);
}

export async function activeSpace(db: Queryable, corpusId: string): Promise<Space | null> {
  const [space] = await db.query<Space>(
    `select ${COLUMNS}, 'ACTIVE' as state from corpora c join spaces s on s.id = c.active_space_id
     where c.id = $1::uuid`,
    [requireUuid("corpus", corpusId)],
  );
  return space ?? null;
}

/** Where a corpus of that name is searched: with its active space, null before there is one. Null where there is no such corpus. */
export async function findSearchPlace(
  db: Queryable,
  name: string,
): Promise<{ readonly corpus: { readonly id: string; readonly name: string }; readonly space: Space | null } | null> {
  if (!isStorable(name)) return null;
  const [row] = await db.query<
    { corpusId: string; corpusName: string } & { [Column in keyof Space]: Space[Column] | null }
  >(
    `select c.id as "corpusId", c.name as "corpusName", ${COLUMNS}, 'ACTIVE' as state
     from corpora c left join spaces s on s.id = c.active_space_id where c.name = $1::text and c.deleted_at is null`,
    [name],
  );
  if (!row) return null;
  const { corpusId, corpusName, ...space } = row;
  return { corpus: { id: corpusId, name: corpusName }, space: space.id === null ? null : (space as Space) };
}

/** Every space that the corpus has been or is being embedded into, newest first. */
export function spacesOf(db: Queryable, corpusId: string): Promise<Space[]> {
  return db.query<Space>(
    `select ${COLUMNS}, ${STATE_IN_CORPUS}
     from corpus_spaces u join spaces s on s.id = u.space_id join corpora c on c.id = u.corpus_id
     where u.corpus_id = $1::uuid order by u.created_at desc, s.id`,
    [requireUuid("corpus", corpusId)],
  );
}

/** Who changes which space answers does so one after the other. */
export async function lockSpaces(db: Queryable, corpusId: string): Promise<void> {
  const locked = await db.query("select from corpora where id = $1::uuid for update", [
    requireUuid("corpus", corpusId),
  ]);
  if (locked.length === 0) throw new StorageError("NOT_FOUND", `There is no corpus "${corpusId}".`);
}

/** The other spaces of a corpus that are written to and in which steps are open. */
export function spacesBehind(
  db: Queryable,
  { corpusId, besideSpaceId }: { corpusId: string; besideSpaceId: string },
): Promise<Space[]> {
  return db.query<Space>(
    `select ${COLUMNS}, ${STATE_IN_CORPUS}
     from corpus_spaces u join spaces s on s.id = u.space_id join corpora c on c.id = u.corpus_id
     where u.corpus_id = $1::uuid and u.space_id <> $2::uuid and u.retired_at is null and exists (
       select from image_steps o where o.corpus_id = u.corpus_id and o.space_id = u.space_id
         and o.step = any ($3::text[]) and o.state in ('pending', 'leased'))
     order by u.created_at, s.id`,
    [requireUuid("corpus", corpusId), requireUuid("space", besideSpaceId), STEPS_OF_SPACES],
  );
}

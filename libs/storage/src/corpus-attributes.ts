import { type AttributeSchema, convertAttributes, missingAttributes } from "./attribute-values.ts";
import type { Queryable } from "./database.ts";
import type { Attributes } from "./images.ts";
import { StorageError } from "./storage-error.ts";
import { requireUuid } from "./uuid.ts";

/** What the corpus declares about attributes, by name; empty when it declares nothing. */
export function attributeSchemaOf(db: Queryable, corpusId: string): Promise<AttributeSchema> {
  return db.query<AttributeSchema[number]>(
    `select name, type, is_list as list, is_required as required, allowed_values as values
     from corpus_attributes where corpus_id = $1::uuid order by name collate "C"`,
    [requireUuid("corpus", corpusId)],
  );
}

/**
 * The same for a transaction that adds pictures: whoever declares other attributes waits for it, or is waited for, so that no picture keeps values of
 * an older declaration.
 */
export async function lockAttributeSchema(db: Queryable, corpusId: string): Promise<AttributeSchema> {
  await db.query("select from corpora where id = $1::uuid for key share", [requireUuid("corpus", corpusId)]);
  return attributeSchemaOf(db, corpusId);
}

/** A picture that was there before the declaration and does not fit it. It stays as it is. */
export type UnfitImage = {
  readonly imageId: string;
  /** Where it came from first. */
  readonly origin: string | null;
  readonly problems: readonly string[];
};

export type Declared = {
  /** False when the corpus declared the same already: then nothing was looked at. */
  readonly changed: boolean;
  /** Pictures whose values were given another form. */
  readonly converted: number;
  readonly unfit: number;
  /** The first of them. */
  readonly examples: readonly UnfitImage[];
};

const PAGE = 500;
const MOST_EXAMPLES = 100;

/**
 * Declares the attributes of a corpus in place of what it declared before, and gives the pictures that are there the declared types. Values that do not
 * fit stay as they are and are counted. Call it in a transaction; ingests into the corpus wait for its end.
 */
export async function declareAttributes(db: Queryable, corpusId: string, schema: AttributeSchema): Promise<Declared> {
  const [corpus] = await db.query("select id from corpora where id = $1::uuid for update", [
    requireUuid("corpus", corpusId),
  ]);
  if (!corpus) throw new StorageError("NOT_FOUND", `There is no corpus "${corpusId}".`);
  if (sameSchema(await attributeSchemaOf(db, corpusId), schema)) {
    return { changed: false, converted: 0, unfit: 0, examples: [] };
  }
  await db.query("delete from corpus_attributes where corpus_id = $1::uuid", [corpusId]);
  await db.query(
    `insert into corpus_attributes (corpus_id, name, type, is_list, is_required, allowed_values)
     select $1::uuid, row.name, row.type, row.is_list, row.is_required, nullif(row.allowed_values, 'null')
     from unnest($2::text[], $3::text[], $4::boolean[], $5::boolean[], $6::jsonb[])
       as row (name, type, is_list, is_required, allowed_values)`,
    [
      corpusId,
      schema.map(({ name }) => name),
      schema.map(({ type }) => type),
      schema.map(({ list }) => list),
      schema.map(({ required }) => required),
      schema.map(({ values }) => JSON.stringify(values)),
    ],
  );
  return { changed: true, ...(await convertImages(db, corpusId, schema)) };
}

type StoredAttributes = { readonly imageId: string; readonly attributes: Attributes; readonly origin: string | null };

async function convertImages(db: Queryable, corpusId: string, schema: AttributeSchema) {
  let [converted, unfit] = [0, 0];
  const examples: UnfitImage[] = [];
  for (let after: string | null = null; ; ) {
    const page: StoredAttributes[] = schema.length === 0 ? [] : await attributesAfter(db, corpusId, after);
    const changes: { imageId: string; attributes: Attributes }[] = [];
    for (const { imageId, attributes, origin } of page) {
      const { fitting, problems } = convertEach(schema, attributes);
      if (!sameJson(fitting, attributes)) changes.push({ imageId, attributes: fitting });
      if (problems.length === 0) continue;
      unfit += 1;
      if (examples.length < MOST_EXAMPLES) examples.push({ imageId, origin, problems });
    }
    if (changes.length > 0) await replaceAttributes(db, changes);
    converted += changes.length;
    if (page.length < PAGE) return { converted, unfit, examples };
    after = page.at(-1)?.imageId ?? null;
  }
}

/** Each attribute by itself: one that does not fit keeps its value, the others are converted. */
function convertEach(schema: AttributeSchema, attributes: Attributes): { fitting: Attributes; problems: string[] } {
  let fitting = attributes;
  const problems = missingAttributes(schema, attributes);
  for (const declaration of schema) {
    const found = convertAttributes([declaration], fitting);
    if (found.ok) fitting = found.attributes;
    else problems.push(...found.problems);
  }
  return { fitting, problems };
}

function attributesAfter(db: Queryable, corpusId: string, after: string | null): Promise<StoredAttributes[]> {
  return db.query<StoredAttributes>(
    `select i.id as "imageId", i.attributes,
       (select o.origin from image_origins o where o.image_id = i.id order by o.created_at, o.origin limit 1) as origin
     from images i where i.corpus_id = $1::uuid and ($2::uuid is null or i.id > $2::uuid) order by i.id limit $3::integer`,
    [corpusId, after, PAGE],
  );
}

async function replaceAttributes(
  db: Queryable,
  changes: readonly { imageId: string; attributes: Attributes }[],
): Promise<void> {
  await db.query(
    `update images set attributes = row.attributes from unnest($1::uuid[], $2::jsonb[]) as row (id, attributes)
     where images.id = row.id`,
    [changes.map(({ imageId }) => imageId), changes.map(({ attributes }) => JSON.stringify(attributes))],
  );
}

/** The attributes of pictures of a corpus that are there already, by SHA-256. */
export async function attributesBySha256(
  db: Queryable,
  corpusId: string,
  sha256s: readonly string[],
): Promise<Map<string, Attributes>> {
  const rows = await db.query<{ sha256: string; attributes: Attributes }>(
    "select sha256, attributes from images where corpus_id = $1::uuid and sha256 = any ($2::text[])",
    [requireUuid("corpus", corpusId), sha256s],
  );
  return new Map(rows.map(({ sha256, attributes }) => [sha256, attributes]));
}

function sameSchema(left: AttributeSchema, right: AttributeSchema): boolean {
  const sorted = (schema: AttributeSchema) => [...schema].sort((a, b) => (a.name < b.name ? -1 : 1));
  const plain = (schema: AttributeSchema) =>
    sorted(schema).map(({ name, type, list, required, values }) => [name, type, list, required, values]);
  return sameJson(plain(left), plain(right));
}

function sameJson(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

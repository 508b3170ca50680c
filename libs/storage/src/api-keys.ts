import { createHash, randomBytes } from "node:crypto";
import type { Queryable } from "./database.ts";
import { requireName } from "./names.ts";
import { isUuid, requireUuid } from "./uuid.ts";

/** What a caller may do, from least to most; each may do everything that those before it may. */
export const ROLES = ["VIEWER", "CURATOR", "INGESTOR", "ADMIN"] as const;
export type AccessRole = (typeof ROLES)[number];

export type ApiKey = {
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** The first characters of the key, by which people recognise it. */
  readonly prefix: string;
  readonly role: AccessRole;
  /** Null: every corpus. */
  readonly corpusIds: readonly string[] | null;
  readonly createdAt: Date;
  /** Null: until it is revoked. */
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  /** To the minute; null when it was never used. */
  readonly lastUsedAt: Date | null;
};

export type NewApiKey = Pick<ApiKey, "name" | "role" | "corpusIds"> & { readonly expiresAt?: Date | null };

/** What every key begins with: tells it from other tokens, and lets scanners for leaked secrets find it. */
export const API_KEY_MARK = "medley_";
const SECRET_BYTES = 32;
/** The mark and 5 characters: 30 of the secret's 256 bits. */
const PREFIX_CHARACTERS = API_KEY_MARK.length + 5;
const LONGEST_NAME = 200;

const COLUMNS = `id, name, prefix, role, corpus_ids as "corpusIds", created_at as "createdAt", expires_at as "expiresAt",
  revoked_at as "revokedAt", last_used_at as "lastUsedAt"`;

/** Makes a key and returns it, which is the only time that it can be seen: the table keeps its digest. Throws StorageError INVALID_VALUE. */
export async function createApiKey(db: Queryable, wanted: NewApiKey): Promise<{ secret: string; key: ApiKey }> {
  const name = requireName("The key's name", wanted.name.trim(), LONGEST_NAME);
  const secret = API_KEY_MARK + randomBytes(SECRET_BYTES).toString("base64url");
  const [key] = await db.query<ApiKey>(
    `insert into api_keys (name, sha256, prefix, role, corpus_ids, expires_at)
     values ($1::text, $2::text, $3::text, $4::text, $5::uuid[], $6::timestamptz) returning ${COLUMNS}`,
    [
      name,
      digestOf(secret),
      secret.slice(0, PREFIX_CHARACTERS),
      wanted.role,
      wanted.corpusIds?.map((id) => requireUuid("corpus", id)) ?? null,
      wanted.expiresAt ?? null,
    ],
  );
  if (!key) throw new Error("Bug: an insert returned no row.");
  return { secret, key };
}

/** The key that counts now: null for an unknown, a revoked and an expired one alike. */
export async function findApiKey(db: Queryable, secret: string): Promise<ApiKey | null> {
  const [key] = await db.query<ApiKey>(
    `select ${COLUMNS} from api_keys
     where sha256 = $1::text and revoked_at is null and (expires_at is null or expires_at > now())`,
    [digestOf(secret)],
  );
  return key ?? null;
}

/** Remembers that a key was used; writes once a minute at most, however often it is called. */
export async function noteApiKeyUse(db: Queryable, keyId: string): Promise<void> {
  await db.query(
    `update api_keys set last_used_at = now()
     where id = $1::uuid and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
    [requireUuid("key", keyId)],
  );
}

/** Newest first, revoked and expired ones too. */
export function listApiKeys(db: Queryable): Promise<ApiKey[]> {
  return db.query<ApiKey>(`select ${COLUMNS} from api_keys order by created_at desc, id`, []);
}

/** From now on the key is refused. Returns it; null when there is none with this id. A second time changes nothing. */
export async function revokeApiKey(db: Queryable, keyId: string): Promise<ApiKey | null> {
  if (!isUuid(keyId)) return null;
  const [key] = await db.query<ApiKey>(
    `update api_keys set revoked_at = coalesce(revoked_at, now()) where id = $1::uuid returning ${COLUMNS}`,
    [keyId],
  );
  return key ?? null;
}

/** How many keys there ever were, and how many of them count now. */
export async function countApiKeys(db: Queryable): Promise<{ made: number; usable: number }> {
  const [counts] = await db.query<{ made: number; usable: number }>(
    `select count(*)::integer as made,
       (count(*) filter (where revoked_at is null and (expires_at is null or expires_at > now())))::integer as usable
     from api_keys`,
    [],
  );
  return counts ?? { made: 0, usable: 0 };
}

/**
 * A plain digest, on purpose: a slow password hash makes guessing dear, and nobody guesses 256 random bits. Looking up by digest also
 * tells an attacker nothing by its timing, because the digest of a guess says nothing about how near the guess was.
 */
function digestOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

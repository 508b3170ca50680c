import type { Settings } from "@medley/config";
import {
  type AccessRole,
  type ApiKey,
  createApiKey,
  type Database,
  findCorpora,
  listApiKeys,
  listCorpora,
  openDatabase,
  revokeApiKey,
} from "@medley/storage";
import { CliError } from "../cli-error.ts";
import { note, writeLine, writeRecord } from "../output.ts";

export interface KeyOptions {
  readonly name: string;
  readonly role: AccessRole;
  /** Names of corpora; absent: all. */
  readonly corpus?: readonly string[];
  /** Absent: until it is revoked. */
  readonly days?: number;
  readonly json: boolean;
}

const DAY_MS = 86_400_000;

/** Prints the key on standard output, alone on its line; nobody can read it again. */
export async function createKey(settings: Settings, options: KeyOptions): Promise<void> {
  await using db = await open(settings);
  const corpusIds = options.corpus === undefined ? null : await idsOf(db, options.corpus);
  const expiresAt = options.days === undefined ? null : new Date(Date.now() + options.days * DAY_MS);
  const { secret, key } = await createApiKey(db, { name: options.name, role: options.role, corpusIds, expiresAt });
  if (options.json) {
    await writeRecord({ ...recordOf(key, options.corpus ?? null), key: secret });
    return;
  }
  note(`The key "${key.name}" has the id ${key.id}. It is shown this once; keep it now.`);
  note("A gateway that was open asks for keys from now on.");
  await writeLine(secret);
}

/** Newest first, with what each may do and whether it still counts. */
export async function listKeys(settings: Settings, { json }: { json: boolean }): Promise<void> {
  await using db = await open(settings);
  const names = new Map((await listCorpora(db)).map(({ id, name }) => [id, name]));
  for (const key of await listApiKeys(db)) {
    const corpora = key.corpusIds?.map((id) => names.get(id) ?? id) ?? null;
    if (json) await writeRecord(recordOf(key, corpora));
    else await writeLine(describeKey(key, corpora));
  }
}

export async function revokeKey(settings: Settings, keyId: string, { json }: { json: boolean }): Promise<void> {
  await using db = await open(settings);
  const key = await revokeApiKey(db, keyId);
  if (key === null)
    throw new CliError("KEY_NOT_FOUND", `There is no key with the id "${keyId}". See medley keys list.`);
  if (json) await writeRecord({ id: key.id, name: key.name, state: stateOf(key) });
  else await writeLine(`The key "${key.name}" (${key.prefix}...) is refused from now on.`);
}

function open({ home, databaseUrl }: Settings): Promise<Database> {
  return openDatabase({ home, databaseUrl, maxConnections: 1 });
}

async function idsOf(db: Database, names: readonly string[]): Promise<string[]> {
  const found = await findCorpora(db, names);
  return names.map((name) => {
    const corpus = found.find((each) => each.name === name);
    if (corpus !== undefined) return corpus.id;
    throw new CliError(
      "CORPUS_NOT_FOUND",
      `There is no corpus "${name}". Ingest into it first: a key names what exists.`,
    );
  });
}

function recordOf(key: ApiKey, corpora: readonly string[] | null) {
  const { id, name, prefix, role, createdAt, expiresAt, revokedAt, lastUsedAt } = key;
  return { id, name, prefix, role, corpora, state: stateOf(key), createdAt, expiresAt, revokedAt, lastUsedAt };
}

function stateOf({ revokedAt, expiresAt }: ApiKey): "valid" | "revoked" | "expired" {
  if (revokedAt !== null) return "revoked";
  return expiresAt !== null && expiresAt.getTime() <= Date.now() ? "expired" : "valid";
}

function describeKey(key: ApiKey, corpora: readonly string[] | null): string {
  const day = (date: Date | null) => date?.toISOString().slice(0, 10) ?? "never";
  const where = corpora === null ? "every corpus" : corpora.map((name) => `"${name}"`).join(", ");
  const times = `made ${day(key.createdAt)}, expires ${day(key.expiresAt)}, used ${day(key.lastUsedAt)}`;
  return `${key.id}  ${stateOf(key).padEnd(7)}  ${key.role.padEnd(8)}  ${key.prefix}...  "${key.name}" in ${where} (${times})`;
}

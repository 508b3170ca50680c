import { createHash, timingSafeEqual } from "node:crypto";
import { isLoopbackHost, type JwtSettings } from "@medley/config";
import { API_KEY_MARK, type ApiKey, countApiKeys, type Database, findApiKey, noteApiKeyUse } from "@medley/storage";
import { AccessError } from "./access-error.ts";
import { createTokenVerifier } from "./json-web-tokens.ts";
import { createPictureLinks, type PictureLinks } from "./picture-links.ts";
import { ANYONE, type Viewer } from "./viewer.ts";

export interface AccessSettings {
  /** Where the gateway listens. */
  readonly host: string;
  readonly adminKey?: string | undefined;
  readonly jwt?: JwtSettings | undefined;
  readonly linkSecret?: string | undefined;
}

export interface Access {
  /** Whether callers must show a key or a token. Once true, true until the gateway ends. */
  isClosed(): Promise<boolean>;
  /** Who asks, by the value of the header Authorization. Rejects with AccessError. */
  authenticate(authorization: string | undefined): Promise<Viewer>;
  readonly links: PictureLinks;
}

/** How long a first key may take to close a gateway that runs already. */
const CLOSES_WITHIN_MS = 2000;

/**
 * Access is open while the gateway listens on this machine alone and nobody ever made a key; the last key's end does not open it again.
 * Rejects with MISCONFIGURED where other machines could come in without any key.
 */
export async function openAccess(db: Database, settings: AccessSettings): Promise<Access> {
  const { host, adminKey, jwt } = settings;
  let closed = adminKey !== undefined || jwt !== undefined;
  if (!isLoopbackHost(host)) {
    if (!closed && (await countApiKeys(db)).usable === 0) throw unsafeAddress(host);
    closed = true;
  }
  let lookedAt = Number.NEGATIVE_INFINITY;
  const isClosed = async () => {
    if (closed || performance.now() - lookedAt < CLOSES_WITHIN_MS) return closed;
    const { made } = await countApiKeys(db);
    lookedAt = performance.now();
    closed ||= made > 0;
    return closed;
  };
  const verifyToken = jwt === undefined ? null : createTokenVerifier(db, jwt);
  return {
    isClosed,
    links: createPictureLinks(settings.linkSecret),
    async authenticate(authorization) {
      if (!(await isClosed())) return ANYONE;
      const credentials = bearerOf(authorization);
      if (adminKey !== undefined && isSame(credentials, adminKey)) return ADMIN_OF_THE_ENVIRONMENT;
      if (credentials.startsWith(API_KEY_MARK)) return viewerOfKey(db, credentials);
      if (verifyToken !== null) return verifyToken(credentials);
      throw new AccessError(
        "UNAUTHENTICATED",
        "The key is not known, expired or revoked. Ask an administrator for one.",
      );
    },
  };
}

const ADMIN_OF_THE_ENVIRONMENT: Viewer = {
  id: "key MEDLEY_ADMIN_KEY",
  name: "the key of MEDLEY_ADMIN_KEY",
  everywhere: "ADMIN",
  byCorpus: new Map(),
};

const NOTED_EVERY_MS = 60_000;

async function viewerOfKey(db: Database, secret: string): Promise<Viewer> {
  const key = await findApiKey(db, secret);
  if (key === null) {
    const message = "The key is not known, expired or revoked. List keys with: medley keys list";
    throw new AccessError("UNAUTHENTICATED", message);
  }
  const isRecent = key.lastUsedAt !== null && Date.now() - key.lastUsedAt.getTime() < NOTED_EVERY_MS;
  // Whether the time of use can be written decides nothing for the caller.
  if (!isRecent) noteApiKeyUse(db, key.id).catch(() => {});
  return viewerOf(key);
}

function viewerOf({ id, name, prefix, role, corpusIds }: ApiKey): Viewer {
  const viewer = { id: `key ${id}`, name: `key "${name}" (${prefix}...)` };
  if (corpusIds === null) return { ...viewer, everywhere: role, byCorpus: new Map() };
  return { ...viewer, everywhere: null, byCorpus: new Map(corpusIds.map((corpusId) => [corpusId, role])) };
}

function bearerOf(authorization: string | undefined): string {
  const found = /^Bearer +([\w.~+/=-]+) *$/i.exec(authorization ?? "");
  if (found?.[1] !== undefined) return found[1];
  const what = authorization === undefined ? "No key was shown" : "The header Authorization is not understood";
  throw new AccessError("UNAUTHENTICATED", `${what}. Send the header "Authorization: Bearer KEY".`);
}

function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function unsafeAddress(host: string): AccessError {
  const danger = `MEDLEY_HOST is "${host}", so other machines could read and change everything: there is no key yet.`;
  const ways =
    "Make one with `medley keys create --name NAME --role ADMIN`, or set MEDLEY_ADMIN_KEY or MEDLEY_JWT_ISSUER";
  return new AccessError("MISCONFIGURED", `${danger} ${ways}, or listen on 127.0.0.1. See docs/access.md.`);
}

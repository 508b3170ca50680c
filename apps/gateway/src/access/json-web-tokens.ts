import { readFileSync } from "node:fs";
import type { JwtSettings } from "@medley/config";
import { type AccessRole, type Database, findCorpora, ROLES } from "@medley/storage";
import { createLocalJWKSet, createRemoteJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose";
import { AccessError } from "./access-error.ts";
import type { Viewer } from "./viewer.ts";

/** Signatures with a private key only: with a shared secret, or none, whoever can check a token could also write one. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
/** How far the clocks of this machine and of the issuer may differ. */
const CLOCK_TOLERANCE_SECONDS = 30;

/** Turns a token into the viewer that it speaks for; rejects with UNAUTHENTICATED, or FORBIDDEN when it grants nothing here. */
export type VerifyToken = (token: string) => Promise<Viewer>;

export function createTokenVerifier(db: Database, settings: JwtSettings): VerifyToken {
  const keys = openKeys(settings.keys);
  return async (token) => {
    const payload = await verify(token, keys, settings);
    const role = roleOf(payload, settings.roleClaim);
    const subject = String(payload.sub);
    if (role === null) {
      const expected = `expected one of ${ROLES.join(", ")} in its claim "${settings.roleClaim}"`;
      throw new AccessError("FORBIDDEN", `The token of "${subject}" names no role of Medley, ${expected}.`);
    }
    const viewer = { id: `token ${subject}`, name: `the token of "${subject}"` };
    if (settings.corporaClaim === undefined) return { ...viewer, everywhere: role, byCorpus: new Map() };
    const names = textsOf(claimAt(payload, settings.corporaClaim));
    const corpora = await findCorpora(db, names);
    // Names only: an issuer that knows no ids of this database must not grant one by accident.
    const granted = corpora.filter(({ name }) => names.includes(name));
    return { ...viewer, everywhere: null, byCorpus: new Map(granted.map(({ id }) => [id, role])) };
  };
}

type Keys = ReturnType<typeof createRemoteJWKSet>;

/** From the network they are fetched when the first token comes, and again when one names a key that is not known. */
function openKeys(place: string): Keys {
  if (URL.canParse(place) && /^https?:/.test(place)) return createRemoteJWKSet(new URL(place));
  try {
    return createLocalJWKSet(JSON.parse(readFileSync(place, "utf8")) as JSONWebKeySet) as Keys;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `MEDLEY_JWT_KEYS is "${place}", expected a file with a JWKS document ({"keys": [...]}): ${reason}`;
    throw new AccessError("MISCONFIGURED", message, { cause });
  }
}

async function verify(token: string, keys: Keys, { issuer, audience }: JwtSettings): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      requiredClaims: ["exp", "sub"],
    });
    return payload;
  } catch (cause) {
    const reason = cause instanceof errors.JOSEError ? cause.message : "the issuer's keys cannot be read at the moment";
    throw new AccessError("UNAUTHENTICATED", `The token is not accepted: ${reason}.`, { cause });
  }
}

/** The greatest role that the claim names, in any case of letters. */
function roleOf(payload: JWTPayload, claim: string): AccessRole | null {
  const named = textsOf(claimAt(payload, claim)).map((text) => text.toUpperCase());
  return ROLES.findLast((role) => named.includes(role)) ?? null;
}

/** A claim of that very name first (issuers use URLs as names), then a path of members: `realm_access.roles`. */
function claimAt(payload: JWTPayload, claim: string): unknown {
  if (Object.hasOwn(payload, claim)) return payload[claim];
  let value: unknown = payload;
  for (const step of claim.split(".")) {
    const isObject = typeof value === "object" && value !== null && Object.hasOwn(value, step);
    value = isObject ? (value as Record<string, unknown>)[step] : undefined;
  }
  return value;
}

function textsOf(claim: unknown): string[] {
  if (typeof claim === "string") return [claim];
  return Array.isArray(claim) ? claim.filter((text) => typeof text === "string") : [];
}

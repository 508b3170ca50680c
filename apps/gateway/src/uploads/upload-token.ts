import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What the holder of a token may do: send the bytes of one upload until a time. */
export interface UploadGrant {
  readonly uploadId: string;
  readonly expiresAt: Date;
}

const KEY_BYTES = 32;

/** ID.SECONDS.SIGNATURE: the upload, when the token expires (Unix time), and the HMAC-SHA256 of both in base64url. */
export function signUpload(key: string, { uploadId, expiresAt }: UploadGrant): string {
  const claim = `${uploadId}.${Math.floor(expiresAt.getTime() / 1000)}`;
  return `${claim}.${signatureOf(key, claim)}`;
}

/** What a token of ours grants, also when it has expired; null for anything else. */
export function readUploadToken(key: string, token: string): UploadGrant | null {
  const [, claim, uploadId, seconds, signature] = /^(([0-9a-f-]{36})\.(\d{1,12}))\.([\w-]{43})$/.exec(token) ?? [];
  if (claim === undefined || uploadId === undefined || signature === undefined) return null;
  if (!timingSafeEqual(Buffer.from(signature), Buffer.from(signatureOf(key, claim)))) return null;
  return { uploadId, expiresAt: new Date(Number(seconds) * 1000) };
}

function signatureOf(key: string, claim: string): string {
  // The key may come to sign other things as well: what it signs says what it is for.
  return createHmac("sha256", key).update(`medley upload 1\n${claim}`).digest("base64url");
}

/** The key of this installation, readable by its owner only; made when there is none. Several gateways that start at once agree on one. */
export async function loadUploadKey(home: string): Promise<string> {
  const path = join(home, "upload.key");
  const known = await readKey(path);
  if (known !== null) return known;
  await mkdir(home, { recursive: true });
  const draft = join(home, `upload.key.${process.pid}.${randomBytes(4).toString("hex")}`);
  await writeFile(draft, randomBytes(KEY_BYTES).toString("base64url"), { mode: 0o600, flag: "wx", flush: true });
  try {
    // A link is made or not made, and never over another one: whoever comes second reads the first one's key.
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  const key = await readKey(path);
  if (key === null) throw new Error(`"${path}" was removed while it was being read. Start again.`);
  return key;
}

async function readKey(path: string): Promise<string | null> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (text === null) return null;
  if (text.trim().length < KEY_BYTES) {
    throw new Error(`"${path}" holds no key of at least ${KEY_BYTES} characters. Remove it, and a new one is made.`);
  }
  return text.trim();
}

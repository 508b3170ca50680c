import { createHash } from "node:crypto";

/** SHA-256 of the bytes in lower-case hexadecimal: the identity of a picture in a corpus. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

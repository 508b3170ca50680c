import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** A link is good for this long at least. */
const LEAST_LIFETIME_MS = 3_600_000;
/** Links made within one such span are the same, so that browsers find a picture in their cache. */
const SPAN_MS = 900_000;

/**
 * Links to pictures for browsers, whose <img> sends no key. While access is closed a link carries until when it is good, and a seal over
 * both: whoever was shown the link may look at this one picture and at nothing else, until then.
 */
export interface PictureLinks {
  /** Path of a picture, such as `/images/ID?until=1764100800&seal=...`. */
  seal(folder: PictureFolder, imageId: string): string;
  /** Whether the seal belongs to this picture and is still good. */
  isGood(imageId: string, until: unknown, seal: unknown): boolean;
}

/** What there is of a picture: its file, the small one, and maps that are laid over it. */
export type PictureFolder = "images" | "thumbnails" | "evidence";

export function createPictureLinks(secret: string | undefined, now: () => number = Date.now): PictureLinks {
  const key = secret === undefined ? randomBytes(32) : Buffer.from(secret);
  const sealOf = (imageId: string, until: number) =>
    createHmac("sha256", key).update(`picture ${imageId} until ${until}`).digest();
  return {
    seal(folder, imageId) {
      const until = (Math.ceil((now() + LEAST_LIFETIME_MS) / SPAN_MS) * SPAN_MS) / 1000;
      return `/${folder}/${imageId}?until=${until}&seal=${sealOf(imageId, until).toString("base64url")}`;
    },
    isGood(imageId, until, seal) {
      if (typeof until !== "string" || typeof seal !== "string" || !/^\d{1,12}$/.test(until)) return false;
      const expected = sealOf(imageId, Number(until));
      const given = Buffer.from(seal, "base64url");
      const isOurs = given.length === expected.length && timingSafeEqual(given, expected);
      return isOurs && Number(until) * 1000 > now();
    },
  };
}

/** Links of an open installation: the path alone, the same for ever. */
export function plainPictureLink(folder: PictureFolder, imageId: string): string {
  return `/${folder}/${imageId}`;
}

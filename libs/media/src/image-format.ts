import { MediaError } from "./media-error.ts";

// No libvips here: "@medley/media/image-format" is for processes that only look at what a file begins with.
export { MediaError };

/** Formats that are decoded. `heif` is the container of AVIF (decoded) and HEIC (refused by the bundled libheif). */
export type ImageFormat = "jpeg" | "png" | "webp" | "gif" | "tiff" | "heif";

/** Enough for every signature below; an SVG may start with a byte order mark, a declaration and a comment. */
export const SNIFFED_BYTES = 1024;

/**
 * Names the format by content; a file name or media type never decides. This list is what reaches libvips at all: a
 * document or drawing format (SVG, PDF) would be rendered, with the file's own idea of fonts and external entities.
 * @throws MediaError EMPTY_FILE, UNSUPPORTED_FORMAT (a known format that is refused), NOT_AN_IMAGE
 */
export function sniffFormat(bytes: Uint8Array): ImageFormat {
  if (bytes.length === 0) throw new MediaError("EMPTY_FILE", "The file has 0 bytes, expected a picture.");
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, SNIFFED_BYTES)).toString("latin1");
  const format = decodedFormat(head);
  if (format !== null) return format;
  const refused = refusedFormat(head);
  if (refused !== null) {
    throw new MediaError("UNSUPPORTED_FORMAT", `The file is ${refused}, expected JPEG, PNG, WebP, GIF, TIFF or AVIF.`);
  }
  const start = Buffer.from(head.slice(0, 8), "latin1").toString("hex");
  throw new MediaError(
    "NOT_AN_IMAGE",
    `The file (${bytes.length} bytes, first bytes ${start}) is no known picture, expected JPEG, PNG, WebP, GIF, TIFF or AVIF.`,
  );
}

function decodedFormat(head: string): ImageFormat | null {
  if (head.startsWith("\xff\xd8\xff")) return "jpeg";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (head.startsWith("RIFF") && head.slice(8, 12) === "WEBP") return "webp";
  if (head.startsWith("GIF87a") || head.startsWith("GIF89a")) return "gif";
  if (/^(II\*\0|MM\0\*|II\+\0|MM\0\+)/.test(head)) return "tiff";
  if (/^[\0-\xff]{4}ftyp(avif|avis|heic|heix|heim|heis|hevc|hevx|mif1|msf1)/.test(head)) return "heif";
  return null;
}

function refusedFormat(head: string): string | null {
  if (head.includes("%PDF-")) return "a PDF document";
  if (/<svg[\s>]|<!DOCTYPE svg/i.test(head)) return "an SVG drawing (drawings are not rendered)";
  if (/^\x1f\x8b/.test(head)) return "gzip-compressed (SVGZ?)";
  if (head.startsWith("BM") && head.slice(6, 10) === "\0\0\0\0") return "a BMP picture";
  if (head.startsWith("\0\0\x01\0")) return "an ICO icon";
  if (head.startsWith("8BPS")) return "a Photoshop file";
  if (head.startsWith("\0\0\0\x0cjP  ") || head.startsWith("\xff\x4f\xff\x51")) return "a JPEG 2000 picture";
  if (head.startsWith("\xff\x0a") || head.startsWith("\0\0\0\x0cJXL ")) return "a JPEG XL picture";
  if (/^P[1-7][\s#]/.test(head)) return "a Netpbm picture";
  if (/^(%!PS|\xc5\xd0\xd3\xc6)/.test(head)) return "a PostScript document";
  if (/^[\0-\xff]{4}ftyp/.test(head)) return "a video or another ISO media file";
  return null;
}

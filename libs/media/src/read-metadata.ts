import { DOMParser } from "@xmldom/xmldom";
import ExifReader from "exifreader";
import sharp from "sharp";
import { INPUT_OPTIONS } from "./libvips.ts";

/** What may be read from a picture's EXIF and XMP. Nothing else ever is. */
export const METADATA_KINDS = ["date", "camera", "position"] as const;
export type MetadataKind = (typeof METADATA_KINDS)[number];

/** What a picture's file says about itself; what it does not say is absent. */
export interface PictureMetadata {
  /** When it was taken: ISO 8601 in UTC. A camera that names no offset from UTC is taken at the word of its clock. */
  readonly takenAt?: string;
  /** Maker and model. */
  readonly camera?: string;
  /** Degrees north, -90 to 90; only together with `longitude`. */
  readonly latitude?: number;
  /** Degrees east, -180 to 180. */
  readonly longitude?: number;
}

/** Longer names of cameras are no names. */
const LONGEST_CAMERA = 200;

/**
 * Reads the wanted kinds from the EXIF, else from the XMP, of a picture that was found to be one.
 * @returns `isBroken` where some of it cannot be read; `metadata` is what can
 */
export async function readMetadata(
  bytes: Uint8Array,
  kinds: readonly MetadataKind[],
): Promise<{ readonly metadata: PictureMetadata; readonly isBroken: boolean }> {
  if (kinds.length === 0) return { metadata: {}, isBroken: false };
  const { exif, xmp } = await sharp(bytes, INPUT_OPTIONS).metadata();
  if (exif === undefined && xmp === undefined) return { metadata: {}, isBroken: false };
  let isBroken = exif !== undefined && !beginsAsTiff(exif);
  try {
    const tags = loadTags(bytes, () => {
      isBroken = true;
    });
    return {
      metadata: {
        ...(kinds.includes("date") && dateOf(tags)),
        ...(kinds.includes("camera") && cameraOf(tags)),
        ...(kinds.includes("position") && positionOf(tags)),
      },
      isBroken,
    };
  } catch {
    // Foreign bytes that are of no use: the picture is good all the same.
    return { metadata: {}, isBroken: true };
  }
}

/** An EXIF block is a TIFF without pixels; what begins otherwise is passed over by its readers without a word. */
function beginsAsTiff(exif: Buffer): boolean {
  const start = exif.subarray(0, 6).toString("latin1") === "Exif\0\0" ? 6 : 0;
  return ["II*\0", "MM\0*"].includes(exif.subarray(start, start + 4).toString("latin1"));
}

type Tags = Partial<ReturnType<typeof loadAll>>;

function loadAll(bytes: Uint8Array, onBrokenXml: () => void) {
  return ExifReader.load(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), {
    expanded: true,
    domParser: new DOMParser({
      onError: (level) => {
        if (level !== "warning") onBrokenXml();
      },
    }),
    includeTags: {
      exif: [...["DateTimeOriginal", "OffsetTimeOriginal", "Make", "Model"], ...GPS_TAGS],
      gps: true,
      xmp: ["DateTimeOriginal", "CreateDate", "DateCreated", "Make", "Model", "GPSLatitude", "GPSLongitude"],
    },
  });
}

const GPS_TAGS = ["GPS Info IFD Pointer", "GPSLatitude", "GPSLatitudeRef", "GPSLongitude", "GPSLongitudeRef"];

function loadTags(bytes: Uint8Array, onBrokenXml: () => void): Tags {
  try {
    return loadAll(bytes, onBrokenXml);
  } catch (error) {
    if (error instanceof Error && error.name === "MetadataMissingError") return {};
    throw error;
  }
}

const MOMENT = /^(\d{4})[:-](\d{2})[:-](\d{2})[T ](\d{2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?\s*(Z|[+-]\d{2}:\d{2})?$/;

function dateOf({ exif, xmp }: Tags): Pick<PictureMetadata, "takenAt"> {
  const original = textOf(exif?.["DateTimeOriginal"]);
  const offset = textOf(exif?.["OffsetTimeOriginal"]);
  const ofExif =
    original && offset && !/[Z+-]\d{0,2}:?\d{0,2}$/.test(original.slice(11)) ? original + offset : original;
  for (const text of [
    ofExif,
    original,
    ...["DateTimeOriginal", "DateCreated", "CreateDate"].map((name) => textOf(xmp?.[name])),
  ]) {
    const [, year, month, day, hour, minute, second = "00", zone = "Z"] = MOMENT.exec(text ?? "") ?? [];
    if (year === undefined) continue;
    const moment = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
    // A camera whose clock was never set writes zeros.
    if (!Number.isNaN(moment.getTime()) && year !== "0000") return { takenAt: moment.toISOString() };
  }
  return {};
}

function cameraOf({ exif, xmp }: Tags): Pick<PictureMetadata, "camera"> {
  const nameOf = (tag: string) => textOf(exif?.[tag as "Make"]) ?? textOf(xmp?.[tag]);
  const [make, model] = [nameOf("Make"), nameOf("Model")];
  const parts = make && model?.toLowerCase().startsWith(make.toLowerCase()) ? [model] : [make, model];
  const camera = parts.filter(Boolean).join(" ");
  return camera === "" || camera.length > LONGEST_CAMERA ? {} : { camera };
}

function positionOf({ exif, gps, xmp }: Tags): Pick<PictureMetadata, "latitude" | "longitude"> {
  const hasExif = exif?.["GPSLatitude"] !== undefined && exif["GPSLongitude"] !== undefined;
  const [latitude, longitude] = hasExif
    ? [gps?.Latitude, gps?.Longitude]
    : [degreesOf(textOf(xmp?.["GPSLatitude"])), degreesOf(textOf(xmp?.["GPSLongitude"]))];
  const isPlace = isWithin(latitude, 90) && isWithin(longitude, 180);
  return isPlace ? { latitude: rounded(latitude), longitude: rounded(longitude) } : {};
}

/** XMP writes "47,23.456N" or "47,23,27N". */
const XMP_DEGREES = /^(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?([NSEW])$/;

function degreesOf(text: string | undefined): number | undefined {
  const [, degrees, minutes, seconds = "0", direction = ""] = XMP_DEGREES.exec(text ?? "") ?? [];
  if (degrees === undefined) return undefined;
  const value = Number(degrees) + Number(minutes) / 60 + Number(seconds) / 3600;
  return direction === "S" || direction === "W" ? -value : value;
}

function isWithin(degrees: number | undefined, most: number): degrees is number {
  return degrees !== undefined && Number.isFinite(degrees) && Math.abs(degrees) <= most;
}

/** To 0.1 m; what lies beyond is noise of the division. */
function rounded(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6;
}

/** A tag's text without control characters and padding; undefined where it holds none. */
function textOf(tag: { readonly value?: unknown; readonly description?: unknown } | undefined): string | undefined {
  const value = Array.isArray(tag?.value) ? (tag.value as unknown[])[0] : tag?.value;
  const text = typeof value === "string" ? value : tag?.description;
  if (typeof text !== "string") return undefined;
  const plain = text.replace(/\p{Cc}/gu, " ").trim();
  return plain === "" ? undefined : plain;
}

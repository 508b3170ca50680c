import sharp, { type Sharp } from "sharp";

/** What the bundled model takes, and the thumbnail that the product makes. */
export const MODEL_PIXELS = 112;
export const THUMBNAIL_PIXELS = 320;
const WEBP = { quality: 80 } as const;

/** As a program does it that decodes a picture once, in full, and resizes that to what it needs. */
export async function prepareFromFullDecode(bytes: Uint8Array): Promise<void> {
  const { data, info } = await sharp(bytes).autoOrient().raw().toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  await toModelInput(sharp(data, { raw }));
  await toThumbnail(sharp(data, { raw }));
}

/** The model's input alone, in the same way. */
export async function modelInputFromFullDecode(bytes: Uint8Array): Promise<void> {
  const { data, info } = await sharp(bytes).autoOrient().raw().toBuffer({ resolveWithObject: true });
  await toModelInput(sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } }));
}

/** As sharp's documentation does it: two pipelines, each of which shrinks while it loads. */
export async function prepareWithSharp(bytes: Uint8Array): Promise<void> {
  await toModelInput(sharp(bytes).autoOrient());
  await toThumbnail(sharp(bytes).autoOrient());
}

async function toModelInput(picture: Sharp): Promise<void> {
  await picture.resize(MODEL_PIXELS, MODEL_PIXELS, { fit: "fill", kernel: "cubic" }).raw().toBuffer();
}

async function toThumbnail(picture: Sharp): Promise<void> {
  const size = { width: THUMBNAIL_PIXELS, height: THUMBNAIL_PIXELS, fit: "inside", withoutEnlargement: true } as const;
  await picture.resize(size).webp(WEBP).toBuffer();
}

import { makeThumbnail } from "@medley/media";
import type { BlobStore, VariantStore } from "@medley/storage/picture-stores";
import { type FileRecord, writeSealed } from "../sealed-output.ts";
import type { ExportReport } from "./collect-report.ts";
import { reportPage } from "./report-page.ts";

const SIDE_PIXELS = 320;
/** As the ingest worker names them. */
const THUMBNAIL_VARIANT = `${SIDE_PIXELS}.webp`;

interface PictureStores {
  readonly blobs: BlobStore;
  readonly thumbnails: VariantStore;
}

/** Writes report.json and report.html. */
export async function writeReport(
  stores: PictureStores,
  directory: string,
  report: ExportReport,
): Promise<FileRecord[]> {
  const addresses = new Map<string, string>();
  for (const sha256 of picturesOf(report)) {
    const bytes = await thumbnailOf(stores, sha256);
    if (bytes) addresses.set(sha256, `data:image/webp;base64,${Buffer.from(bytes).toString("base64")}`);
  }
  return [
    await writeSealed(directory, "report.json", `${JSON.stringify(report, null, 2)}\n`),
    await writeSealed(
      directory,
      "report.html",
      reportPage(report, (sha256) => addresses.get(sha256)),
    ),
  ];
}

function picturesOf({ nearThreshold, rejections, disagreements }: ExportReport): Set<string> {
  const examples = [
    ...nearThreshold,
    ...rejections.flatMap((each) => each.examples),
    ...disagreements.flatMap((each) => each.examples.map(({ kept }) => kept)),
  ];
  return new Set(examples.map(({ sha256 }) => sha256));
}

/** The stored one, or one made from the picture; undefined where that cannot be read: the page then shows its name. */
async function thumbnailOf({ blobs, thumbnails }: PictureStores, sha256: string): Promise<Uint8Array | undefined> {
  const stored = await thumbnails.read(sha256, THUMBNAIL_VARIANT);
  if (stored) return stored;
  try {
    return (await makeThumbnail(await blobs.read(sha256), { maxSidePixels: SIDE_PIXELS })).bytes;
  } catch {
    return undefined;
  }
}

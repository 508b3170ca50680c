import { describeImage, makeThumbnail, MediaError, perceptualHash } from "@medley/media";
import {
  type ClaimedStep,
  completeSteps,
  failStep,
  saveImageFacts,
  savePerceptualHashes,
  StorageError,
} from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";

/** Of the longer side; enough for a grid of pictures on a dense screen. */
export const THUMBNAIL_SIDE_PIXELS = 320;
export const THUMBNAIL_VARIANT = `${THUMBNAIL_SIDE_PIXELS}.webp`;

/** Facts and thumbnail of pictures that came another way than through this app, which prepares while it registers. */
export async function prepareImages(context: IngestContext, claimed: readonly ClaimedStep[]): Promise<StepResult[]> {
  return Promise.all(claimed.map((step) => prepareImage(context, step)));
}

/** What became of one claimed step; "later": it will be tried again. */
export interface StepResult {
  readonly imageId: string;
  readonly state: "done" | "later" | "failed";
  readonly error?: { readonly code: string; readonly message: string };
}

async function prepareImage(context: IngestContext, { imageId, sha256 }: ClaimedStep): Promise<StepResult> {
  try {
    const bytes = await context.blobs.read(sha256);
    const { format, width, height } = await describeImage(bytes, { maxPixels: context.maxPixels });
    const thumbnail = await makeThumbnail(bytes, {
      maxSidePixels: THUMBNAIL_SIDE_PIXELS,
      maxPixels: context.maxPixels,
    });
    await context.thumbnails.write(sha256, THUMBNAIL_VARIANT, thumbnail.bytes);
    const hash = await perceptualHash(thumbnail.bytes);
    await context.db.transaction(async (db) => {
      await saveImageFacts(db, [{ imageId, format, width, height, sizeBytes: bytes.length }]);
      await savePerceptualHashes(db, [{ imageId, perceptualHash: hash }]);
      await completeSteps(db, { step: "prepare", spaceId: null, imageIds: [imageId] });
    });
    return { imageId, state: "done" };
  } catch (error) {
    if (!(error instanceof MediaError) && !(error instanceof StorageError && !error.retryable)) throw error;
    const { code, message } = error;
    const state = await failStep(context.db, {
      step: "prepare",
      spaceId: null,
      imageId,
      code,
      message,
      retryable: false,
    });
    return { imageId, state: state === "failed" ? "failed" : "later", error: { code, message } };
  }
}

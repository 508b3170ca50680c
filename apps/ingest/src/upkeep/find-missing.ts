import { ownTextsOf } from "@medley/search";
import {
  captionedImages,
  type ImageToLookAt,
  type Step,
  type StepOfImage,
  STEPS_OF_SPACES,
  stepsOfImages,
  type StoredStep,
  textKeyOf,
  vectorsOfImages,
} from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { retryTransient } from "../retry.ts";
import { callModelOf } from "../spaces/with-model.ts";
import { THUMBNAIL_VARIANT } from "../steps/prepare.ts";
import type { StepPlan } from "../steps/run-steps.ts";
import type { Found } from "./look-at-images.ts";

export interface MissingTarget {
  /** Of the spaces that are looked at. */
  readonly plans: readonly StepPlan[];
  readonly activeSpaceId: string;
  /** Steps that belong to the corpus and are counted in the space that answers: captions and verdicts, where they are wanted. */
  readonly ofCorpus: readonly Step[];
  readonly onNote: (note: string) => void;
}

/** Files that are asked for at the same time. */
const FILES_AT_ONCE = 16;
/** A text without any of these holds no word for a model, and has no vector. */
const WORDED = /[\p{Letter}\p{Number}]/u;

/** Says what is missing of images: steps that were never planned, and done ones whose vectors, captions, thumbnail or image tokens are gone. */
export function createMissingFinder(
  context: IngestContext,
  target: MissingTarget,
): (images: readonly ImageToLookAt[]) => Promise<Found> {
  const { plans, activeSpaceId, ofCorpus } = target;
  const tokens = createTokenLook(context, target.onNote);
  return async (images) => {
    const imageIds = images.map(({ imageId }) => imageId);
    const steps = createStepTable(await retryTransient(() => stepsOfImages(context.db, imageIds), context.retry));
    const missing = new Map<string, StepOfImage>();
    const add = (lost: StepOfImage) => void missing.set(keyOf(lost), lost);
    const wanted: StepOfImage[] = imageIds.flatMap((imageId) => [
      { imageId, step: "prepare", spaceId: null },
      ...plans.flatMap(({ spaceId }) => STEPS_OF_SPACES.map((step) => ({ imageId, step, spaceId }))),
      ...ofCorpus.map((step) => ({ imageId, step, spaceId: activeSpaceId })),
    ]);
    const unplanned = wanted.filter((step) => !steps.isPlanned(step));
    unplanned.forEach(add);
    const prepared = images.filter(({ imageId }) => steps.isDone({ imageId, step: "prepare", spaceId: null }));
    for (const { imageId } of await withoutThumbnail(context, prepared))
      add({ imageId, step: "prepare", spaceId: null });
    if (ofCorpus.includes("caption")) {
      // What a captioner writes is judged behind it.
      const lost = (await withoutCaptions(context, imageIds)).filter((imageId) =>
        steps.isDone({ imageId, step: "caption", spaceId: activeSpaceId }),
      );
      for (const imageId of lost) for (const step of ofCorpus) add({ imageId, step, spaceId: activeSpaceId });
    }
    let tokensMissing = 0;
    for (const plan of plans) {
      for (const lost of await withoutVectors(context, plan.spaceId, imageIds)) if (steps.isDone(lost)) add(lost);
      const embedded = images.filter(({ imageId }) => steps.isDone({ imageId, step: "embed", spaceId: plan.spaceId }));
      const without = await tokens(plan, embedded);
      tokensMissing += without.length;
      for (const { imageId } of without) add({ imageId, step: "embed", spaceId: plan.spaceId });
    }
    const found = [...missing.values()];
    return {
      steps: found,
      plans: [...Map.groupBy(unplanned, ({ spaceId }) => spaceId ?? activeSpaceId)].map(([spaceId, rows]) => ({
        spaceId,
        steps: [...new Set(rows.map(({ step }) => step))],
        imageIds: [...new Set(rows.map(({ imageId }) => imageId))],
      })),
      counts: { ...countsOf(found), tokensMissing },
    };
  };
}

function createStepTable(rows: readonly StoredStep[]) {
  const states = new Map(rows.map((row) => [keyOf(row), row.state]));
  return {
    isPlanned: (step: StepOfImage) => states.has(keyOf(step)),
    isDone: (step: StepOfImage) => states.get(keyOf(step)) === "done",
  };
}

function keyOf({ imageId, step, spaceId }: StepOfImage): string {
  return `${imageId} ${step} ${spaceId}`;
}

function countsOf(found: readonly StepOfImage[]): Record<string, number> {
  const counts = (["prepare", "embed", "caption-embed", "caption", "filter"] as const).map((step) => [
    `${step}Missing`,
    found.filter((lost) => lost.step === step).length,
  ]);
  return Object.fromEntries(counts);
}

/** Steps whose vectors are not all there. */
async function withoutVectors(
  { db, retry }: IngestContext,
  spaceId: string,
  imageIds: readonly string[],
): Promise<StepOfImage[]> {
  const texts = await retryTransient(() => ownTextsOf(db, imageIds), retry);
  const vectors = await retryTransient(() => vectorsOfImages(db, { spaceId, imageIds }), retry);
  const bare = imageIds.filter((imageId) => !vectors.images.has(imageId));
  const unread = texts.filter(
    (text) => WORDED.test(text.text) && !vectors.texts.get(text.imageId)?.has(textKeyOf(text)),
  );
  return [
    ...bare.map((imageId) => ({ imageId, step: "embed" as const, spaceId })),
    ...unread.map(({ imageId }) => ({ imageId, step: "caption-embed" as const, spaceId })),
  ];
}

/** Images that no captioner has written about. A model that has nothing to say leaves none either, and is asked again. */
async function withoutCaptions({ db, retry }: IngestContext, imageIds: readonly string[]): Promise<string[]> {
  const captioned = await retryTransient(() => captionedImages(db, imageIds), retry);
  return imageIds.filter((imageId) => !captioned.has(imageId));
}

async function withoutThumbnail(
  { thumbnails, retry }: IngestContext,
  images: readonly ImageToLookAt[],
): Promise<ImageToLookAt[]> {
  return await without(images, async ({ sha256 }) => {
    const file = await retryTransient(() => thumbnails.find(sha256, THUMBNAIL_VARIANT), retry);
    return file !== undefined && file.sizeBytes > 0;
  });
}

async function without(
  images: readonly ImageToLookAt[],
  isThere: (image: ImageToLookAt) => Promise<boolean>,
): Promise<ImageToLookAt[]> {
  const missing: ImageToLookAt[] = [];
  for (let start = 0; start < images.length; start += FILES_AT_ONCE) {
    const some = images.slice(start, start + FILES_AT_ONCE);
    const there = await Promise.all(some.map(isThere));
    missing.push(...some.filter((_, index) => !there[index]));
  }
  return missing;
}

/**
 * Looks for image tokens, each read completely, as long as the engine keeps them where this process sees them. That is found out with the first picture
 * that has none: its tokens must be there after the engine was asked for them.
 */
function createTokenLook({ tokens, ...context }: IngestContext, onNote: (note: string) => void) {
  let place: "unknown" | "here" | "elsewhere" = tokens === undefined ? "elsewhere" : "unknown";
  async function findPlace(plan: StepPlan, images: readonly ImageToLookAt[]): Promise<void> {
    for (const { sha256 } of images) {
      const [outcome] = await callModelOf(context, plan, (model) => context.inference.embedImages([{ sha256 }], model));
      if (!outcome?.ok) continue;
      place = (await tokens?.has(plan.retrieval.visionFingerprint, sha256)) ? "here" : "elsewhere";
      if (place === "elsewhere")
        onNote("Image tokens lie with the inference server and not here: nobody looks for those that are missing.");
      return;
    }
  }
  return async (plan: StepPlan, images: readonly ImageToLookAt[]): Promise<ImageToLookAt[]> => {
    if (tokens === undefined || place === "elsewhere") return [];
    const { visionFingerprint } = plan.retrieval;
    const missing = await without(
      images,
      async ({ sha256 }) => (await tokens.read(visionFingerprint, sha256)) !== undefined,
    );
    if (place === "unknown") await findPlace(plan, missing);
    return place === "here" ? missing : [];
  };
}

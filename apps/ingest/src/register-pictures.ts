import {
  describeImage,
  makeThumbnail,
  MediaError,
  type MetadataKind,
  type ModelInputTarget,
  modelInputVariant,
  preparePicture,
  perceptualHash,
  readMetadata,
  sha256Hex,
} from "@medley/media";
import {
  type Attributes,
  completeSteps,
  finishUpload,
  type ImageFacts,
  lockBlobs,
  lockNearDuplicates,
  markNearDuplicates,
  pausedSince,
  planSteps,
  type Queryable,
  raisePriority,
  recordRejectedFile,
  registerImage,
  rejectUpload,
  saveImageFacts,
  savePerceptualHashes,
  type Step,
  StorageError,
  suspectBlobs,
} from "@medley/storage";
import { fitAttributes } from "./fit-attributes.ts";
import type { IngestContext } from "./ingest-context.ts";
import { IngestError } from "./ingest-error.ts";
import { mapInOrder } from "./map-in-order.ts";
import { retryTransient } from "./retry.ts";
import type { Finding, FoundFile } from "./scan/finding.ts";
import { readPicture } from "./scan/read-picture.ts";
import { traceBatch } from "./trace-work.ts";
import { THUMBNAIL_SIDE_PIXELS, THUMBNAIL_VARIANT } from "./steps/prepare.ts";

export interface Target {
  readonly corpusId: string;
  /** Null while only "prepare" is planned. */
  readonly spaceId: string | null;
  readonly steps: readonly Step[];
  /** What the model of the space takes: made with the thumbnail where that spares a decode. Absent: the engine makes it. */
  readonly modelInput?: ModelInputTarget;
  /** What is read from the EXIF and XMP of pictures; nothing when absent. */
  readonly readMetadata?: readonly MetadataKind[];
  /** Of the steps of new pictures, and the least one of known pictures' open steps. */
  readonly priority?: number;
  /** False: what is found is saved although the corpus was paused meanwhile, for it is claimed for a short time only; true when absent. */
  readonly waitsWhilePaused?: boolean;
}

/** What became of one thing that the scan found. */
export type Registration =
  | {
      readonly kind: "registered";
      readonly path: string;
      readonly imageId: string;
      readonly sha256: string;
      readonly created: boolean;
      /** Its metadata was asked for and cannot be read. */
      readonly metadataIsBroken: boolean;
    }
  | { readonly kind: "rejected"; readonly path: string; readonly code: string; readonly message: string };

/** Pictures read and checked at once; sharp decodes in libuv's threads, of which there are four. */
const CONCURRENT_READS = 4;
/** One transaction for so many pictures: on the embedded database each commit costs a round trip and holds up the others. */
const PICTURES_PER_TRANSACTION = 16;

/**
 * Brings what the scan finds into the corpus, in its order: bytes into the blob store first, then one transaction for row,
 * facts and planned steps. A picture counts only when all of its bytes decode; anything else becomes a rejected file. Killed
 * anywhere and run again, it ends in the same rows. While the corpus is paused nothing more is read or saved, unless the target says otherwise.
 */
export async function* registerPictures(
  context: IngestContext,
  target: Target,
  findings: AsyncIterable<Finding>,
): AsyncGenerator<Registration> {
  const wait = async () => {
    if (target.waitsWhilePaused !== false) await waitWhilePaused(context, target.corpusId);
  };
  const unsaved = new Set<string>();
  const check = async (finding: Finding) => {
    const checked = await checkFinding(context, target, finding);
    if (checked.kind === "good") unsaved.add(checked.sha256);
    return checked;
  };
  const save = async (checked: readonly CheckedFinding[]) => {
    const registrations = await saveFindings(context, target, checked);
    for (const each of checked) if (each.kind === "good") unsaved.delete(each.sha256);
    return registrations;
  };
  try {
    let waiting: CheckedFinding[] = [];
    for await (const checked of mapInOrder(findings, CONCURRENT_READS, check)) {
      waiting.push(checked);
      if (waiting.length < PICTURES_PER_TRANSACTION) continue;
      await wait();
      if (context.signal.aborted) return;
      yield* await save(waiting);
      waiting = [];
    }
    await wait();
    if (waiting.length > 0 && !context.signal.aborted) yield* await save(waiting);
  } finally {
    // Nobody may come again for them: their corpus was perhaps deleted. Where the database is away, the run that comes again finds them stored.
    if (unsaved.size > 0) await suspectBlobs(context.db, [...unsaved]).catch(() => {});
  }
}

const PAUSE_POLL_MS = 1_000;

async function waitWhilePaused({ db, retry, signal }: IngestContext, corpusId: string): Promise<void> {
  while (!signal.aborted && (await retryTransient(() => pausedSince(db, corpusId), retry)) !== null) {
    await retry.sleep(PAUSE_POLL_MS, signal);
  }
}

/** A picture whose bytes are stored and whose rows are not. */
export interface GoodFinding {
  readonly kind: "good";
  readonly finding: FoundFile;
  readonly sha256: string;
  readonly facts: PictureFacts;
  readonly perceptualHash: string | null;
  /** What the file says about itself, as far as it was asked. */
  readonly metadata: Attributes;
  readonly metadataIsBroken: boolean;
}

export type CheckedFinding =
  | GoodFinding
  | {
      readonly kind: "bad";
      readonly path: string;
      readonly file: string;
      readonly uploadId?: string;
      readonly code: string;
      readonly message: string;
    };

type PictureFacts = Omit<ImageFacts, "imageId">;

async function checkFinding(context: IngestContext, target: Target, finding: Finding): Promise<CheckedFinding> {
  const { path, file } = finding;
  if (finding.kind === "rejected") {
    return { kind: "bad", path, file, code: finding.error.code, message: finding.error.message };
  }
  try {
    // A bucket that is away for a while is waited for, as a database is.
    const bytes = await retryTransient(() => readFinding(context, finding), context.retry);
    const stored = await retryTransient(() => storePicture(context, target, bytes), context.retry);
    const { metadata, isBroken } = await readMetadata(bytes, target.readMetadata ?? []);
    return { kind: "good", finding, ...stored, metadata: { ...metadata }, metadataIsBroken: isBroken };
  } catch (error) {
    if (!(error instanceof MediaError) && !(error instanceof IngestError)) throw error;
    const { code, message } = error;
    return { kind: "bad", path, file, ...(finding.upload && { uploadId: finding.upload.uploadId }), code, message };
  }
}

async function readFinding(context: IngestContext, { file, bytes, upload }: FoundFile): Promise<Uint8Array> {
  if (bytes) return bytes;
  if (!upload) return readPicture(file, { maxBytes: context.maxBytes });
  return await context.blobs.read(upload.sha256).catch((error: unknown) => {
    if (!(error instanceof StorageError) || error.code !== "NOT_FOUND") throw error;
    const message = `The bytes of upload "${upload.uploadId}" are gone from the blob store. Send them again.`;
    throw new IngestError("FILE_NOT_FOUND", message, { cause: error });
  });
}

/** Nothing is stored of a picture that does not decode. Throws MediaError. */
async function storePicture(context: IngestContext, { modelInput }: Target, bytes: Uint8Array) {
  const { maxPixels } = context;
  const { format, width, height } = await describeImage(bytes, { maxPixels });
  const sha256 = sha256Hex(bytes);
  const hash = await hashOfThumbnail(context, modelInput, sha256, bytes);
  await context.blobs.put(bytes);
  return { sha256, facts: { format, width, height, sizeBytes: bytes.length }, perceptualHash: hash };
}

/** The perceptual hash of the stored thumbnail, which is made where it is not there. */
async function hashOfThumbnail(
  context: IngestContext,
  modelInput: ModelInputTarget | undefined,
  sha256: string,
  bytes: Uint8Array,
): Promise<string | null> {
  const stored = await context.thumbnails.read(sha256, THUMBNAIL_VARIANT);
  // One that a loss of power cut off is made again.
  const known = stored && (await perceptualHash(stored).catch(() => undefined));
  if (known !== undefined) return known;
  return perceptualHash(await derive(context, modelInput, sha256, bytes));
}

/** Makes and stores the thumbnail; it is made from every pixel, so it also proves that the file is whole (and in less memory than decoding to RGB). */
async function derive(
  { thumbnails, maxPixels }: IngestContext,
  modelInput: ModelInputTarget | undefined,
  sha256: string,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  const options = { maxSidePixels: THUMBNAIL_SIDE_PIXELS, maxPixels };
  const prepared =
    modelInput === undefined
      ? { thumbnail: await makeThumbnail(bytes, options), modelInput: null }
      : await preparePicture(bytes, { ...options, modelInput });
  await thumbnails.write(sha256, THUMBNAIL_VARIANT, prepared.thumbnail.bytes);
  // For the step "embed", which removes it.
  if (modelInput && prepared.modelInput) {
    await thumbnails.write(sha256, modelInputVariant(modelInput), prepared.modelInput);
  }
  return prepared.thumbnail.bytes;
}

function saveFindings(
  context: IngestContext,
  target: Target,
  checked: readonly CheckedFinding[],
): Promise<Registration[]> {
  const batch = { step: "register", corpusId: target.corpusId, images: checked.length };
  return traceBatch(context, batch, async (span) => {
    const registrations = await saveTogether(context, target, checked);
    const created = registrations.filter((each) => each.kind === "registered" && each.created).length;
    const rejected = registrations.filter(({ kind }) => kind === "rejected").length;
    const known = registrations.length - created - rejected;
    span.set({ "medley.batch.created": created, "medley.batch.known": known, "medley.batch.rejected": rejected });
    return registrations;
  });
}

function saveTogether(
  context: IngestContext,
  target: Target,
  checked: readonly CheckedFinding[],
): Promise<Registration[]> {
  return retryTransient(async () => {
    await storeAgain(context, target, checked);
    return context.db.transaction(async (db) => {
      await lockBlobs(
        db,
        checked.flatMap((entry) => (entry.kind === "good" ? [entry.sha256] : [])),
      );
      const registrations: Registration[] = [];
      const facts: ImageFacts[] = [];
      const hashes: { imageId: string; perceptualHash: string | null }[] = [];
      for (const entry of await fitAttributes(db, target.corpusId, checked)) {
        const registration = await saveFinding(context, db, target.corpusId, entry);
        registrations.push(registration);
        if (registration.kind === "registered" && entry.kind === "good") {
          const { imageId } = registration;
          facts.push({ imageId, ...entry.facts });
          hashes.push({ imageId, perceptualHash: entry.perceptualHash });
        }
      }
      const imageIds = facts.map(({ imageId }) => imageId);
      if (imageIds.length > 0) {
        await saveImageFacts(db, facts);
        await saveHashes(db, target, registrations, hashes);
        await planSteps(db, { ...target, imageIds });
        await completeSteps(db, { step: "prepare", spaceId: null, imageIds });
        if (target.priority !== undefined) await raisePriority(db, { imageIds, priority: target.priority });
      }
      return registrations;
    });
  }, context.retry);
}

/** A picture of before there were hashes may be embedded already, so that no step comes to it again: it is marked here. */
async function saveHashes(
  db: Queryable,
  { corpusId, spaceId }: Target,
  registrations: readonly Registration[],
  hashes: readonly { imageId: string; perceptualHash: string | null }[],
): Promise<void> {
  const hashed = new Set(await savePerceptualHashes(db, hashes));
  const known = registrations.flatMap((each) =>
    each.kind === "registered" && !each.created && hashed.has(each.imageId) ? [each.imageId] : [],
  );
  if (known.length === 0 || spaceId === null) return;
  await lockNearDuplicates(db, corpusId);
  await markNearDuplicates(db, { spaceId, imageIds: known });
}

/** Somebody may have deleted another image of the same bytes since these were stored, and the file with it. */
async function storeAgain(context: IngestContext, target: Target, checked: readonly CheckedFinding[]): Promise<void> {
  for (const entry of checked) {
    if (entry.kind === "bad" || (await context.blobs.has(entry.sha256))) continue;
    await storePicture(context, target, await readFinding(context, entry.finding));
  }
}

async function saveFinding(
  { blobs }: IngestContext,
  db: Queryable,
  corpusId: string,
  checked: CheckedFinding,
): Promise<Registration> {
  if (checked.kind === "bad") {
    const { path, file, uploadId, code, message } = checked;
    if (uploadId !== undefined) await rejectUpload(db, { uploadId, code, message });
    else await recordRejectedFile(db, { corpusId, origin: file, code, message });
    return { kind: "rejected", path, code, message };
  }
  const { path, file, attributes, webText, upload } = checked.finding;
  const { sha256, metadata, metadataIsBroken } = checked;
  if (!(await blobs.has(sha256))) {
    const message = `The bytes of "${path}" were removed while it was registered.`;
    throw new StorageError("CONFLICT", message, { retryable: true });
  }
  const image = { corpusId, sha256, origin: file, attributes, metadata, webText };
  const { imageId, created } = await registerImage(db, image);
  if (upload) await finishUpload(db, { uploadId: upload.uploadId, imageId });
  return { kind: "registered", path, imageId, sha256, created, metadataIsBroken };
}

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CallOptions, Inference } from "@medley/inference-api";
import { createFakeInference, FAKE_FINGERPRINT } from "@medley/inference-api/testing";
import {
  activateSpace,
  addCaption,
  type Corpus,
  type Database,
  ensureCorpus,
  ensureSpace,
  openDatabase,
  registerImage,
  type Space,
  saveEmbeddings,
  saveImageFacts,
} from "@medley/storage";
import { openBlobStore, openVariantStore } from "@medley/storage/blobs";
import type { BlobStore, VariantStore } from "@medley/storage/picture-stores";
import { spaceOf } from "../models.ts";

/** A real database, content store and corpus over the deterministic engine of the inference port. For tests only. */
export interface SampleLibrary extends AsyncDisposable {
  readonly home: string;
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly thumbnails: VariantStore;
  readonly inference: Inference;
  readonly corpus: Corpus;
  readonly space: Space;
  /** In the order in which they were added. */
  readonly imageIds: readonly string[];
  /** One more corpus in the same space, with pictures of these numbers; `pictures` of the first corpus have 0 and up. */
  addCorpus(name: string, numbers: readonly number[]): Promise<Corpus>;
  /** Makes the next calls of a method fail or wait; null lets it work again. */
  interrupt(method: string, act: ((options: CallOptions) => Promise<void> | void) | null): void;
}

const DATABASE_IDLE_MS = 1000;

/** Uses the server at TEST_DATABASE_URL when it is set, otherwise an embedded database in a folder of its own. */
export async function openSampleLibrary({ pictures = 12 } = {}): Promise<SampleLibrary> {
  const home = await mkdtemp(join(tmpdir(), "medley-sample-"));
  const db = await openDatabase({
    home,
    databaseUrl: process.env["TEST_DATABASE_URL"],
    idleExitMs: DATABASE_IDLE_MS,
  });
  const blobs = openBlobStore({ directory: join(home, "blobs") });
  const interruptions = new Map<string, (options: CallOptions) => Promise<void> | void>();
  const fake = createFakeInference({
    readBlob: blobs.read,
    before: (method, options) => interruptions.get(method)?.(options),
  });
  const inference: Inference = { ...fake, models: () => modelsOf(fake, interruptions) };
  const corpus = await ensureCorpus(db, { name: `sample-${process.pid}-${Date.now()}` });
  const [retrieval] = await inference.models();
  if (retrieval === undefined) throw new Error("Bug: the fake engine serves no model");
  const space = await ensureSpace(db, spaceOf(retrieval));
  const imageIds: string[] = [];
  for (let number = 0; number < pictures; number += 1) {
    imageIds.push(await addPicture({ db, blobs, inference, corpus, space }, number));
  }
  await activateSpace(db, corpus.id, space.id);
  return {
    home,
    db,
    blobs,
    thumbnails: openVariantStore({ directory: join(home, "thumbnails") }),
    inference,
    corpus,
    space,
    imageIds,
    async addCorpus(name, numbers) {
      const other = await ensureCorpus(db, { name: `${corpus.name}-${name}` });
      for (const number of numbers) await addPicture({ db, blobs, inference, corpus: other, space }, number);
      await activateSpace(db, other.id, space.id);
      return other;
    },
    interrupt(method, act) {
      if (act === null) interruptions.delete(method);
      else interruptions.set(method, act);
    },
    async [Symbol.asyncDispose]() {
      await db[Symbol.asyncDispose]();
      await rm(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
    },
  };
}

/** The fake engine serves retrieval; the same model in the other roles lets captions and questions be tried as well. */
async function modelsOf(fake: Inference, interruptions: Map<string, (options: CallOptions) => Promise<void> | void>) {
  await interruptions.get("models")?.({});
  const served = await fake.models();
  const roles = ["retrieval", "captioner", "answerer"];
  // Without a filter: what stands in for one is a case of its own.
  return served.filter(({ role, fingerprint }) => fingerprint !== FAKE_FINGERPRINT || roles.includes(role));
}

type PictureTarget = Pick<SampleLibrary, "db" | "blobs" | "inference" | "corpus" | "space">;

/** The fake engine takes anything with a PNG's first bytes for a picture. */
async function addPicture({ db, blobs, inference, corpus, space }: PictureTarget, number: number): Promise<string> {
  const bytes = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.from(`picture ${number}`)]);
  const sha256 = await blobs.put(bytes);
  const origin = `/pictures/${number}.png`;
  const { imageId } = await registerImage(db, { corpusId: corpus.id, sha256, origin, attributes: { number } });
  await saveImageFacts(db, [{ imageId, format: "png", width: 640, height: 480, sizeBytes: bytes.length }]);
  await addCaption(db, { imageId, text: `the picture with number ${number}`, source: "WEB" });
  const [outcome] = await inference.embedImages([{ sha256 }]);
  if (!outcome?.ok) throw new Error(`Bug: the fake engine refused picture ${number}`);
  await saveEmbeddings(db, { spaceId: space.id, rows: [{ imageId, corpusId: corpus.id, embedding: outcome.value }] });
  return imageId;
}

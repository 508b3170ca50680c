import { openSampleLibrary, type SampleLibrary } from "@medley/search/testing";
import {
  type AccessRole,
  addCaption,
  activateSpace,
  captionsOf,
  type Corpus,
  createApiKey,
  createOperation,
  createUpload,
  ensureCorpus,
  registerImage,
  saveEmbeddings,
  saveImageFacts,
  startCaptionRun,
} from "@medley/storage";

/** A corpus with its first picture and that picture's caption, a run of a captioner, an upload that waits for bytes, and work that goes on. */
export interface NamedThings {
  readonly corpus: Corpus;
  readonly imageId: string;
  readonly captionId: string;
  readonly runId: string;
  readonly uploadId: string;
  readonly operationId: string;
}

export interface TwoCorpora extends AsyncDisposable {
  readonly library: SampleLibrary;
  readonly mine: NamedThings;
  readonly foreign: NamedThings;
  /** Another picture of a corpus, such as one to be deleted. */
  addImage(corpus: Corpus): Promise<string>;
  /** The header of a new key. Without corpora it holds everywhere. */
  bearer(role: AccessRole, corpora?: readonly Corpus[]): Promise<{ authorization: string }>;
}

/** A library with two corpora, for tests of who may see which. */
export async function openTwoCorpora(): Promise<TwoCorpora> {
  const library = await openSampleLibrary({ pictures: 3 });
  const { db, blobs, inference, space } = library;
  const other = await ensureCorpus(db, { name: `${library.corpus.name}-foreign` });
  const bytes = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.from("foreign picture")]);
  const sha256 = await blobs.put(bytes);
  const { imageId } = await registerImage(db, { corpusId: other.id, sha256, origin: "/f.png", attributes: {} });
  await saveImageFacts(db, [{ imageId, format: "png", width: 8, height: 8, sizeBytes: bytes.length }]);
  const caption = await addCaption(db, { imageId, text: "a foreign picture", source: "WEB" });
  const [outcome] = await inference.embedImages([{ sha256 }]);
  if (!outcome?.ok) throw new Error("Bug: the fake engine refused a picture");
  await saveEmbeddings(db, { spaceId: space.id, rows: [{ imageId, corpusId: other.id, embedding: outcome.value }] });
  await activateSpace(db, other.id, space.id);
  const firstId = library.imageIds[0] ?? "";
  const captionId = (await captionsOf(db, [firstId])).get(firstId)?.[0]?.id ?? "";
  const workOn = async (corpus: Corpus) => {
    const decoding = { captionerFingerprint: "c", captionerName: "c", prompt: null, decoding: {}, captionsPerImage: 1 };
    const run = await db.transaction((tx) => startCaptionRun(tx, { corpusId: corpus.id, ...decoding }));
    const file = {
      name: null,
      text: null,
      attributes: {},
      sizeBytes: null,
      expiresAt: new Date(Date.now() + 3_600_000),
    };
    const upload = await createUpload(db, { corpusId: corpus.id, ...file });
    const operation = await createOperation(db, { kind: "INGEST", corpusId: corpus.id, state: "RUNNING" });
    return { runId: run.id, uploadId: upload.id, operationId: operation.id };
  };
  let added = 0;
  return {
    library,
    mine: { corpus: library.corpus, imageId: firstId, captionId, ...(await workOn(library.corpus)) },
    foreign: { corpus: other, imageId, captionId: caption.id, ...(await workOn(other)) },
    async addImage({ id: corpusId }) {
      const sha256 = await blobs.put(Buffer.from(`another picture ${(added += 1)}`));
      return (await registerImage(db, { corpusId, sha256, origin: "/more.png", attributes: {} })).imageId;
    },
    async bearer(role, corpora) {
      const corpusIds = corpora?.map(({ id }) => id) ?? null;
      const { secret } = await createApiKey(db, { name: `a ${role}`, role, corpusIds });
      return { authorization: `Bearer ${secret}` };
    },
    [Symbol.asyncDispose]: () => library[Symbol.asyncDispose](),
  };
}

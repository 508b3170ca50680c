import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  activateFilterPolicy,
  addCaption,
  type CaptionSource,
  type Database,
  decideCaptions,
  ensureCorpus,
  ensureFilterPolicy,
  registerImage,
  replaceCaption,
  reviewCaption,
  revertCaptionRun,
  saveCaptionScores,
  saveImageFacts,
  startCaptionRun,
} from "@medley/storage";
import { openBlobStore, openVariantStore } from "@medley/storage/blobs";
import type { BlobStore, VariantStore } from "@medley/storage/picture-stores";
import { openTestDatabase } from "@medley/storage/testing";

const PICTURES = resolve(import.meta.dirname, "../../../../assets/demo/images/fluent-3d");

/** A database (of the server of TEST_DATABASE_URL, or embedded), blobs and thumbnails of their own, as MEDLEY_HOME has them. */
export interface Installation extends AsyncDisposable {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly thumbnails: VariantStore;
  readonly home: string;
  /** For processes that open it themselves; empty for the embedded database. */
  readonly databaseUrl: string;
}

export async function openInstallation(): Promise<Installation> {
  const database = await openTestDatabase();
  const { db, home, databaseUrl = "" } = database;
  return {
    db,
    home,
    databaseUrl,
    blobs: openBlobStore({ directory: join(home, "blobs") }),
    thumbnails: openVariantStore({ directory: join(home, "thumbnails") }),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

/** Texts that break what is written without care. */
export const HOSTILE_TEXTS = {
  script: `<script>alert("1")</script> & "quotes" 'and' more`,
  zero: "a cat\0 on a mat",
  long: Array.from({ length: 12_000 }, (_, index) => `word${index}`).join(" "),
  emoji: "👩‍👩‍👧‍👦 🇬🇷 ﷽ مرحبا \u2028 line \u2029 separators \r\n and feeds\n",
  surrogate: `half a pair \ud83d and its other half \ude00`,
} as const;

type Score = readonly [match: number, noMatch: number];

/** A corpus of pictures with texts of all sources, scores, two policies, a reverted run, reviews and hostile texts. */
export async function judgedCorpus({ db, blobs }: Installation, name: string) {
  const { id: corpusId } = await ensureCorpus(db, { name });
  const addPicture = async (file: string, attributes: Record<string, unknown>, webText?: string) => {
    const bytes = readFileSync(join(PICTURES, `${file}.webp`));
    const sha256 = await blobs.put(bytes);
    const origin = `/pictures/${file}.webp`;
    const { imageId } = await registerImage(db, { corpusId, sha256, origin, attributes, webText });
    await saveImageFacts(db, [{ imageId, format: "webp", width: 256, height: 256, sizeBytes: bytes.length }]);
    return imageId;
  };
  const free = { licence: "CC0-1.0", source: "https://example.org/p" };
  const apple = await addPicture("red-apple", {
    ...free,
    shade: 1.5,
    questions: [{ question: "What?", answers: ["apple"] }],
  });
  const snail = await addPicture("snail", { license: "MIT" });
  const socks = await addPicture("socks", {});
  const lonely = await addPicture("abacus", { ...free, "<b>": "<i>\0" });
  const run = await startRun(db, corpusId, "nucleus");
  const add = async (imageId: string, text: string, source: CaptionSource, logits?: Score, runId?: string) => {
    const written =
      source === "SYNTHETIC"
        ? { modelFingerprint: "captioner", decoding: { method: "nucleus" }, seed: 7, logProbability: -1.25e-7 }
        : {};
    const { id } = await addCaption(db, { imageId, text, source, language: "en", ...written, ...(runId && { runId }) });
    if (logits)
      await saveCaptionScores(db, [
        {
          captionId: id,
          filterFingerprint: "filter",
          itcCosine: 0.1 + 0.2,
          itmLogit: logits[0],
          itmNoMatchLogit: logits[1],
        },
      ]);
    return id;
  };
  const kept = await add(apple, "a red apple", "WEB", [1.1, 1]);
  await add(apple, "a red apple", "SYNTHETIC", [3, -3], run);
  await add(apple, "a grey elephant", "SYNTHETIC", [-3, 3], run);
  await add(snail, "snails everywhere", "WEB", [-1, 1]);
  await add(snail, "a snail with a yellow shell", "SYNTHETIC", [4, -1], run);
  const human = await add(socks, "socks that a person described", "HUMAN");
  await replaceCaption(db, {
    captionId: await add(socks, "sox", "WEB", [2, 0]),
    text: "a pair of socks",
    author: "ann",
  });
  for (const text of Object.values(HOSTILE_TEXTS)) await add(socks, text, "IMPORTED", [5, -5]);
  const reverted = await startRun(db, corpusId, "beam");
  await add(lonely, "an abacus of a bad run", "SYNTHETIC", [5, -5], reverted);
  await revertCaptionRun(db, reverted);
  await add(lonely, "dog dog dog dog", "WEB", [5, -5]);
  await decide(db, corpusId, 0.9);
  await decide(db, corpusId, 0.5);
  await reviewCaption(db, { captionId: kept, verdict: "REJECTED", reviewer: "<ann>", note: "no" });
  await reviewCaption(db, { captionId: kept, verdict: "KEPT", reviewer: "bob" });
  return { corpus: { id: corpusId, name }, apple, snail, socks, lonely, kept, human };
}

async function startRun(db: Database, corpusId: string, method: string): Promise<string> {
  const run = {
    corpusId,
    captionerFingerprint: "captioner",
    captionerName: "Small <captioner>",
    prompt: null,
    decoding: { method },
    captionsPerImage: 2,
  };
  return (await db.transaction((tx) => startCaptionRun(tx, run))).id;
}

async function decide(db: Database, corpusId: string, keepFrom: number): Promise<void> {
  const rule = {
    slope: 1,
    offset: 0,
    keepFrom: { WEB: keepFrom, SYNTHETIC: keepFrom, IMPORTED: keepFrom },
    leastDistinctWords: 0.26,
    bestOf: null,
    languages: [],
  };
  const policy = { corpusId, filterFingerprint: "filter", filterName: "Small filter", rule };
  const { id: policyId } = await db.transaction((tx) => ensureFilterPolicy(tx, policy));
  await decideCaptions(db, { policyId, imageIds: null });
  await activateFilterPolicy(db, policyId);
}

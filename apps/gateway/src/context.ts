import type { Inference } from "@medley/inference-api";
import {
  type Evidence,
  evidenceOf,
  type EvidenceQuery,
  type FetchPicture,
  type HotTier,
  type RecallMeter,
} from "@medley/search";
import {
  answersOf,
  type Caption,
  captionsOf,
  type Corpus,
  type Database,
  findCorpora,
  findImages,
  findSearchSessions,
  type Image,
  type NearDuplicate,
  nearDuplicatesOf,
  type QuestionCoverage,
  questionCoverage,
  type SearchSessionPart,
  type SharedReads,
  shareReads,
  type StoredAnswer,
} from "@medley/storage";
import type { BlobStore, VariantStore } from "@medley/storage/picture-stores";
import type { PartFiles } from "@medley/storage/part-files";
import type { TokenStore } from "@medley/storage/tokens";
import { activeSpan } from "@medley/tracing";
import DataLoader from "dataloader";
import { type CorpusReads, createCorpusReads } from "./corpus-reads.ts";
import type { PictureFolder } from "./access/picture-links.ts";
import type { Viewer } from "./access/viewer.ts";
import type { ErrorClass, StepCoverage } from "./generated/schema-types.ts";
import type { ProtectionSettings } from "./protection/protection-settings.ts";
import { coverageOf, errorClassesOf } from "./resolvers/coverage.ts";
import type { Watches } from "./subscriptions/watches.ts";
import type { UploadReceiver } from "./uploads/receive-upload.ts";

/** What the gateway works with; made in main.ts, or in a test. */
export interface GatewayDependencies {
  readonly db: Database;
  readonly inference: Inference;
  /** Reads the pictures of searches by address; absent: such searches are refused. */
  readonly fetchPicture?: FetchPicture | undefined;
  /** Absent: the database answers every search. */
  readonly hotTier?: Pick<HotTier, "search"> | undefined;
  readonly blobs: BlobStore;
  /** The small WebP files that ingest writes, by the content hash of their original. */
  readonly thumbnails: VariantStore;
  /** Where image tokens lie when the engine shares this machine's files, so that those of deleted pictures go; absent: nobody looks at them. */
  readonly tokens?: Pick<TokenStore, "removeAll"> | undefined;
  /** The bytes of uploads that are not complete. */
  readonly parts: PartFiles;
  /** Signs the addresses of uploads. */
  readonly uploadKey: string;
  /** Where checkpoints lie that may be registered; absent: none may. */
  readonly modelDirectory?: string;
  /** Bytes of the largest picture that is taken. */
  readonly maxUploadBytes: number;
  /** Folder of the built web page. */
  readonly siteDirectory: string;
  /** Limit of one search; re-ranking is cut there and the answer says so. */
  readonly searchDeadlineMs: number;
  /** Limit of one caption or answer. */
  readonly inferenceDeadlineMs: number;
  /** Who may ask and how much; what is absent has the default of its setting. */
  readonly protection?: Partial<ProtectionSettings>;
  readonly log: RequestLog;
}

/** What belongs to one request of one caller; `openRequest` makes it. */
export interface RequestScope {
  readonly viewer: Viewer;
  /** The models, as far as this request may use them: calls end when it does. */
  readonly inference: Inference;
  /** Milliseconds that calls to models took so far. */
  readonly spentMs: () => number;
  /** Where the caller may fetch a picture. */
  readonly pictureLink: (folder: PictureFolder, imageId: string) => string;
}

/** Takes one structured line per request; the shape of a pino logger. */
export interface RequestLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What one gateway has one of, made by createGateway. */
export interface GatewayServices {
  readonly uploads: UploadReceiver;
  readonly watches: Watches;
  /** Images by their ids, read for all requests together. */
  readonly images: SharedReads<Image>;
  /** The same for pages of kept answers. */
  readonly sessions: SharedReads<SearchSessionPart>;
  /** What approximate searches of any corpus are found to miss; told by every search. */
  readonly recallMeter: RecallMeter;
}

/** What all requests of one gateway read together. A request that is traced reads for itself, so that its trace holds what it waited for and nothing else. */
export function openSharedReads(db: Database): Pick<GatewayServices, "images" | "sessions"> {
  const readImages: SharedReads<Image> = async (ids) =>
    new Map((await findImages(db, ids)).map((image) => [image.id, image]));
  const readSessions: SharedReads<SearchSessionPart> = (keys) => findSearchSessions(db, keys);
  const unlessTraced = <Row>(read: SharedReads<Row>): SharedReads<Row> => {
    const together = shareReads(read);
    return (keys) => (activeSpan() === null ? together(keys) : read(keys));
  };
  return { images: unlessTraced(readImages), sessions: unlessTraced(readSessions) };
}

/** What one GraphQL request works with: loaders batch and remember for the length of a request. */
export interface GatewayContext extends GatewayDependencies, GatewayServices, RequestScope {
  readonly inference: Inference;
  readonly imageById: DataLoader<string, Image | null>;
  readonly corpusById: DataLoader<string, Corpus | null>;
  readonly corpusReads: CorpusReads;
  readonly captionsByImage: DataLoader<string, readonly Caption[]>;
  /** Each costs a look at every step of a corpus, and a list of operations asks for the same corpus again and again. */
  readonly coverageByCorpus: DataLoader<string, StepCoverage[]>;
  readonly errorsByCorpus: DataLoader<string, ErrorClass[]>;
  readonly nearDuplicatesByImage: DataLoader<string, readonly NearDuplicate[]>;
  readonly answersByImage: DataLoader<string, readonly StoredAnswer[]>;
  /** A page of hits asks the models once. */
  readonly evidence: DataLoader<EvidenceQuery, Evidence, string>;
  /** All questions of a corpus are counted in one look. */
  readonly questionCoverageByCorpus: DataLoader<string, readonly QuestionCoverage[]>;
}

export function createContext(
  dependencies: GatewayDependencies & GatewayServices,
  scope: RequestScope,
): GatewayContext {
  const { db, images } = dependencies;
  let reads: CorpusReads | undefined;
  return {
    ...dependencies,
    ...scope,
    imageById: new DataLoader(async (ids) => {
      const found = await images(ids);
      return ids.map((id) => found.get(id) ?? null);
    }),
    get corpusReads() {
      return (reads ??= createCorpusReads(db));
    },
    corpusById: new DataLoader(async (ids) => {
      const found = new Map((await findCorpora(db, ids)).map((corpus) => [corpus.id, corpus]));
      return ids.map((id) => found.get(id) ?? null);
    }),
    captionsByImage: new DataLoader(async (ids) => {
      const captions = await captionsOf(db, ids);
      return ids.map((id) => captions.get(id) ?? []);
    }),
    coverageByCorpus: new DataLoader((ids) => Promise.all(ids.map((id) => coverageOf(db, id)))),
    errorsByCorpus: new DataLoader((ids) => Promise.all(ids.map((id) => errorClassesOf(db, id)))),
    nearDuplicatesByImage: new DataLoader(async (ids) => {
      const duplicates = await nearDuplicatesOf(db, ids);
      return ids.map((id) => duplicates.get(id) ?? []);
    }),
    answersByImage: new DataLoader(async (ids) => {
      const answers = await answersOf(db, ids);
      return ids.map((id) => answers.get(id) ?? []);
    }),
    evidence: new DataLoader<EvidenceQuery, Evidence, string>(
      (queries) =>
        evidenceOf({ db, inference: scope.inference }, queries, { deadlineMs: dependencies.inferenceDeadlineMs }),
      { cacheKeyFn: ({ image, word, texts }) => JSON.stringify([image.id, word, texts]) },
    ),
    questionCoverageByCorpus: new DataLoader((ids) => Promise.all(ids.map((id) => questionCoverage(db, id)))),
  };
}

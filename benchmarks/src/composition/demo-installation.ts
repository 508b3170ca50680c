import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { findRunningServer } from "@medley/config";
import { createInferenceClient } from "@medley/inference-api";
import { calibrateSearch } from "@medley/search";
import { activeSpace, type Database, findCorpus, type Image, listImages, openDatabase } from "@medley/storage";
import { runIngestProcess, startInferenceServer } from "../ingest/running-ingest.ts";
import { rememberMatches } from "./remember-matches.ts";
import type { Corpus } from "./ways.ts";

const MANIFEST = fileURLToPath(new URL("../../../assets/demo/manifest.jsonl", import.meta.url));
const CORPUS = "demo";
const PICTURES = 1_000;
const WORKERS = 2;
/** Nobody waits for a single answer here: only a stuck engine shall meet it. */
const DEADLINE_MS = 600_000;
const PAGE = 500;

export interface DemoInstallation extends AsyncDisposable {
  readonly corpus: Corpus;
  /** Fits what scores mean, as every ingest of the product does at its end. */
  readonly calibrate: () => Promise<void>;
}

/** Brings the demo corpus into a new home with the product's own ingest and the bundled model, without captions and not calibrated yet. */
export async function openDemoInstallation(): Promise<DemoInstallation> {
  await using cleanup = new AsyncDisposableStack();
  const home = mkdtempSync(join(tmpdir(), "medley-composition-"));
  cleanup.defer(() => rmSync(home, { recursive: true, force: true, maxRetries: 30, retryDelay: 1000 }));
  cleanup.use(await startInferenceServer(home, WORKERS));
  await runIngestProcess(home, { source: MANIFEST, corpus: CORPUS, count: PICTURES, calibration: false });
  const db = cleanup.use(await openDatabase({ home }));
  const url = findRunningServer(join(resolve(home), "run"), "inference")?.url;
  if (url === undefined) throw new Error("Bug: the inference server that ingested is gone.");
  const client = createInferenceClient({ url, deadlineMs: DEADLINE_MS });
  const corpus = { ...(await describeCorpus(db)), inference: rememberMatches(client) };
  const { itcWeight = 1 } = (await client.models()).find(({ role }) => role === "retrieval") ?? {};
  const open = cleanup.move();
  return {
    corpus: { ...corpus, itcWeight },
    calibrate: async () => {
      const request = { corpusId: corpus.id, spaceId: corpus.spaceId, images: 200, seed: 0 };
      await calibrateSearch({ db, inference: client }, request);
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

async function describeCorpus(db: Database): Promise<Omit<Corpus, "inference" | "itcWeight">> {
  const corpus = await findCorpus(db, CORPUS);
  const space = corpus && (await activeSpace(db, corpus.id));
  if (!corpus || !space) throw new Error(`Corpus "${CORPUS}" has no active space after its ingest.`);
  const names = new Map<string, string>();
  for (let after: string | undefined; ; ) {
    const page: Image[] = await listImages(db, corpus.id, { after, limit: PAGE });
    for (const { id, origins } of page) names.set(id, nameOfOrigin(origins[0] ?? ""));
    after = page.at(-1)?.id;
    if (page.length < PAGE) break;
  }
  const idOf = new Map([...names].map(([id, name]) => [name, id]));
  return { db, name: CORPUS, id: corpus.id, spaceId: space.id, nameOf: names, idOf };
}

/** Folder and name without the ending: "fluent-3d/pizza". */
export function nameOfOrigin(origin: string): string {
  return origin
    .split("/")
    .slice(-2)
    .join("/")
    .replace(/\.\w+$/, "");
}

import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  createHome,
  type Ending,
  killProcess,
  medley,
  medleyRecords,
  parseLines,
  processesOf,
  processWith,
  startMedley,
  until,
} from "./support/medley.ts";
import { type MixedFolder, writeMixedFolder } from "./support/mixed-folder.ts";
import { writeRandomModels } from "./support/models.ts";
import { startStack } from "./support/stack.ts";

const CORPUS = "mixed";
/** Two of the good files hold the same bytes. */
const PICTURES = 189;

interface IngestRecord {
  readonly path: string;
  readonly imageId?: string;
  readonly sha256?: string;
  readonly created?: boolean;
  readonly error?: { readonly code: string; readonly message: string };
}

interface Step {
  readonly step: string;
  readonly done: number;
  readonly failed: number;
  readonly excluded: number;
  readonly waiting: number;
  readonly total: number;
}

interface StoredPicture {
  readonly id: string;
  readonly sha256: string;
  readonly origins: readonly string[];
  readonly width: number;
  readonly height: number;
  readonly captions: readonly { readonly text: string; readonly source: string; readonly verdict: string | null }[];
}

const home = createHome();
// The pictures lie outside the home, or a process that reads them would count as one that works on it.
const folder = createHome();
let mixed: MixedFolder;
let models: string;

beforeAll(async () => {
  mixed = await writeMixedFolder(join(folder.path, "pictures"));
  models = writeRandomModels(home.path);
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const ingestArguments = () => ["ingest", mixed.path, "--corpus", CORPUS, "--json"];

/** Starts the ingest and kills it as soon as it has reported so many files. */
async function killAfter(reportedFiles: number, kill: () => void): Promise<Ending> {
  const run = startMedley(ingestArguments(), { home: home.path, models });
  const reported = () => run.stdout().split("\n").length - 1;
  await until(() => reported() >= reportedFiles || run.hasEnded(), 120_000, `${reportedFiles} files are reported`, 5);
  expect(run.hasEnded(), `it ended before it could be killed:\n${run.stderr()}`).toBe(false);
  kill();
  return await run.ended;
}

function killEverything(): void {
  for (const pid of processesOf(home.path)) killProcess(pid, "SIGKILL");
}

function killIngestOnly(): void {
  const pid = processWith(home.path, "apps/ingest/src/main.ts add");
  if (pid === undefined) throw new Error("There is no ingest process to kill");
  killProcess(pid, "SIGKILL");
}

test("brings every good picture in once and reports every bad file once though it is killed again and again", async () => {
  const whole = await killAfter(40, killEverything);
  expect(whole.signal).toBe("SIGKILL");

  const part = await killAfter(120, killIngestOnly);
  expect(part.code).toBe(1);
  expect(part.stderr).toContain("The ingest process was ended by SIGKILL. Run the same command again");

  // All files are known by now, but vectors and captions are missing.
  const late = await killAfter(200, killEverything);
  expect(late.signal).toBe("SIGKILL");

  const last = await medley(ingestArguments(), { home: home.path, models });
  expect(last.code, last.stderr).toBe(0);
  expect(last.stderr).toContain("10 rejected");
  const records = parseLines<IngestRecord>(last.stdout);
  expect(records.map(({ path }) => path).sort()).toEqual([...mixed.good, ...mixed.bad.keys()].sort());
  const errors = records.flatMap(({ path, error }) => (error ? [[path, error.code] as const] : []));
  expect(new Map(errors)).toEqual(mixed.bad);
  for (const { error } of records) if (error) expect(error.message).toMatch(/^[^\n]+\.$/);
  const images = records.flatMap(({ imageId }) => imageId ?? []);
  expect(images).toHaveLength(mixed.good.length);
  expect(new Set(images).size).toBe(PICTURES);
});

test("adds nothing and computes nothing when it is run once more", async () => {
  const again = await medley(ingestArguments(), { home: home.path, models });
  expect(again.code, again.stderr).toBe(0);
  expect(again.stderr).toMatch(/: 0 added, 190 known, 10 rejected;/);
  const records = parseLines<IngestRecord>(again.stdout);
  expect(records).toHaveLength(200);
  expect(records.filter(({ created }) => created)).toEqual([]);
});

test("serves every picture once with one vector, one written caption the text that lay beside it, and every caption judged", async () => {
  await using stack = await startStack({ home: home.path, models });
  const { corpus } = await stack.graphql<{ corpus: { imageCount: number; coverage: Step[] } }>(
    `{ corpus(name: "${CORPUS}") { imageCount coverage { step done failed excluded waiting total } } }`,
  );
  expect(corpus.imageCount).toBe(PICTURES);
  expect(corpus.coverage.map(({ step }) => step).sort()).toEqual([
    "caption",
    "caption-embed",
    "embed",
    "filter",
    "prepare",
  ]);
  for (const { step, done, failed, excluded, waiting, total } of corpus.coverage) {
    expect(done + failed + excluded + waiting, step).toBe(total);
    expect({ step, done, total }).toEqual({ step, done: PICTURES, total: PICTURES });
  }
  const { search } = await stack.graphql<{ search: { edges: { node: StoredPicture }[] } }>(
    `{ search(input: { corpus: "${CORPUS}", all: [{ text: "a dog" }], rerank: { candidates: 0 } }, first: 500) {
         edges { node { id sha256 origins width height captions { text source verdict } } } } }`,
  );
  const stored = search.edges.map(({ node }) => node);
  expect(stored).toHaveLength(PICTURES);
  expect(new Set(stored.map(({ sha256 }) => sha256)).size).toBe(PICTURES);
  expect(stored.flatMap(({ origins }) => origins).sort()).toEqual([...mixed.good].sort());
  for (const { origins, captions } of stored) {
    expect(
      captions.filter(({ source }) => source === "SYNTHETIC"),
      origins[0],
    ).toHaveLength(1);
    const texts = origins.flatMap((origin) => mixed.texts.get(origin) ?? []);
    expect(captions.filter(({ source }) => source === "WEB").map(({ text }) => text)).toEqual(texts);
    expect(
      captions.filter(({ verdict }) => verdict === null),
      origins[0],
    ).toEqual([]);
  }
  // It lies on its side in the file, and upright for people.
  expect(stored.find(({ origins }) => origins.includes(mixed.rotated))).toMatchObject({ width: 40, height: 64 });
});

test("searches the corpus from the command line without a running server", async () => {
  const hits = await medleyRecords<{ rank: number; path: string }>(
    ["search", "a dog", "--corpus", CORPUS, "--first", "5"],
    { home: home.path, models },
  );
  expect(hits.map(({ rank }) => rank)).toEqual([1, 2, 3, 4, 5]);
  for (const { path } of hits) expect(mixed.good).toContain(path);
});

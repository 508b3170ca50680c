import type { Settings } from "@medley/config";
import { type IndexFigures, requestUpkeepOf } from "@medley/search";
import {
  type Database,
  findOperation,
  findUpkeep,
  type ImageFilter,
  openUpkeepOf,
  type Operation,
  parseImageFilter,
  type Upkeep,
  type UpkeepKind,
} from "@medley/storage";
import { CliError } from "../cli-error.ts";
import { note, writeLine, writeRecord } from "../output.ts";
import { withInference } from "../processes/with-inference.ts";
import { withCorpus } from "../with-corpus.ts";
import { doUpkeep } from "./ingest.ts";

export interface UpkeepOptions {
  readonly corpus: string;
  readonly kind: UpkeepKind;
  /** Only counts. */
  readonly dryRun: boolean;
  readonly spaceId?: string;
  readonly filter?: ImageFilter;
  readonly everything: boolean;
  readonly json: boolean;
}

/** An image filter that was given as JSON. Throws CliError for what is none. */
export function parseWhere(text: string): ImageFilter {
  try {
    return parseImageFilter(JSON.parse(text));
  } catch (cause) {
    const message = `--where: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new CliError("WRONG_USAGE", message, { exitCode: 2, cause });
  }
}

/** Asks for work on what a corpus holds and does it, or waits for the worker that does. Resolves with 0 when it is done. */
export async function runUpkeep(settings: Settings, options: UpkeepOptions): Promise<number> {
  const { corpus, kind, json } = options;
  // Before models are loaded: a mistyped name, or one of the same kind that is open, is answered at once.
  const operation = await withCorpus(settings, corpus, (db, { id }) => request(db, id, options));
  if (!json) note(`${kind} of corpus "${corpus}" has begun (operation ${operation.id}).`);
  return await withInference(settings, "wait", async ({ url, lost }) => {
    const code = await doUpkeep(settings, url, { corpus, operationId: operation.id, json }, lost);
    await withCorpus(settings, corpus, async (db) => {
      const ended = await findOperation(db, operation.id);
      const upkeep = await findUpkeep(db, operation.id);
      const measured = (upkeep?.measured as IndexFigures | null) ?? null;
      if (json) await writeRecord({ operation: ended, captionRunId: upkeep?.captionRunId ?? null, index: measured });
      else if (ended) for (const line of describe(ended, upkeep, measured)) await writeLine(line);
    });
    return code;
  });
}

/** One that was asked for in the same way and is under way already is gone on with. */
async function request(db: Database, corpusId: string, options: UpkeepOptions): Promise<Operation> {
  const { kind, dryRun, everything, spaceId, filter } = options;
  const open = await openUpkeepOf(db, { corpusId, kind });
  const known = open && isAlike(open, options) ? await findOperation(db, open.operationId) : null;
  if (known) return known;
  const asked = { kind, corpusId, dryRun, everything };
  const more = { ...(spaceId !== undefined && { spaceId }), ...(filter && { filter }) };
  return await requestUpkeepOf({ db }, { ...asked, ...more });
}

function isAlike(open: Upkeep, { dryRun, everything, spaceId, filter }: UpkeepOptions): boolean {
  return (
    open.dryRun === dryRun &&
    open.everything === everything &&
    open.spaceId === (spaceId ?? null) &&
    JSON.stringify(open.filter) === JSON.stringify(filter)
  );
}

function describe({ kind, counts }: Operation, upkeep: Upkeep | null, measured: IndexFigures | null): string[] {
  const numbers = Object.entries(counts).filter(([name]) => !PACE.has(name));
  const run = upkeep?.captionRunId;
  return [
    ...(numbers.length > 0 ? [`${kind}: ${numbers.map(([name, count]) => `${name} ${count}`).join(", ")}`] : []),
    ...(measured ? describeIndex(measured) : []),
    ...(run ? [`Take it back with: medley capfilt revert ${run}`] : []),
  ];
}

/** What rate and time left are computed from. */
const PACE: ReadonlySet<string> = new Set(["stepsAtStart", "stepsEnded", "stepsTotal", "scanned"]);

function describeIndex(figures: IndexFigures): string[] {
  const { vectors, indexed, queries, recallBefore, recallAfter, sizeBytesBefore, sizeBytesAfter } = figures;
  if (!indexed)
    return [`The space has ${vectors} vectors and no index: every vector is compared, so nothing is missed.`];
  const percent = (share: number | null) => (share === null ? "-" : `${(100 * share).toFixed(1)} %`);
  const megabytes = (bytes: number | null) => (bytes === null ? "-" : `${(bytes / 1e6).toFixed(1)} MB`);
  return [
    `Of the nearest 10 of ${queries} queries the index found ${percent(recallBefore)} before and ${percent(recallAfter)} after.`,
    `Size ${megabytes(sizeBytesBefore)} before, ${megabytes(sizeBytesAfter)} after; ${vectors} vectors.`,
  ];
}

import { randomUUID } from "node:crypto";
import {
  clearDeletedCorpora,
  type Corpus,
  corporaToKeepUp,
  corporaToReindex,
  corporaWithOpenWork,
  expireUploads,
  listCorpora,
} from "@medley/storage";
import type { PartFiles } from "@medley/storage/part-files";
import { openWorkQueue } from "@medley/storage/work-queue";
import { createBell } from "./bell.ts";
import type { IngestContext } from "./ingest-context.ts";
import { isDeleted } from "./is-deleted.ts";
import { answerBeside } from "./questions/report-questions.ts";
import { retryTransient } from "./retry.ts";
import { runReindex } from "./spaces/run-reindex.ts";
import { cleanBlobs } from "./uploads/clean-uploads.ts";
import { runUpkeep } from "./upkeep/run-upkeep.ts";
import type { UploadListener } from "./uploads/register-uploads.ts";
import { watchUploads } from "./uploads/watch-uploads.ts";

/** Corpora that are worked on at once: no corpus waits for another one's import. */
const CORPORA_AT_ONCE = 16;
/**
 * Between two looks for corpora with open work, in one statement. Whoever makes work wakes a worker at once; this finds what a killed worker left, and lets
 * several workers share a large corpus, for a wake reaches one of them.
 */
const OPEN_WORK_INTERVAL_MS = 15_000;
/** Between two looks at every corpus: what no row tells, such as a model that is new, or a calibration that is due. */
const EVERYTHING_INTERVAL_MS = 600_000;

export interface WatchOptions extends Pick<UploadListener, "onRegistration"> {
  /** Only this corpus; absent: all. */
  readonly corpus?: string | undefined;
  readonly parts: PartFiles;
  readonly json: boolean;
  /** Does the open steps of a corpus. Resolves with false when there was nothing to do. */
  readonly work: (
    context: IngestContext,
    corpus: string,
    beside: { readonly calibrateBeside: (calibrate: () => Promise<void>) => void; readonly said: Set<string> },
  ) => Promise<boolean>;
  /** Milliseconds between two looks without a wake; 15 seconds and 10 minutes when absent. */
  readonly intervals?: { readonly openWorkMs: number; readonly everythingMs: number };
}

/**
 * Does the work of corpora as it comes, until it is told to stop. Paused corpora are left alone. Calibrating takes minutes, so it runs beside: pictures that come
 * meanwhile do not wait for it. Without the queue, which only says when to look, the looks at intervals remain.
 */
export async function watchCorpora(outer: IngestContext, options: WatchOptions): Promise<void> {
  const { openWorkMs, everythingMs } = options.intervals ?? {
    openWorkMs: OPEN_WORK_INTERVAL_MS,
    everythingMs: EVERYTHING_INTERVAL_MS,
  };
  const said = new Set<string>();
  const running = new Map<string, Promise<unknown>>();
  const reindexes = new Map<string, Promise<unknown>>();
  const upkeeps = new Map<string, Promise<unknown>>();
  const answering = new Map<string, Promise<unknown>>();
  /** Calibrations by corpus, and under no name the uploads. */
  const beside = new Map<string, Promise<unknown>>();
  /** What removes the rows and files of deleted corpora, under no name. */
  const clearing = new Map<string, Promise<unknown>>();
  let clearingDue = true;
  const failure = new AbortController();
  const signal = AbortSignal.any([outer.signal, failure.signal]);
  const context = { ...outer, signal, retry: { ...outer.retry, signal } };
  let first: { readonly reason: unknown } | undefined;
  const [bell, uploadBell] = [createBell(), createBell()];
  /**
   * Ids of corpora that are to be looked at for each kind of work, once for each look: what another worker has in hand would be asked for without end. One
   * that is worked on keeps its place, for the work may be about to end.
   */
  const due = {
    steps: new Set<string>(),
    answers: new Set<string>(),
    reindexes: new Set<string>(),
    upkeeps: new Set<string>(),
  };
  const look = (corpusIds: Iterable<string>) => {
    for (const id of corpusIds) for (const kind of Object.values(due)) kind.add(id);
    bell.ring();
  };
  const keep = (work: Map<string, Promise<unknown>>, name: string, begun: Promise<unknown>, corpusId?: string) => {
    const kept = begun
      .catch(async (reason: unknown) => {
        // Whatever failed because its rows went is no fault.
        if (corpusId !== undefined && (await isDeleted(context.db, corpusId))) return;
        first ??= { reason };
        failure.abort();
      })
      .finally(() => {
        work.delete(name);
        bell.ring();
      });
    work.set(name, kept);
  };
  const begin = ({ id, name }: Corpus) => {
    const calibrateBeside = (calibrate: () => Promise<void>) => {
      if (!beside.has(name) && !signal.aborted) keep(beside, name, calibrate(), id);
    };
    const run = { ...context, owner: `${context.owner}-${randomUUID()}` };
    const work = options.work(run, name, { calibrateBeside, said }).then((didSome) => {
      if (didSome) due.answers.add(id);
    });
    keep(running, name, work, id);
  };
  const reindex = ({ id: corpusId, name }: Corpus) => {
    const onNote = (note: string) => console.error(`Note: ${name}: ${note}`);
    const run = { ...context, owner: `${context.owner}-${randomUUID()}` };
    keep(reindexes, name, runReindex(run, { corpusId }, { onNote, onProgress: () => {} }), corpusId);
  };
  const keepUp = ({ id: corpusId, name }: Corpus) => {
    const onNote = (note: string) => console.error(`Note: ${name}: ${note}`);
    const run = { ...context, owner: `${context.owner}-${randomUUID()}` };
    const work = runUpkeep(run, { corpusId }, { onNote, onProgress: () => {} }).then((outcome) => {
      // Another one may have been asked for meanwhile: this worker does one of a corpus at a time.
      if (outcome !== null) due.upkeeps.add(corpusId);
    });
    keep(upkeeps, name, work, corpusId);
  };
  let saidOfClearing = "";
  /** A file that cannot be removed holds up nobody's work. */
  const clearDeleted = async () => {
    try {
      await retryTransient(() => clearDeletedCorpora(context.db, context, { signal }), context.retry);
      saidOfClearing = "";
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== saidOfClearing) console.error(`What is left of deleted corpora cannot all be removed: ${reason}`);
      saidOfClearing = reason;
    }
  };
  /** Those of them that have such work; the others are looked at no more. */
  const among = async (kind: Set<string>, find: () => Promise<ReadonlySet<string>>): Promise<ReadonlySet<string>> => {
    if (kind.size === 0) return kind;
    const asked = [...kind];
    // Before the question: who is woken while it is asked may have work that it does not see.
    kind.clear();
    const found = await retryTransient(find, context.retry);
    const having = asked.filter((id) => found.has(id));
    for (const id of having) kind.add(id);
    return new Set(having);
  };
  await using _queue = keepQueueOpen(context, {
    everyMs: openWorkMs,
    onWake(corpusIds) {
      uploadBell.ring();
      clearingDue = true;
      look(corpusIds);
    },
  });
  const { corpus, parts, onRegistration } = options;
  keep(beside, "", watchUploads(context, { corpus, parts, onRegistration, bell: uploadBell, onGained: look }));
  let everythingAt = 0;
  let openWorkAt = 0;
  while (!signal.aborted) {
    const corpora = (await retryTransient(() => listCorpora(context.db), context.retry)).filter(
      ({ name, pausedAt }) => pausedAt === null && (corpus === undefined || name === corpus),
    );
    const now = performance.now();
    if (now >= everythingAt) {
      look(corpora.map(({ id }) => id));
      everythingAt = now + everythingMs;
    } else if (now >= openWorkAt) {
      const except = corpora.filter(({ name }) => running.has(name) && answering.has(name)).map(({ id }) => id);
      look(await retryTransient(() => corporaWithOpenWork(context.db, { except }), context.retry));
    }
    if (now >= openWorkAt) {
      openWorkAt = now + openWorkMs;
      clearingDue = true;
    }
    if (clearingDue && clearing.size === 0) {
      clearingDue = false;
      keep(clearing, "", clearDeleted());
    }
    const moving = await among(due.reindexes, () => corporaToReindex(context.db));
    const keeping = await among(due.upkeeps, () => corporaToKeepUp(context.db));
    for (const each of corpora) {
      const { id, name } = each;
      if (due.steps.has(id) && !running.has(name) && running.size < CORPORA_AT_ONCE) {
        due.steps.delete(id);
        begin(each);
      }
      if (due.answers.has(id) && !answering.has(name)) {
        due.answers.delete(id);
        keep(answering, name, answerBeside(context, name, { json: options.json, said }), id);
      }
      if (moving.has(id) && !reindexes.has(name)) {
        due.reindexes.delete(id);
        reindex(each);
      }
      if (keeping.has(id) && !upkeeps.has(name)) {
        due.upkeeps.delete(id);
        keepUp(each);
      }
    }
    await bell.wait(context.retry.sleep(Math.max(0, openWorkAt - performance.now()), signal));
  }
  await Promise.all([running, answering, reindexes, upkeeps, beside, clearing].flatMap((works) => [...works.values()]));
  if (first) throw first.reason;
}

const QUEUE_HINT = 'If the schema "pgboss" is gone, run migrations/0018_pgboss.sql against the database.';

/** Opens the queue as soon as that can be done: until then the looks at intervals remain, and nobody clears up. */
function keepQueueOpen(
  context: IngestContext,
  { onWake, everyMs }: { readonly onWake: (corpusIds: readonly string[]) => void; readonly everyMs: number },
): AsyncDisposable {
  const onCleanUp = async () => {
    await expireUploads(context.db);
    await cleanBlobs(context);
  };
  const onFault = (message: string) => console.error(`The queue that wakes this worker: ${message}`);
  const stopped = new AbortController();
  async function open(): Promise<AsyncDisposable | null> {
    for (let said = ""; !stopped.signal.aborted; ) {
      try {
        const queue = await openWorkQueue(context.db, { onWake, onCleanUp, onFault });
        if (said !== "") console.error("The queue wakes this worker from now on.");
        return queue;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (reason !== said)
          console.error(`Nothing wakes this worker (${reason}); it looks every ${everyMs / 1000} s. ${QUEUE_HINT}`);
        said = reason;
      }
      await context.retry.sleep(everyMs, stopped.signal);
    }
    return null;
  }
  const opening = open();
  return {
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await (await opening)?.[Symbol.asyncDispose]();
    },
  };
}

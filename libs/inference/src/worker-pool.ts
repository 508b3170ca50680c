import { Worker } from "node:worker_threads";
import { InferenceError } from "@medley/inference-api";
import type { SerializedGraph } from "./model-graphs.ts";
import type { CheckpointReference } from "./model-set.ts";
import type { GraphReply, GraphRequest, WorkerReply, WorkerRequest, WorkerStart, WorkerTiming } from "./worker/main.ts";
import type { ItemResult, Task } from "./worker/tasks.ts";

/** A task on its way to a worker. */
export interface PoolJob {
  readonly model: CheckpointReference;
  readonly task: Task;
  readonly deadlineAt: number;
  /** Set [0] to 1 to give the task up between two steps. */
  readonly control: Int32Array;
  /** Asks the worker how long it took. */
  readonly timed?: true;
  readonly finish: (results: readonly ItemResult[] | InferenceError, timing?: WorkerTiming) => void;
}

/** Worker threads that each run one task at a time. */
export interface WorkerPool extends AsyncDisposable {
  /** Tells the pool that there may be work: every free worker asks `nextJob`. */
  wake(): void;
}

interface Seat {
  worker: Worker;
  job: PoolJob | undefined;
}

/**
 * Starts `count` workers and waits until all are ready. A worker that dies is replaced; its task ends with ENGINE_FAILED, which
 * is retryable, and the tasks behind it go on.
 */
export async function startWorkerPool(
  count: number,
  start: WorkerStart,
  nextJob: () => PoolJob | undefined,
  buildGraph: (request: GraphRequest) => Promise<SerializedGraph>,
): Promise<WorkerPool> {
  let closing = false;
  const seats: Seat[] = [];

  async function spawn(seat: Seat | undefined): Promise<Seat> {
    const worker = new Worker(new URL("./worker/entry.ts", import.meta.url), { workerData: start });
    const taken = seat ?? { worker, job: undefined };
    await new Promise<void>((ready, failed) => {
      let started = false;
      worker.on("message", (message: "ready" | GraphRequest | WorkerReply) => {
        if (message !== "ready") return "graph" in message ? void answer(worker, message) : finish(taken, message);
        started = true;
        ready();
      });
      const died = (cause: Error): void => (started ? void replace(taken, worker, cause) : failed(cause));
      worker.on("error", died);
      worker.on("exit", (code) => died(new Error(`The worker ended with code ${code}.`)));
    });
    taken.worker = worker;
    taken.job = undefined;
    return taken;
  }

  async function answer(worker: Worker, request: GraphRequest): Promise<void> {
    const reply = await buildGraph(request).then(
      (built) => ({ ...request, ok: true, built }) as const,
      (error: Error) => ({ ...request, ok: false, message: error.message }) as const,
    );
    worker.postMessage(reply satisfies GraphReply);
  }

  function finish(seat: Seat, reply: WorkerReply): void {
    const { job } = seat;
    seat.job = undefined;
    job?.finish(reply.ok ? reply.results : new InferenceError("ENGINE_FAILED", reply.message), reply.timing);
    offer(seat);
  }

  async function replace(seat: Seat, dead: Worker, cause: Error): Promise<void> {
    // A crash is reported as "error" and as "exit"; the first of them counts.
    if (closing || seat.worker !== dead || !seats.includes(seat)) return;
    seats.splice(seats.indexOf(seat), 1);
    const { job } = seat;
    seat.job = undefined;
    job?.finish(new InferenceError("ENGINE_FAILED", `An inference worker died: ${cause.message}`, { cause }));
    try {
      seats.push(await spawn(seat));
      offer(seat);
    } catch {
      // Without workers nothing takes jobs; their deadlines then say so to the callers.
    }
  }

  function offer(seat: Seat): void {
    if (closing || seat.job) return;
    const job = nextJob();
    if (!job) return;
    seat.job = job;
    const { model, task, deadlineAt, control, timed } = job;
    seat.worker.postMessage({ model, task, deadlineAt, control, ...(timed && { timed }) } satisfies WorkerRequest);
  }

  for (let index = 0; index < count; index++) seats.push(await spawn(undefined));
  return {
    wake() {
      for (const seat of seats) offer(seat);
    },
    async [Symbol.asyncDispose]() {
      closing = true;
      await Promise.all(
        seats.map(async (seat) => {
          seat.job?.finish(new InferenceError("UNAVAILABLE", "The inference engine is shutting down."));
          await seat.worker.terminate();
        }),
      );
    },
  };
}

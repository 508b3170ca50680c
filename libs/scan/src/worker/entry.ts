// First module of a worker thread; see main.ts.
import { parentPort, workerData } from "node:worker_threads";
import { serve, type WorkerStart } from "./main.ts";

if (!parentPort) throw new Error("Bug: the scan's worker was started as a program of its own.");
serve(parentPort, workerData as WorkerStart);

// Preloaded into every process of a stack (NODE_OPTIONS=--import): appends the largest event-loop gap of each quarter second to
// $MEDLEY_BENCH_GAPS/<pid>.jsonl as {"script","at","gapMs"}. A gap is how late a 1 ms timer fires.
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { isMainThread } from "node:worker_threads";

const folder = process.env.MEDLEY_BENCH_GAPS;
if (folder && isMainThread) {
  const file = join(folder, `${process.pid}.jsonl`);
  let last = performance.now();
  let largest = 0;
  setInterval(() => {
    const now = performance.now();
    largest = Math.max(largest, now - last - 1);
    last = now;
  }, 1).unref();
  setInterval(() => {
    appendFileSync(file, `${JSON.stringify({ script: process.argv[1], at: Date.now(), gapMs: largest })}\n`);
    largest = 0;
    last = performance.now();
  }, 250).unref();
}

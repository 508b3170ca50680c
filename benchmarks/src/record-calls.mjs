// Preloaded into the gateway (NODE_OPTIONS=--import): appends every statement and every call of the models, as [from, to] in milliseconds of the clock that
// all processes share, one JSON list a line, to $MEDLEY_BENCH_CALLS. What a request takes outside of these is the gateway's own time.
import { appendFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import pg from "pg";

const file = process.env.MEDLEY_BENCH_CALLS;
if (file && isMainThread) {
  let calls = [];
  const now = () => performance.timeOrigin + performance.now();
  const recorded = (call) => {
    const from = now();
    const end = () => calls.push([from, now()]);
    call.then(end, end);
    return call;
  };
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function (...args) {
    const result = query.apply(this, args);
    return typeof result?.then === "function" ? recorded(result) : result;
  };
  const plainFetch = globalThis.fetch;
  // The answer is there when its body is.
  globalThis.fetch = (...args) => {
    const from = now();
    const end = () => calls.push([from, now()]);
    return plainFetch(...args).then(async (response) => {
      const body = await response.arrayBuffer();
      end();
      return new Response(body, response);
    });
  };
  setInterval(() => {
    if (calls.length > 0) appendFileSync(file, `${JSON.stringify(calls)}\n`);
    calls = [];
  }, 100).unref();
}

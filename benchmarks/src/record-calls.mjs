// Preloaded into the gateway (NODE_OPTIONS=--import): appends every statement and every call of the models, as [from, to] in milliseconds of the clock that
// all processes share, one JSON list a line, to $MEDLEY_BENCH_CALLS. What a request takes outside of these is the gateway's own time.
import { appendFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import pg from "pg";

const file = process.env.MEDLEY_BENCH_CALLS;
if (file && isMainThread) {
  let calls = [];
  const now = () => performance.timeOrigin + performance.now();
  const recorded = (from, call) => {
    const end = () => calls.push([from, now()]);
    call.then(end, end);
    return call;
  };
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function (...args) {
    // From when the driver has it: writing to the socket, which wakes the server, takes a tenth of a millisecond or two.
    const from = now();
    const result = query.apply(this, args);
    return typeof result?.then === "function" ? recorded(from, result) : result;
  };
  const plainFetch = globalThis.fetch;
  globalThis.fetch = async (...args) => {
    const from = now();
    const response = await plainFetch(...args);
    // The answer is there when its body is. A response of our own, made of the body, would cost a tenth of a millisecond more.
    const read = response.text.bind(response);
    response.text = () => recorded(from, read());
    return response;
  };
  setInterval(() => {
    if (calls.length > 0) appendFileSync(file, `${JSON.stringify(calls)}\n`);
    calls = [];
  }, 100).unref();
}

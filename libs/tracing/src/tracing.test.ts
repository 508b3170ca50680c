import { afterEach, beforeEach, expect, test } from "vitest";
import {
  activeSpan,
  carriedHeaders,
  inCallSpan,
  inSpan,
  inTrace,
  openSpan,
  openTrace,
  traceFields,
  within,
} from "./index.ts";
import { createOtlpExporter } from "./otlp-exporter.ts";
import { startTracing, type Tracing, type TracingSettings } from "./start.ts";
import { type Collector, openCollector } from "./testing/collector.ts";

let collector: Collector;
let tracing: Tracing | undefined;
beforeEach(async () => {
  collector = await openCollector();
});
afterEach(async () => {
  await tracing?.[Symbol.asyncDispose]();
  tracing = undefined;
  await collector[Symbol.asyncDispose]();
});

const said: string[] = [];
async function start(settings: Partial<TracingSettings> = {}): Promise<Tracing> {
  said.length = 0;
  const defaults = { headers: {}, protocol: "http/protobuf", resourceAttributes: {}, sampleRatio: 1 } as const;
  const traced = { service: "gateway", warn: (sentence: string) => void said.push(sentence) } as const;
  tracing = await startTracing({ ...defaults, url: `${collector.url}/v1/traces`, ...settings }, traced);
  return tracing;
}
const named = (name: string) => {
  const found = collector.spans.find((span) => span.name === name);
  if (!found) throw new Error(`No span "${name}" came, but ${collector.spans.map((span) => span.name).join(", ")}`);
  return found;
};

for (const protocol of ["http/protobuf", "http/json"] as const) {
  test(`sends a trace with its parents, times, attributes, links and failures as ${protocol}`, async () => {
    const { flush } = await start({ protocol, headers: { "x-key": "k" }, resourceAttributes: { "service.name": "s" } });
    const other = openTrace({ name: "other" });
    const attributes = { words: "ü", whole: 7, part: 0.5, flag: true, list: ["a", "b"], absent: undefined };
    const work = inTrace({ name: "first", kind: "server", links: other ? [other] : [] }, {}, async () => {
      await inSpan("second", attributes, async (span) => span.set({ later: -1 }));
      const describe = () => ({ name: "third", attributes: {} });
      await inCallSpan(describe, () => Promise.reject(Object.assign(new Error("secret"), { code: "E" })));
    });
    await expect(work).rejects.toThrow("secret");
    other?.end();
    await flush();
    const [first, second, third] = [named("first"), named("second"), named("third")];
    expect(first).toMatchObject({ service: "s", kind: "server", parentSpanId: "", failed: true });
    expect(first.links).toEqual([{ traceId: named("other").traceId, spanId: named("other").spanId }]);
    expect(second).toMatchObject({ kind: "internal", traceId: first.traceId, parentSpanId: first.spanId });
    const { absent: _absent, ...given } = attributes;
    expect(second.attributes).toEqual({ ...given, later: -1 });
    expect(third).toMatchObject({ kind: "client", failed: true, attributes: { "error.type": "E" } });
    const times = [first.startedAt, second.startedAt, second.endedAt, third.startedAt, third.endedAt, first.endedAt];
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(Math.abs(Date.now() - first.startedAt)).toBeLessThan(60_000);
    expect(collector.requests[0]).toMatchObject({ path: "/v1/traces", headers: { "x-key": "k" } });
    expect(JSON.stringify(collector.spans)).not.toContain("secret");
  });
}

test("goes on with the trace that a request names, and carries it to the next process", async () => {
  const { flush } = await start();
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01`, tracestate: "a=1" };
  const carried = await inTrace({ name: "here" }, headers, async () => carriedHeaders());
  await flush();
  const here = named("here");
  expect(here).toMatchObject({ traceId, parentSpanId: "b7ad6b7169203331" });
  expect(carried).toEqual({ traceparent: `00-${traceId}-${here.spanId}-01`, tracestate: "a=1" });
  await inTrace({ name: "new" }, { traceparent: "nonsense" }, async () => {});
  await flush();
  expect(named("new")).toMatchObject({ parentSpanId: "" });
});

test("records what whoever sent the trace along wanted, whatever the ratio", async () => {
  const { flush } = await start({ sampleRatio: 0 });
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const parent = (flags: string) => ({ traceparent: `00-${traceId}-b7ad6b7169203331-${flags}` });
  const carried = await inTrace({ name: "own" }, {}, () => inSpan("part", {}, async () => carriedHeaders()));
  expect(carried["traceparent"]).toMatch(/-00$/);
  await inTrace({ name: "not wanted" }, parent("00"), async () => {
    expect(traceFields()).toMatchObject({ trace_id: traceId });
    expect(activeSpan()).toBeNull();
  });
  await inTrace({ name: "wanted" }, parent("01"), async () => {});
  await flush();
  expect(collector.spans.map((span) => span.name)).toEqual(["wanted"]);
});

test("records nothing outside of a trace, and nothing of what goes on after its end", async () => {
  const running = await start();
  const { flush } = running;
  await inSpan("alone", {}, async () => {
    expect(carriedHeaders()).toEqual({});
    expect(traceFields()).toEqual({});
  });
  const released = Promise.withResolvers<void>();
  let late: Promise<unknown> = Promise.resolve();
  await inTrace({ name: "request" }, {}, async () => {
    late = released.promise.then(() => inSpan("late", {}, async () => [carriedHeaders(), traceFields()]));
  });
  released.resolve();
  expect(await late).toEqual([{}, {}]);
  await flush();
  expect(collector.spans.map((span) => span.name)).toEqual(["request"]);
  expect(running.openSpans).toBe(0);
});

test("takes parts of a span that another thread measured", async () => {
  const { flush } = await start();
  const trace = openTrace({ name: "call" });
  if (!trace) throw new Error("nothing is traced");
  const at = Math.round(trace.now()) - 1000;
  openSpan(trace, { name: "measured", startedAt: at, attributes: { items: 3 } }).end(at + 250);
  within(trace, () => expect(activeSpan()).toBe(trace));
  trace.end();
  await flush();
  expect(named("measured")).toMatchObject({ startedAt: at, endedAt: at + 250, parentSpanId: named("call").spanId });
});

test("works without tracing as if there were none", async () => {
  const off = await startTracing(undefined, { service: "gateway", warn: () => {} });
  expect(openTrace({ name: "x" })).toBeNull();
  expect(await inTrace({ name: "x" }, {}, () => inSpan("y", {}, async () => carriedHeaders()))).toEqual({});
  expect([traceFields(), activeSpan(), off.openSpans]).toEqual([{}, null, 0]);
});

test("says at most once a minute that a collector is away, refuses or does not answer, and goes on", async () => {
  const { flush } = await start();
  for (const status of [503, 401, 200]) {
    collector.answer(status);
    await inTrace({ name: `with ${status}` }, {}, async () => {});
    await flush();
  }
  expect(collector.spans.map((span) => span.name)).toEqual(["with 200"]);
  expect(said).toHaveLength(1);
  expect(said[0]).toContain(`Traces do not reach ${collector.url}/v1/traces: HTTP status 503. Spans lost: 1.`);
});

test("tells again after a minute how many spans were lost meanwhile", async () => {
  collector.answer(503);
  let time = 0;
  const sentences: string[] = [];
  const warn = (sentence: string) => void sentences.push(sentence);
  const target = { url: `${collector.url}/v1/traces?key=secret`, headers: {}, protocol: "http/protobuf" } as const;
  const exporter = createOtlpExporter(target, { warn }, () => time);
  for (const second of [0, 30, 59, 60, 90]) {
    time = second * 1000;
    exporter.export([], () => {});
    await exporter.forceFlush?.();
  }
  expect(sentences).toHaveLength(2);
  expect(sentences.join()).not.toContain("secret");
});

test("ends soon although the collector never answers", async () => {
  collector.answer("never");
  await start();
  await inTrace({ name: "unsent" }, {}, async () => {});
  await tracing?.[Symbol.asyncDispose]();
  expect(said).toHaveLength(1);
  expect(said[0]).toContain("the process ended. Spans lost: 1.");
});

import { createInferenceClient, failed, InferenceError } from "@medley/inference-api";
import { createFakeInference } from "@medley/inference-api/testing";
import { startTracing, type Tracing } from "@medley/tracing/start";
import { type Collector, openCollector, type ReceivedSpan } from "@medley/tracing/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FailedImage, runIngest } from "./run-ingest.ts";
import { openSource } from "./scan/scan-source.ts";
import { folderOf, openIngestForTest } from "./testing/ingest-for-test.ts";
import { serveInference } from "./testing/inference-server.ts";
import { png } from "./testing/pictures.ts";
import { sourceOptions } from "./testing/source-options.ts";

let collector: Collector;
let tracing: Tracing;
let ingest: Awaited<ReturnType<typeof openIngestForTest>>;
beforeAll(async () => {
  collector = await openCollector();
  ingest = await openIngestForTest();
  const settings = { headers: {}, protocol: "http/protobuf", resourceAttributes: {}, sampleRatio: 1 } as const;
  const warn = (sentence: string) => expect.unreachable(sentence);
  tracing = await startTracing({ ...settings, url: `${collector.url}/v1/traces` }, { service: "ingest", warn });
});
afterAll(async () => {
  await tracing?.[Symbol.asyncDispose]();
  await ingest?.db[Symbol.asyncDispose]();
  await collector?.[Symbol.asyncDispose]();
});

test("makes a trace of each batch, with its counts, its calls and a link to its run, and none of what only looks for work", async () => {
  const fake = createFakeInference({ readBlob: ingest.blobs.read });
  const refusesOne: typeof fake = {
    ...fake,
    async embedImages(images, call) {
      const [, ...others] = await fake.embedImages(images, call);
      return [failed(new InferenceError("INVALID_IMAGE", "The first of each batch is refused.")), ...others];
    },
  };
  await using server = await serveInference(refusesOne);
  await using inference = createInferenceClient({ url: server.url });
  const folder = folderOf({
    "a.png": png(1),
    "a.txt": "a secret caption",
    "b.png": png(2),
    "c.png": png(3),
    "d.png": "no picture",
  });
  const failures: FailedImage[] = [];
  const context = { ...ingest.contextOf(), inference };
  const findings = await openSource(folder, sourceOptions());
  const request = { corpus: ingest.newCorpus(), captions: false, retryFailed: false, findings };
  const listener = { onRegistration: () => {}, onProgress: () => {}, onNote: () => {} };
  await runIngest(context, request, { ...listener, onFailedImage: (each) => void failures.push(each) });
  expect(tracing.openSpans).toBe(0);
  await tracing.flush();

  const { spans } = collector;
  const roots = spans.filter(({ parentSpanId }) => parentSpanId === "");
  const [run, ...more] = roots.filter(({ name }) => name === "ingest run");
  expect(more).toEqual([]);
  expect(run?.attributes).toMatchObject({ "medley.outcome": "DONE", "medley.run.added": 3, "medley.run.rejected": 1 });
  const batches = roots.filter((span) => span !== run);
  expect(new Set(batches.map(({ name }) => name))).toEqual(
    new Set(["ingest register", "ingest embed", "ingest caption-embed"]),
  );
  for (const batch of batches) expect(batch.links).toEqual([{ traceId: run?.traceId, spanId: run?.spanId }]);
  expect(spans.filter(({ traceId }) => traceId === run?.traceId)).toEqual([run]);

  const only = (name: string): ReceivedSpan => {
    const [found, ...rest] = batches.filter((batch) => batch.name === name);
    if (!found || rest.length > 0) throw new Error(`${rest.length + 1} batches of ${name}`);
    return found;
  };
  expect(only("ingest register").attributes).toMatchObject({
    "medley.batch.images": 4,
    "medley.batch.created": 3,
    "medley.batch.rejected": 1,
  });
  const embed = only("ingest embed");
  expect(embed.attributes).toMatchObject({
    "medley.step": "embed",
    "medley.batch.images": 3,
    "medley.batch.done": 2,
    "medley.batch.failed": 1,
  });
  expect(failures).toMatchObject([{ code: "INVALID_IMAGE", trace: { trace_id: embed.traceId } }]);
  const inside = collector.ofTrace(embed.traceId);
  const name = "POST /v2/models/embed-image/infer";
  const client = inside.find((span) => span.name === name && span.kind === "client");
  const answered = inside.find((span) => span.name === name && span.kind === "server");
  expect(client).toMatchObject({ parentSpanId: embed.spanId, attributes: { "medley.items": 3 } });
  expect(answered).toMatchObject({ parentSpanId: client?.spanId, attributes: { "medley.items.failed": 1 } });
  const transaction = inside.find((span) => span.name === "transaction");
  expect(transaction?.parentSpanId).toBe(embed.spanId);
  expect(inside.find((span) => span.name === "INSERT embeddings")?.parentSpanId).toBe(transaction?.spanId);
  for (const text of ["secret", "a.png", "refused", request.corpus]) {
    expect(JSON.stringify(spans), text).not.toContain(text);
  }
});

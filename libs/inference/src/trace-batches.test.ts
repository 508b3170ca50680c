import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inTrace } from "@medley/tracing";
import { startTracing } from "@medley/tracing/start";
import { openCollector, type ReceivedSpan } from "@medley/tracing/testing";
import { expect, test } from "vitest";
import { createLocalInference } from "./local-inference.ts";
import { openModelSet } from "./model-set.ts";
import { openFixture, seededPicture } from "./testing/fixture.ts";

test("shows each call its waiting, the batch that it shared and the worker's time, and links calls of one batch", async () => {
  await using collector = await openCollector();
  const settings = { headers: {}, protocol: "http/protobuf", resourceAttributes: {}, sampleRatio: 1 } as const;
  const warn = (sentence: string) => expect.unreachable(sentence);
  await using tracing = await startTracing(
    { ...settings, url: `${collector.url}/v1/traces` },
    { service: "inference", warn },
  );
  await using inference = await createLocalInference({
    modelSet: await openModelSet(openFixture("retrieval-wide").folder),
    resources: { url: new URL("./testing/raw-pixels.ts", import.meta.url).href, settings: {} },
    graphDirectory: mkdtempSync(join(tmpdir(), "medley-graphs-")),
    workers: 1,
  });
  const calls = ["a dog", "a cat"].map((text) =>
    inTrace({ name: text }, {}, () => inference.embedTexts([text, `${text} here`])),
  );
  const untraced = inference.embedTexts(["a cow"]);
  const broken = inTrace({ name: "picture" }, {}, () =>
    inference.embedImages([{ bytes: seededPicture(1, 42) }, { bytes: Uint8Array.of(1) }]),
  );
  for (const outcomes of await Promise.all(calls)) expect(outcomes.map(({ ok }) => ok)).toEqual([true, true]);
  expect((await untraced).map(({ ok }) => ok)).toEqual([true]);
  await broken;
  expect(tracing.openSpans).toBe(0);
  await tracing.flush();

  const { spans } = collector;
  const partsOf = (name: string) => {
    const whole = spans.find((span) => span.name === name) as ReceivedSpan;
    const parts = spans.filter(({ parentSpanId }) => parentSpanId === whole.spanId);
    const batches = parts.filter((part) => part.name.startsWith("batch "));
    const workers = spans.filter((span) => batches.some(({ spanId }) => spanId === span.parentSpanId));
    return { whole, queued: parts.filter((part) => part.name === "queue"), batches, workers };
  };
  const [dog, cat, image] = [partsOf("a dog"), partsOf("a cat"), partsOf("picture")];
  for (const { whole, queued, batches, workers } of [dog, cat, image]) {
    expect(queued).toHaveLength(batches.length);
    expect(workers).toHaveLength(batches.length);
    for (const [index, batch] of batches.entries()) {
      const times = [
        whole.startedAt,
        ...[queued[index]?.startedAt, queued[index]?.endedAt],
        ...[batch.startedAt, workers[index]?.startedAt, workers[index]?.endedAt, batch.endedAt, whole.endedAt],
      ] as number[];
      expect(times, times.join(" ")).toEqual([...times].sort((a, b) => a - b));
      expect(workers[index]?.attributes["medley.worker.model_ms"]).toBeGreaterThanOrEqual(0);
    }
  }
  // The worker took the first text alone; the others of its length came together, from three calls.
  const shared = cat.batches.find(({ attributes }) => Number(attributes["medley.batch.items"]) > 1) as ReceivedSpan;
  expect(shared.attributes).toMatchObject({ "medley.task": "embedTexts", "medley.items": 1 });
  const twin = dog.batches.find(({ spanId }) => shared.links.some((link) => link.spanId === spanId));
  expect(twin?.attributes["medley.batch.items"]).toBe(shared.attributes["medley.batch.items"]);
  const failures = image.batches.map(({ attributes }) => attributes["medley.batch.items.failed"]);
  expect(failures).toEqual([0, 1]);
});

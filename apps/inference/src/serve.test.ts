import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createInferenceClient, createInferenceHandler, type Inference } from "@medley/inference-api";
import { CONFORMANCE, createFakeInference } from "@medley/inference-api/testing";
import { type ListeningServer, serve } from "./serve.ts";

const picture = Buffer.from("89504e470d0a1a0a", "hex");
const storedSha256 = createHash("sha256").update(picture).digest("hex");

const readBlob = async (sha256: string) => {
  if (sha256 === storedSha256) return picture;
  throw new Error("absent");
};

function listen(inference: Inference, maxBodyBytes = 1_000_000): Promise<ListeningServer> {
  return serve({ handle: createInferenceHandler(inference), host: "127.0.0.1", port: 0, maxBodyBytes });
}

describe("the fake engine behind a real HTTP server", () => {
  let server: ListeningServer;
  beforeAll(async () => {
    server = await listen(createFakeInference({ readBlob }));
  });
  afterAll(() => server[Symbol.asyncDispose]());

  for (const { id, promise, run } of CONFORMANCE) {
    test(`${id} ${promise}`, () =>
      run({ inference: createInferenceClient({ url: server.url }), picture, storedSha256 }));
  }
});

test("refuses a body above its limit without reading it into memory", async () => {
  await using server = await listen(createFakeInference(), 1000);
  const client = createInferenceClient({ url: server.url });
  await expect(client.embedTexts(["x".repeat(2000)])).rejects.toMatchObject({ retryable: false });
});

test("gives up the items of a caller that has gone", async () => {
  const arrived = Promise.withResolvers<AbortSignal | undefined>();
  const held = Promise.withResolvers<void>();
  const engine = createFakeInference({
    before: (_, { signal }) => {
      arrived.resolve(signal);
      return held.promise;
    },
  });
  await using server = await listen(engine);
  const caller = new AbortController();
  const call = createInferenceClient({ url: server.url }).embedTexts(["a"], { signal: caller.signal });
  const signal = await arrived.promise;
  caller.abort();
  expect(await call).toMatchObject([{ ok: false, error: { code: "CANCELLED" } }]);
  await new Promise<void>((resolve) =>
    signal?.aborted ? resolve() : signal?.addEventListener("abort", () => resolve()),
  );
  held.resolve();
});

test("lets a request in flight finish when it is told to stop", async () => {
  const arrived = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const engine = createFakeInference({
    before: () => {
      arrived.resolve();
      return held.promise;
    },
  });
  const server = await listen(engine);
  const call = createInferenceClient({ url: server.url }).embedTexts(["a"]);
  await arrived.promise;
  const closed = server[Symbol.asyncDispose]();
  held.resolve();
  expect(await call).toMatchObject([{ ok: true }]);
  await closed;
  await expect(createInferenceClient({ url: server.url }).embedTexts(["a"])).rejects.toMatchObject({
    code: "UNAVAILABLE",
  });
});

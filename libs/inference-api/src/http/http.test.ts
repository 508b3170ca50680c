import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Inference } from "../inference.ts";
import { InferenceError, type InferenceErrorCode } from "../outcome.ts";
import { createInferenceClient } from "./client.ts";
import { CONFORMANCE } from "./conformance.ts";
import { createFakeInference, type FakeInferenceOptions } from "./fake-inference.ts";
import { createInferenceHandler, type HandledRequest } from "./handler.ts";

const picture = Buffer.from("89504e470d0a1a0a", "hex");
const storedSha256 = createHash("sha256").update(picture).digest("hex");

function fake(options: FakeInferenceOptions = {}): Inference {
  return createFakeInference({
    readBlob: async (sha256) => (sha256 === storedSha256 ? picture : Promise.reject(new Error("absent"))),
    ...options,
  });
}

/** A client whose fetch calls the handler of the engine directly. */
function connect(inference: Inference, onInfer?: (request: HandledRequest) => void): Inference {
  const handle = createInferenceHandler(inference, { ...(onInfer && { onInfer }) });
  return createInferenceClient({
    url: "http://inference.test/",
    fetch: async (input, init) => {
      init?.signal?.throwIfAborted();
      const { pathname } = new URL(String(input));
      const reply = await handle({
        method: init?.method ?? "GET",
        path: pathname,
        body: String(init?.body ?? ""),
        ...(init?.signal && { signal: init.signal }),
      });
      return new Response(reply.body, { status: reply.status, headers: reply.headers });
    },
  });
}

describe.each([
  { engine: "the fake engine", inference: fake() },
  { engine: "the fake engine behind client and handler", inference: connect(fake()) },
])("$engine", ({ inference }) => {
  for (const { id, promise, run } of CONFORMANCE) {
    test(`${id} ${promise}`, () => run({ inference, picture, storedSha256 }));
  }
});

test("carries every value over HTTP without losing a bit", async () => {
  const [direct, remote] = [fake(), connect(fake())];
  const images = [{ bytes: picture }, { sha256: "00" }, { sha256: storedSha256 }];
  const request = { prompt: "a photo of ", decoding: { method: "beam", beams: 3, minLength: 5 } } as const;
  const rank = { mode: "rank", answers: ["yes", "no"], candidates: 2 } as const;
  const questions = images.map((image) => ({ image, question: "how many?" }));
  expect(await remote.models()).toEqual(await direct.models());
  expect(await remote.embedImages(images)).toEqual(await direct.embedImages(images));
  expect(await remote.embedTexts(["a", ""])).toEqual(await direct.embedTexts(["a", ""]));
  expect(await remote.matchImages("a", images, { role: "filter" })).toEqual(
    await direct.matchImages("a", images, { role: "filter" }),
  );
  expect(await remote.matchTexts({ bytes: picture }, ["a", ""], { itcCosine: true })).toEqual(
    await direct.matchTexts({ bytes: picture }, ["a", ""], { itcCosine: true }),
  );
  const asked = images.map((image, index) => ({ image, word: "dog", ...(index > 0 && { text: "a dog" }) }));
  const maps = await remote.mapEvidence([...asked, { image: { bytes: picture }, word: "cat", text: "a dog" }]);
  expect(maps).toEqual(await direct.mapEvidence([...asked, { image: { bytes: picture }, word: "cat", text: "a dog" }]));
  expect(maps.map((one) => (one.ok ? one.value.rows : one.error.code))).toEqual([
    4,
    "IMAGE_NOT_FOUND",
    4,
    "WORD_NOT_IN_TEXT",
  ]);
  expect(await remote.captionImages(images, request)).toEqual(await direct.captionImages(images, request));
  expect(await remote.answerQuestions(questions, rank)).toEqual(await direct.answerQuestions(questions, rank));
});

test.each<InferenceErrorCode>(["OVERLOADED", "MODEL_NOT_FOUND", "UNSUPPORTED", "ENGINE_FAILED", "UNAVAILABLE"])(
  "keeps the code %s of a call that was refused as a whole",
  async (code) => {
    const refusing = fake({
      before: () => {
        throw new InferenceError(code, "Inference queue is full (256 waiting, limit 256).");
      },
    });
    const refusal = await connect(refusing)
      .embedTexts(["a dog"])
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(InferenceError);
    expect(refusal).toMatchObject({ code, message: "Inference queue is full (256 waiting, limit 256)." });
  },
);

test("takes 429 and 503 of another server for a retryable overload", async () => {
  for (const status of [429, 503]) {
    const client = createInferenceClient({
      url: "http://triton.test",
      fetch: async () => new Response("", { status }),
    });
    await expect(client.embedTexts(["a"])).rejects.toMatchObject({ code: "OVERLOADED", retryable: true });
  }
});

test("says where it looked when no server answers", async () => {
  const client = createInferenceClient({ url: "http://127.0.0.1:9" });
  await expect(client.embedTexts(["a"])).rejects.toMatchObject({ code: "UNAVAILABLE", retryable: true });
  await expect(client.models()).rejects.toThrow("http://127.0.0.1:9");
});

test("refuses a server that speaks something else", async () => {
  const client = createInferenceClient({ url: "http://web.test", fetch: async () => new Response("<html>") });
  await expect(client.embedTexts(["a"])).rejects.toMatchObject({ code: "UNSUPPORTED", retryable: false });
  await expect(client.models()).rejects.toThrow("Check INFERENCE_URL");
});

test("passes the deadline of a call on to the server", async () => {
  let told: number | undefined;
  const watching = fake({ before: (_, { deadlineMs }) => void (told = deadlineMs) });
  await connect(watching).embedTexts(["a"], { deadlineMs: 4321 });
  expect(told).toBe(4321);
});

test("makes the deadline the outcome of each item when the server stays silent", async () => {
  const silent: typeof fetch = (_, init) =>
    new Promise((_resolve, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
  const client = createInferenceClient({ url: "http://slow.test", fetch: silent, answerGraceMs: 0 });
  const outcomes = await client.embedTexts(["a", "b"], { deadlineMs: 5 });
  expect(outcomes.map((outcome) => !outcome.ok && outcome.error.code)).toEqual([
    "DEADLINE_EXCEEDED",
    "DEADLINE_EXCEEDED",
  ]);
});

test("gives up the items on the server when the caller aborts", async () => {
  const abort = new AbortController();
  const seen: (AbortSignal | undefined)[] = [];
  const slow = fake({
    before: (_, { signal }) => {
      seen.push(signal);
      abort.abort();
    },
  });
  await connect(slow).embedTexts(["a"], { signal: abort.signal });
  expect(seen[0]?.aborted).toBe(true);
});

describe("the handler", () => {
  const lines: HandledRequest[] = [];
  const handle = createInferenceHandler(fake(), { onInfer: (line) => lines.push(line) });
  const get = (path: string) => handle({ method: "GET", path, body: "" });
  const post = (path: string, body: unknown) =>
    handle({ method: "POST", path, body: typeof body === "string" ? body : JSON.stringify(body) });

  test.each([
    ["/v2", 200],
    ["/v2/health/live", 200],
    ["/v2/health/ready", 200],
    ["/v2/models", 200],
    ["/v2/models/embed-image", 200],
    ["/v2/models/embed-image/ready", 200],
    ["/v2/models/gpt", 404],
    ["/v2/models/embed-image/infer", 405],
    ["/elsewhere", 404],
  ])("answers GET %s with %i", async (path, status) => {
    expect((await get(path)).status).toBe(status);
  });

  test.each([
    ["not JSON", "{", "is not JSON"],
    ["no inputs", {}, "inputs"],
    ["a missing tensor", { inputs: [] }, '"text" (BYTES) is missing'],
    [
      "a wrong shape",
      { inputs: [{ name: "text", shape: [3], datatype: "BYTES", data: ["a"] }] },
      "expected 3 values, not 1",
    ],
    ["numbers for texts", { inputs: [{ name: "text", shape: [1], datatype: "FP32", data: [1] }] }, "expected BYTES"],
  ])("answers a request with %s by 400 and says what is wrong", async (_, body, message) => {
    const reply = await post("/v2/models/embed-text/infer", body);
    expect(reply.status).toBe(400);
    expect(JSON.parse(reply.body).error).toContain(message);
  });

  test("repeats the id of the request and logs one line with its counts", async () => {
    const inputs = [{ name: "text", shape: [2], datatype: "BYTES", data: ["a", ""] }];
    const reply = await post("/v2/models/embed-text/infer", { id: "my-request", inputs });
    expect(JSON.parse(reply.body).id).toBe("my-request");
    expect(lines.at(-1)).toMatchObject({ requestId: "my-request", model: "embed-text", items: 2, failedItems: 1 });
  });

  test("counts requests and items for Prometheus", async () => {
    const metrics = (await get("/metrics")).body;
    expect(metrics).toContain('medley_inference_items_total{model="embed-text",code="INVALID_TEXT"} 1');
    expect(metrics).toContain('medley_inference_request_seconds_bucket{model="embed-text",le="+Inf"}');
  });

  test("is not ready any more while the server shuts down", async () => {
    const closing = createInferenceHandler(fake(), { isReady: () => false });
    expect((await closing({ method: "GET", path: "/v2/health/ready", body: "" })).status).toBe(503);
  });
});

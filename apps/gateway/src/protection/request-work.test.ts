import type { CallOptions } from "@medley/inference-api";
import { createFakeInference } from "@medley/inference-api/testing";
import { expect, test } from "vitest";
import { bindToRequest } from "./request-work.ts";

/** An engine that works until it is told to stop. */
function slowEngine() {
  const stopped: string[] = [];
  const inference = createFakeInference({
    before: (method, { signal }: CallOptions) =>
      new Promise<void>((resolve) => {
        if (signal === undefined) throw new Error("The call has no signal.");
        if (signal.aborted) resolve();
        signal.addEventListener("abort", () => {
          stopped.push(method);
          resolve();
        });
      }),
  });
  return { inference, stopped };
}

test("tells the engine to stop when the caller goes away", async () => {
  const { inference, stopped } = slowEngine();
  const caller = new AbortController();
  const work = bindToRequest(inference, { gone: caller.signal, timeoutMs: 60_000 });
  const call = work.inference.embedTexts(["a dog"]);
  caller.abort();
  expect(await call).toMatchObject([{ ok: false, error: { code: "CANCELLED" } }]);
  expect(stopped).toEqual(["embedTexts"]);
  expect(await work.inference.embedTexts(["late"])).toMatchObject([{ ok: false, error: { code: "CANCELLED" } }]);
});

test("tells the engine to stop when the time is over, and says so", async () => {
  const { inference, stopped } = slowEngine();
  const work = bindToRequest(inference, { gone: new AbortController().signal, timeoutMs: 20 });
  const [outcome] = await work.inference.embedTexts(["a dog"]);
  expect(outcome).toMatchObject({
    ok: false,
    error: { code: "DEADLINE_EXCEEDED", message: expect.stringContaining("20 ms") },
  });
  expect(stopped).toEqual(["embedTexts"]);
});

test("keeps the caller's own signal, and counts what calls took", async () => {
  const { inference, stopped } = slowEngine();
  const methods: string[] = [];
  const onCall = (method: string) => void methods.push(method);
  const work = bindToRequest(inference, { gone: new AbortController().signal, timeoutMs: 60_000, onCall });
  expect(work.spentMs()).toBe(0);
  const own = new AbortController();
  const call = work.inference.embedTexts(["a dog"], { signal: own.signal });
  await new Promise((resolve) => setTimeout(resolve, 20));
  own.abort();
  expect(await call).toMatchObject([{ ok: false, error: { code: "CANCELLED" } }]);
  expect(stopped).toEqual(["embedTexts"]);
  expect(work.spentMs()).toBeGreaterThan(5);
  expect(methods).toEqual(["embedTexts"]);
});

import { expect, test } from "vitest";
import type { Supervised } from "./supervisor.ts";
import { borrowServer } from "./take-over.ts";

/** Two servers that can be there or not, and what became of our own. */
function createPlace({ starts = [true] }: { starts?: readonly boolean[] } = {}) {
  const place = { alive: true, started: 0, stopped: 0, notes: [] as string[], lose: (_error: Error) => {} };
  const start = (): Supervised => {
    const works = starts[place.started] ?? true;
    place.started += 1;
    const lost = Promise.withResolvers<never>();
    lost.promise.catch(() => {});
    place.lose = lost.reject;
    const listening = works ? Promise.resolve("http://here") : Promise.reject(new Error("The port is in use."));
    return { listening, lost: lost.promise, stop: async () => void (place.stopped += 1), kill: () => {} };
  };
  const borrowed = borrowServer({
    isAlive: async () => place.alive,
    start,
    onNote: (note) => place.notes.push(note),
    lookEveryMs: 5,
    patienceMs: 60,
  });
  return { place, borrowed };
}

test("leaves a server alone that answers, or comes back in time", async () => {
  const { place, borrowed } = createPlace();
  place.alive = false;
  await new Promise((resolve) => setTimeout(resolve, 20));
  place.alive = true;
  await new Promise((resolve) => setTimeout(resolve, 150));
  await borrowed[Symbol.asyncDispose]();
  expect(place).toMatchObject({ started: 0, notes: [] });
});

test("starts one in the place of a server that is gone, and stops it at the end", async () => {
  const { place, borrowed } = createPlace();
  place.alive = false;
  await expect.poll(() => place.started).toBe(1);
  expect(place.notes).toEqual(["The inference server of another command is gone. Starting one in its place."]);
  place.lose(new Error("died 5 times"));
  await expect(borrowed.lost).rejects.toThrow("died 5 times");
  await borrowed[Symbol.asyncDispose]();
  expect(place.stopped).toBe(1);
});

test("goes on watching when the other command was faster after all", async () => {
  const { place, borrowed } = createPlace({ starts: [false, true] });
  place.alive = false;
  await expect.poll(() => place.started).toBe(2);
  await borrowed[Symbol.asyncDispose]();
  expect(place.stopped).toBe(2);
});

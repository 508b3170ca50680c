import { expect, test } from "vitest";
import { createProgressLine } from "./progress-line.ts";

function record(isTerminal: boolean) {
  const written: string[] = [];
  let now = 0;
  const line = createProgressLine({ isTerminal, write: (text) => written.push(text), clock: () => now });
  return { written, at: (ms: number, done: number, what = "embedding") => ((now = ms), line.show(what, done, 100)) };
}

test("says rate and time left once there is a rate, and how long it took", () => {
  const { written, at } = record(false);
  at(0, 10);
  at(20_000, 50);
  at(45_000, 100);
  expect(written).toEqual([
    "embedding: 10 of 100\n",
    "embedding: 50 of 100, 2.00 a second, 25 s left\n",
    "embedding: 100 in 45 s, 2.00 a second\n",
  ]);
});

test("writes rarely into a log, but the end of each step", () => {
  const { written, at } = record(false);
  for (let done = 1; done <= 100; done++) at(done * 10, done);
  at(1100, 1, "matching");
  expect(written).toEqual(["embedding: 1 of 100\n", "embedding: 100 in 1.0 s, 100 a second\n", "matching: 1 of 100\n"]);
});

test("writes over its own line on a terminal", () => {
  const { written, at } = record(true);
  at(0, 1);
  at(100, 2);
  at(250, 100);
  expect(written).toEqual([
    "\r\u001b[Kembedding: 1 of 100",
    expect.stringMatching(/^\r\u001b\[Kembedding: 100 in .*\n$/),
  ]);
});

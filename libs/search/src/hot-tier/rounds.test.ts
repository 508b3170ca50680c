import { expect, test } from "vitest";
import { createRounds } from "./rounds.ts";

test("gives everyone a round that began after he asked, and those who wait the same one", async () => {
  const begun: PromiseWithResolvers<void>[] = [];
  const ask = createRounds(() => {
    const round = Promise.withResolvers<void>();
    begun.push(round);
    return round.promise;
  });
  const first = ask();
  const [second, third] = [ask(), ask()];
  expect(begun).toHaveLength(1);
  begun[0]?.resolve();
  await first;
  await Promise.resolve();
  expect(begun).toHaveLength(2);
  const fourth = ask();
  begun[1]?.resolve();
  await Promise.all([second, third]);
  begun[2]?.resolve();
  await fourth;
  expect(begun).toHaveLength(3);
});

test("a round that fails fails those who shared it, and the next one begins all the same", async () => {
  let calls = 0;
  const ask = createRounds(async () => {
    calls += 1;
    if (calls === 1) throw new Error("away");
  });
  const [first, second] = [ask(), ask()];
  await expect(first).rejects.toThrow("away");
  await second;
  await ask();
  expect(calls).toBe(3);
});

import { expect, test } from "vitest";
import { shareReads } from "./shared-reads.ts";

/** Reads that end when they are told to, and what each was asked for. */
function controlled() {
  const asked: string[][] = [];
  const ends: PromiseWithResolvers<void>[] = [];
  const read = shareReads(async (keys) => {
    asked.push([...keys]);
    const end = Promise.withResolvers<void>();
    ends.push(end);
    await end.promise;
    return new Map(keys.filter((key) => key !== "absent").map((key) => [key, `${key} of read ${asked.length}`]));
  });
  return { asked, ends, read };
}

test("asks at once for the first, and once for all who come meanwhile, who get nothing older than their question", async () => {
  const { asked, ends, read } = controlled();
  const first = read(["a"]);
  const others = [read(["a", "b"]), read(["b", "absent"]), read([])];
  expect(asked).toEqual([["a"]]);
  ends[0]?.resolve();
  expect(await first).toEqual(new Map([["a", "a of read 1"]]));
  expect(asked).toEqual([["a"], ["a", "b", "absent"]]);
  ends[1]?.resolve();
  const [second, third] = await Promise.all(others);
  expect(second?.get("a")).toBe("a of read 2");
  expect([third?.get("b"), third?.get("absent")]).toEqual(["b of read 2", undefined]);
  const last = read(["c"]);
  expect(asked[2]).toEqual(["c"]);
  ends[2]?.resolve();
  expect((await last).get("c")).toBe("c of read 3");
});

test("a read that fails fails for those whom it was for, and for nobody else", async () => {
  const { ends, read } = controlled();
  const failing = [read(["a"])];
  const next = read(["b"]);
  ends[0]?.reject(new Error("the database is away"));
  await expect(failing[0]).rejects.toThrow("the database is away");
  ends[1]?.resolve();
  expect((await next).get("b")).toBe("b of read 2");
});

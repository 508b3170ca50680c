import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBlip } from "@medley/blip";
import { expect, test } from "vitest";
import { fingerprintsOf } from "./fingerprint.ts";
import { openFixture } from "./testing/fixture.ts";

const cache = mkdtempSync(join(tmpdir(), "medley-fingerprints-"));

async function fingerprints(name: string, itmToken: "enc" | "cls" = "enc") {
  return await fingerprintsOf(await openBlip(`${openFixture("forms").folder}/${name}`), itmToken, cache);
}

test("fingerprints are equal for the same weights in every file form", async () => {
  const single = await fingerprints("retrieval-fp32");
  expect(await fingerprints("retrieval-bin")).toEqual(single);
  expect(await fingerprints("retrieval-sharded")).toEqual(single);
});

test("fingerprints differ for other number formats", async () => {
  expect((await fingerprints("retrieval-fp16")).model).not.toBe((await fingerprints("retrieval-fp32")).model);
});

test("the first matching token changes the model's fingerprint but not that of its image tokens", async () => {
  const [enc, cls] = [await fingerprints("retrieval-fp32"), await fingerprints("retrieval-fp32", "cls")];
  expect(cls.model).not.toBe(enc.model);
  expect(cls.vision).toBe(enc.vision);
});

test("a fingerprint from the cache equals a computed one", async () => {
  const fresh = mkdtempSync(join(tmpdir(), "medley-fingerprints-"));
  const blip = await openBlip(`${openFixture("forms").folder}/retrieval-fp32`);
  const computed = await fingerprintsOf(blip, "enc", fresh);
  expect(await fingerprintsOf(blip, "enc", fresh)).toEqual(computed);
});

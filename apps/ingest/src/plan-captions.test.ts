import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakeInference } from "@medley/inference-api/testing";
import { ensureCorpus, openDatabase } from "@medley/storage";
import { expect, test } from "vitest";
import { planCaptions } from "./plan-captions.ts";
import { sayOnce } from "./report.ts";

test("says of models once what holds for every corpus, and of each corpus what holds for it", async () => {
  const home = mkdtempSync(join(tmpdir(), "medley-plan-captions-"));
  await using db = await openDatabase({ home, databaseUrl: process.env.TEST_DATABASE_URL });
  const served = await createFakeInference({}).models();
  const oneCheckpoint = served.map((model) => ({ ...model, fingerprint: "the only one" }));
  const said = new Set<string>();
  const shown: string[] = [];
  const names = ["first", "second"].map((name) => `${name}-${process.pid}-${Date.now()}`);
  for (const name of names) {
    const { id } = await ensureCorpus(db, { name });
    const onNote = sayOnce(name, said, (line) => shown.push(line));
    // A worker that watches plans each corpus again and again.
    for (let look = 0; look < 2; look += 1) await planCaptions({ db }, id, oneCheckpoint, { onNote });
    onNote("The corpus is paused.");
  }
  expect(shown).toEqual([
    expect.stringMatching(/^Note: Confirmation bias: captioner and filter are one checkpoint/),
    ...names.map((name) => `Note: ${name}: The corpus is paused.`),
  ]);
}, 120_000);

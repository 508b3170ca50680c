import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findCorpus, openDatabase, registerImage } from "@medley/storage";
import { afterAll, expect, test } from "vitest";
import { runMedley } from "./testing/run-medley.ts";

const home = mkdtempSync(join(tmpdir(), "medley-corpus-"));
afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }));

const medley = (...args: string[]) => runMedley(args, { home });
const attributes = (...args: string[]) => medley("corpus", "attributes", ...args, "--corpus", "shop");

test("declares the attributes of a corpus from a file, converts what is there and says what does not fit", async () => {
  const file = join(home, "shop.json");
  writeFileSync(file, JSON.stringify({ price: "number", size: { type: "text", list: true, values: ["S", "M"] } }));
  expect(await attributes("set", file)).toMatchObject({ code: 0 });
  await using db = await openDatabase({ home });
  const corpusId = (await findCorpus(db, "shop"))?.id ?? "";
  await registerImage(db, { corpusId, sha256: "a".repeat(64), origin: "a.png", attributes: { price: "dear" } });
  expect((await attributes("show")).output).toBe(
    'price: a number such as 12.5\nsize: a list, each member one of "S", "M"\n',
  );

  writeFileSync(file, JSON.stringify({ price: { type: "number", required: true } }));
  const changed = JSON.parse((await attributes("set", file, "--json")).output);
  expect(changed).toMatchObject({ corpus: "shop", changed: true, converted: 0, unfit: 1 });
  expect(changed.examples[0]).toMatchObject({ origin: "a.png" });

  writeFileSync(file, JSON.stringify({ price: "money" }));
  const wrong = await attributes("set", file);
  expect(wrong).toMatchObject({ code: 1, errors: expect.stringContaining('has the type "money", expected text') });
  expect((await attributes("clear")).errors).toContain("0 pictures");
  expect((await attributes("show", "--json")).output).toBe('{"corpus":"shop","attributes":[]}\n');
  expect(await attributes("set", join(home, "none.json"))).toMatchObject({
    code: 1,
    errors: expect.stringContaining("cannot be read"),
  });
}, 240_000);

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readSettings } from "@medley/config";
import { openDatabase, saveModel } from "@medley/storage";
import { afterAll, expect, test } from "vitest";
import { modelToLoad } from "../commands/reindex.ts";
import { recordsOf, runMedley } from "../testing/run-medley.ts";
import { findModel } from "./open-engine.ts";

const folder = mkdtempSync(join(tmpdir(), "medley-registered-"));
const home = join(folder, "home");
const settings = readSettings({ MEDLEY_HOME: home });
const CHECKPOINT = resolve(import.meta.dirname, "../../../../libs/blip/fixtures/retrieval-wide");
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }));

test("lists registered models and finds them by name, under which they stay", { timeout: 240_000 }, async () => {
  expect(await runMedley(["models", "list"], { home, folder })).toMatchObject({ code: 0 });
  expect(existsSync(join(home, "database")), "a database that nobody needs").toBe(false);
  await expect(findModel(settings, "new-season")).rejects.toThrow('There is no checkpoint "new-season"');
  await using db = await openDatabase({ home });
  await saveModel(db, { name: "new-season", fingerprint: "f".repeat(64), checkpoint: CHECKPOINT, itcWeight: 0.25 });
  await saveModel(db, { name: "far", fingerprint: "e".repeat(64), checkpoint: "/srv/elsewhere/blip", itcWeight: 1 });
  const listed = await runMedley(["models", "list", "--json"], { home, folder });
  expect(recordsOf(listed)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ name: "new-season", path: CHECKPOINT, roles: [], layout: "huggingface" }),
      { name: "far", path: "/srv/elsewhere/blip", roles: [], registered: "e".repeat(64) },
    ]),
  );
  expect(await findModel(settings, "new-season")).toBe(CHECKPOINT);
  expect(await modelToLoad(settings, { model: "new-season" })).toEqual({
    checkpoint: CHECKPOINT,
    name: "new-season",
    itcWeight: 0.25,
  });
  expect(await modelToLoad(settings, { model: CHECKPOINT })).toEqual({
    checkpoint: CHECKPOINT,
    name: "retrieval-wide",
  });
  await expect(findModel(settings, "old-season")).rejects.toThrow('"far", "new-season"');
  const away = { ...settings, databaseUrl: "postgresql://me@127.0.0.1:1/x" };
  await expect(findModel(away, "old-season")).rejects.toThrow(
    /^There is no checkpoint "old-season".* Registered models could not be looked up: /,
  );
});

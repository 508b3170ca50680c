import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { recordsOf, runMedley } from "./testing/run-medley.ts";

const REPOSITORY = resolve(import.meta.dirname, "../../..");
const CHECKPOINTS = join(REPOSITORY, "libs/blip/fixtures");
const PICTURES = join(REPOSITORY, "assets/demo/images/fluent-3d");
const SECOND = join(CHECKPOINTS, "retrieval-wide");

const folder = mkdtempSync(join(tmpdir(), "medley-reindex-cli-"));
const home = join(folder, "home");
const pictures = join(folder, "pictures");
const models = join(folder, "medley.models.json");
mkdirSync(pictures);
for (const name of ["red-apple", "snail", "socks"])
  cpSync(join(PICTURES, `${name}.webp`), join(pictures, `${name}.webp`));
const roles = { retrieval: { checkpoint: join(CHECKPOINTS, "retrieval-square") } };
writeFileSync(models, JSON.stringify({ name: "small", roles }));

const medley = (...args: string[]) =>
  runMedley(args, { home, folder, env: { MEDLEY_MODELS: models, INFERENCE_WORKERS: "1" } });
const onCorpus = ["--corpus", "photos"] as const;
const spaces = async () =>
  recordsOf<{ id: string; state: string; vectors: number }>(await medley("spaces", "list", ...onCorpus, "--json"));

test("moves a corpus into another model's space when it is forced to, goes back, and deletes what stands by", {
  timeout: 600_000,
}, async () => {
  expect((await medley("reindex", ...onCorpus, "--model", SECOND)).errors).toContain('There is no corpus "photos"');
  expect((await medley("ingest", pictures, ...onCorpus, "--no-captions")).code).toBe(0);
  expect((await medley("reindex", ...onCorpus)).code).toBe(2);
  const unknown = await medley("reindex", ...onCorpus, "--model", "nobody");
  expect(unknown).toMatchObject({ code: 1, errors: expect.stringContaining('There is no checkpoint "nobody"') });
  const captioner = await medley("reindex", ...onCorpus, "--model", join(CHECKPOINTS, "captioner"));
  expect(captioner).toMatchObject({ code: 1, errors: expect.stringContaining("cannot serve as retrieval") });

  const refused = await medley("reindex", ...onCorpus, "--model", SECOND, "--name", "wide");
  expect(refused).toMatchObject({
    code: 1,
    output: expect.stringContaining("TOO_FEW_QUERIES: Only 0 pictures have a text of people or of the web"),
    errors: expect.stringContaining("force the change to make it all the same"),
  });
  expect((await spaces()).map(({ state, vectors }) => [state, vectors])).toEqual([
    ["BUILDING", 3],
    ["ACTIVE", 3],
  ]);
  const forced = await medley("reindex", ...onCorpus, "--model", SECOND, "--name", "wide", "--force", "--json");
  expect(forced.code).toBe(0);
  expect(recordsOf(forced).at(-1)).toMatchObject({
    operation: { kind: "REINDEX", state: "SUCCEEDED" },
    comparison: { coverage: { wanted: 3, missing: 0 }, queries: 0 },
  });
  // A new process, whose inference server knows only the model set: the registered model is loaded again.
  const search = await medley("search", "an apple", ...onCorpus, "--json");
  expect(search.code).toBe(0);
  expect(recordsOf(search).length).toBe(3);
  expect((await medley("reindex", ...onCorpus, "--model", SECOND)).errors).toContain("is searched in the space of");

  const rolledBack = await medley("spaces", "rollback", ...onCorpus, "--json");
  expect(rolledBack.code).toBe(0);
  const [wide, square] = await spaces();
  expect([wide?.state, square?.state]).toEqual(["STANDBY", "ACTIVE"]);
  expect((await medley("spaces", "retire", square?.id ?? "", ...onCorpus)).code).toBe(1);
  const retired = await medley("spaces", "retire", wide?.id ?? "", ...onCorpus);
  expect(retired).toMatchObject({ code: 0, errors: expect.stringContaining('3 vectors of "photos" were deleted.') });
  const nowhere = await medley("spaces", "rollback", ...onCorpus);
  expect(nowhere).toMatchObject({ code: 1, errors: expect.stringContaining("none stands by") });
});

test("renews what a corpus holds, and says what does not go together before anything is started", {
  timeout: 600_000,
}, async () => {
  for (const [args, sentence] of [
    [["--refill", "--recaption"], "--refill and --recaption exclude each other"],
    [["--model", SECOND, "--dry-run"], "--dry-run does not go with --model"],
    [["--recaption", "--where", '{"colour":"red"}'], '--where: The filter has "colour", expected one of and, or'],
  ] as const) {
    const wrong = await medley("reindex", ...onCorpus, ...args);
    expect(wrong).toMatchObject({ code: 2, errors: expect.stringContaining(sentence) });
  }
  const unknown = await medley("reindex", "--corpus", "nowhere", "--refill");
  expect(unknown).toMatchObject({ code: 1, errors: expect.stringContaining('There is no corpus "nowhere"') });
  expect((await medley("ingest", pictures, ...onCorpus, "--no-captions")).code).toBe(0);
  rmSync(join(home, "thumbnails"), { recursive: true });
  rmSync(join(home, "tokens"), { recursive: true });
  const refilled = await medley("reindex", ...onCorpus, "--refill", "--json");
  expect(refilled.code).toBe(0);
  expect(recordsOf(refilled).at(-1)).toMatchObject({
    operation: {
      kind: "REFILL",
      state: "SUCCEEDED",
      counts: { prepareMissing: 3, tokensMissing: 3, embedMissing: 3, embedDone: 3, prepareDone: 3 },
    },
  });
  expect(existsSync(join(home, "thumbnails"))).toBe(true);
  const mute = await medley("reindex", ...onCorpus, "--recaption");
  expect(mute).toMatchObject({ code: 1, errors: expect.stringContaining("The model set has no captioner") });
});

import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { activeSpace, createOperation, findCorpus, listImages, openDatabase, STEPS } from "@medley/storage";
import { expect, test } from "vitest";
import { recordsOf, runMedley } from "./testing/run-medley.ts";

const REPOSITORY = resolve(import.meta.dirname, "../../..");
const CHECKPOINTS = join(REPOSITORY, "libs/blip/fixtures");
const PICTURES = join(REPOSITORY, "assets/demo/images/fluent-3d");

const folder = mkdtempSync(join(tmpdir(), "medley-steps-cli-"));
const home = join(folder, "home");
const pictures = join(folder, "pictures");
const models = join(folder, "medley.models.json");
mkdirSync(pictures);
for (const name of ["red-apple", "snail", "socks"]) {
  cpSync(join(PICTURES, `${name}.webp`), join(pictures, `${name}.webp`));
}
writeFileSync(join(pictures, "note.jpg"), "no picture");
const roles = {
  retrieval: { checkpoint: join(CHECKPOINTS, "retrieval-square") },
  captioner: { checkpoint: join(CHECKPOINTS, "captioner") },
};
writeFileSync(models, JSON.stringify({ name: "small", roles }));

interface Ended {
  readonly code: number | null;
  readonly record: unknown;
  readonly output: string;
  readonly errors: string;
}

async function medley(...args: string[]): Promise<Ended> {
  const ended = await runMedley(args, { home, folder, env: { MEDLEY_MODELS: models, INFERENCE_WORKERS: "1" } });
  return { ...ended, record: args.includes("--json") ? recordsOf(ended)[0] : undefined };
}

const onCorpus = ["--corpus", "photos"] as const;
const steps = (command: string, ...more: string[]) => medley("steps", command, ...onCorpus, ...more);

/** Fails the step of the first picture by that name as a model that refuses it does. */
async function failEmbedding(): Promise<void> {
  await using db = await openDatabase({ home });
  const corpusId = (await findCorpus(db, "photos"))?.id ?? "";
  const spaceId = (await activeSpace(db, corpusId))?.id;
  const [image] = await listImages(db, corpusId, { limit: 1 });
  await db.query(
    `update image_steps set state = case step when 'embed' then 'failed' else 'excluded' end,
       error_code = case step when 'embed' then 'INVALID_IMAGE' else 'EARLIER_STEP_FAILED' end,
       error_class = case step when 'embed' then 'PERMANENT' end, error_message = 'The model refuses it.'
     where image_id = $1::uuid and space_id = $2::uuid and step in ('embed', 'caption', 'filter')`,
    [image?.id, spaceId],
  );
  await createOperation(db, { kind: "INGEST", corpusId, state: "RUNNING" });
}

test("shows the work on a corpus, pauses it, resumes it, tries failures again by filter, and does open steps alone", {
  timeout: 600_000,
}, async () => {
  const missing = await medley("ingest", "--corpus", "nobody");
  expect(missing).toMatchObject({ code: 1, errors: expect.stringContaining('There is no corpus "nobody"') });
  expect((await medley("ingest", pictures, ...onCorpus, "--priority", "-3")).code).toBe(0);
  await failEmbedding();
  const status = await steps("status");
  expect(status.output).toMatch(/^embed +0 +0 +2 +1 +0 +0$/m);
  expect(status.output).toMatch(/^caption +0 +0 +2 +0 +1 +0$/m);
  expect(status.output).toContain("embed: INVALID_IMAGE (permanent): 1 failed; last: The model refuses it.");
  expect(status.output).toMatch(/^INGEST .* RUNNING since .*: just begun$/m);
  expect((await steps("cancel", "--json")).record).toMatchObject({ cancelled: [expect.any(String)] });

  expect((await steps("retry", "--class", "transient", "--json")).record).toMatchObject({ opened: 0 });
  expect((await steps("retry", "--step", "embed", "--code", "INVALID_IMAGE", "--json")).record).toMatchObject({
    opened: 3,
  });

  expect((await steps("pause")).errors).toContain("medley steps resume --corpus photos");
  const paused = await medley("ingest", ...onCorpus);
  expect(paused).toMatchObject({ code: 1, errors: expect.stringContaining("is paused") });
  expect((await steps("resume", "--json")).record).toMatchObject({ wasPaused: true });

  const done = await medley("ingest", ...onCorpus);
  expect(done, done.errors).toMatchObject({ code: 0, errors: expect.stringContaining("embed 3 done") });
  const all = { pending: 0, leased: 0, done: 3, failed: 0, excluded: 0, total: 3, notPlanned: 0 };
  expect((await steps("status", "--json")).record).toEqual({
    corpus: "photos",
    images: 3,
    rejectedFiles: 1,
    pausedAt: null,
    coverage: STEPS.map((step) => ({ step, ...all })),
    failures: [],
    operations: [],
  });
  expect((await medley("steps", "status", "--corpus", "nobody", "--json")).record).toMatchObject({
    error: { code: "CORPUS_NOT_FOUND" },
  });
  expect((await steps("retry", "--step", "paint")).code).toBe(2);
});

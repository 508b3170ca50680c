import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { recordsOf, runMedley } from "./testing/run-medley.ts";

const REPOSITORY = resolve(import.meta.dirname, "../../..");
const CHECKPOINTS = join(REPOSITORY, "libs/blip/fixtures");
const PICTURES = join(REPOSITORY, "assets/demo/images/fluent-3d");

const folder = mkdtempSync(join(tmpdir(), "medley-questions-cli-"));
const home = join(folder, "home");
const pictures = join(folder, "pictures");
const models = join(folder, "medley.models.json");
mkdirSync(pictures);
const roles = {
  retrieval: { checkpoint: join(CHECKPOINTS, "retrieval-square") },
  answerer: { checkpoint: join(CHECKPOINTS, "answerer") },
};
writeFileSync(models, JSON.stringify({ name: "small", roles }));

const addPictures = (...names: readonly string[]) => {
  for (const name of names) cpSync(join(PICTURES, `${name}.webp`), join(pictures, `${name}.webp`));
};

const medley = (...args: string[]) =>
  runMedley(args, { home, folder, env: { MEDLEY_MODELS: models, INFERENCE_WORKERS: "1" } });
const questions = (...args: string[]) => medley("corpus", "questions", ...args, "--corpus", "photos");
const recordOf = async (...args: string[]) => recordsOf<Record<string, unknown>>(await questions(...args, "--json"))[0];

test("declares questions, has a real model answer them with an ingest, and says how far they are", {
  timeout: 600_000,
}, async () => {
  const declared = await questions("declare", "person", "Is there a person in it?", "--type", "boolean");
  expect(declared, declared.errors).toMatchObject({ code: 0 });
  expect(declared.errors).toContain(
    'person: "Is there a person in it?" (boolean: yes, no) is asked about every picture',
  );
  const answers = join(folder, "answers.txt");
  writeFileSync(answers, "red\nblue\nwhite\n");
  const colour = ["declare", "colour", "What colour is it?", "--type", "category", "--answers", answers];
  expect(await recordOf(...colour)).toMatchObject({
    outcome: "DECLARED",
    answers: ["red", "blue", "white"],
    minimumProbability: null,
  });
  expect(await recordOf("declare", "count", "How many are there?", "--type", "number")).toMatchObject({
    answers: null,
  });

  addPictures("red-apple", "snail");
  const ingested = await medley("ingest", pictures, "--corpus", "photos", "--no-captions");
  expect(ingested, ingested.errors).toMatchObject({ code: 0 });
  expect(ingested.errors).toContain("photos: answers to questions: 6 given, 0 failed, 0 left out, 0 open.");
  const listed = await recordOf("list");
  const counts = { images: 2, answered: 2, failed: 0, excluded: 0, pending: 0 };
  expect(listed).toMatchObject({
    corpus: "photos",
    questions: [
      { name: "person", type: "BOOLEAN", coverage: { ...counts, counting: 2 } },
      { name: "colour", type: "CATEGORY", coverage: { ...counts, counting: 2 }, models: [{ images: 2 }] },
      { name: "count", type: "NUMBER", coverage: counts },
    ],
    failures: [],
  });

  addPictures("socks");
  const later = await medley("ingest", pictures, "--corpus", "photos", "--no-captions");
  expect(later.errors).toContain("9 given");
  expect((await questions("list")).output).toContain(
    'person: "Is there a person in it?" (boolean: yes, no): 3 of 3 answered, 0 failed, 0 left out, 0 open; 3 count',
  );

  const strict = await questions(
    "declare",
    "person",
    "Is there a person in it?",
    "--type",
    "boolean",
    "--minimum",
    "1",
  );
  expect(strict.errors).toContain("another minimum probability counts from now on. No model is asked.");
  expect((await questions("list")).output).toContain("probability at least 1): 3 of 3 answered");
  expect((await questions("renew", "person")).errors).toContain('What another model answered to "person"');
  const retired = await questions("retire", "count");
  expect(retired).toMatchObject({ code: 0, errors: expect.stringContaining('Question "count" is retired.') });
  expect((await questions("list")).output).not.toContain("How many");
  expect((await medley("steps", "retry", "--step", "answer", "--corpus", "photos", "--json")).output).toContain(
    '"opened":0',
  );
});

test("refuses what cannot be meant, with a sentence", { timeout: 240_000 }, async () => {
  const wrong = await questions("declare", "size", "What size?", "--type", "category");
  expect(wrong).toMatchObject({ code: 1, errors: expect.stringContaining("has 0 answers, expected 2 to 1000") });
  expect((await questions("declare", "size", "What size?", "--type", "colour")).code).toBe(2);
  expect((await questions("declare", "size", "What?", "--type", "text", "--minimum", "2")).code).toBe(2);
  const both = ["--answers", join(folder, "answers.txt"), "--answer", "red"];
  expect(await questions("declare", "size", "What size?", "--type", "category", ...both)).toMatchObject({
    code: 2,
    errors: expect.stringContaining("--answers and --answer exclude each other."),
  });
  expect(await questions("retire", "size")).toMatchObject({
    code: 1,
    errors: expect.stringContaining('The corpus has no question "size".'),
  });
});

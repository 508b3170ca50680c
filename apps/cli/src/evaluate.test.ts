import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { addCaption, ensureCorpus, openDatabase, registerImage } from "@medley/storage";
import { openBlobStore } from "@medley/storage/blobs";
import { expect, test } from "vitest";

const REPOSITORY = resolve(import.meta.dirname, "../../..");
const LAUNCHER = join(REPOSITORY, "apps/cli/bin/medley.mjs");
const CHECKPOINTS = join(REPOSITORY, "libs/blip/fixtures");
const PICTURES = join(REPOSITORY, "assets/demo/images/fluent-3d");
const NAMES = ["red-apple", "snail", "jeans", "socks"] as const;

const folder = mkdtempSync(join(tmpdir(), "medley-evaluate-"));
const home = join(folder, "home");

interface Ended {
  readonly code: number | null;
  readonly lines: readonly Record<string, unknown>[];
  readonly output: string;
  readonly errors: string;
}

async function evaluate(args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [LAUNCHER, "evaluate", ...args], {
    cwd: folder,
    env: { ...process.env, MEDLEY_HOME: home, DATABASE_URL: "", INFERENCE_URL: "", INFERENCE_WORKERS: "1" },
  });
  const [output, errors, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((ended) => child.once("close", ended)),
  ]);
  const lines = args.includes("--json") ? output.split("\n").filter(Boolean) : [];
  return { code, output, errors, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

/** A data set's folder with four pictures of the demo. */
function dataset(name: string, files: Readonly<Record<string, unknown>>): string {
  const path = join(folder, name);
  for (const picture of NAMES) {
    mkdirSync(join(path, "images"), { recursive: true });
    cpSync(join(PICTURES, `${picture}.webp`), join(path, "images", `${picture}.webp`));
  }
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    const lines = Array.isArray(content) && file.endsWith(".jsonl");
    writeFileSync(
      join(path, file),
      lines ? content.map((line) => JSON.stringify(line)).join("\n") : JSON.stringify(content),
    );
  }
  return path;
}

function leftovers(): string[] {
  return existsSync(home) ? readdirSync(home).filter((name) => name.startsWith("evaluation-")) : [];
}

const TEXTS = { "red-apple": "a red apple", snail: "a snail", jeans: "blue jeans", socks: "green socks" };

test("measures a data set with several parts, one record for each figure and each failure, and leaves nothing behind", async () => {
  const path = dataset("mixed", {
    "retrieval.jsonl": [
      ...NAMES.map((name) => ({
        image: `${name}.webp`,
        texts: [TEXTS[name]],
        group: name.length > 5 ? "long" : "short",
      })),
      { image: "missing.webp", texts: ["a missing picture"] },
    ],
    "queries-without-answer.jsonl": [{ text: "a submarine" }, { text: "a violin" }],
    "pairs.jsonl": [{ image: "snail.webp", caption: "a snail", foil: "a red apple", kind: "noun" }],
    "labels.jsonl": NAMES.map((label) => ({ image: `${label}.webp`, label })),
    "classes.json": { classes: NAMES.map((name) => ({ name, prompts: [TEXTS[name], `one ${TEXTS[name]}`] })) },
  });
  const report = join(folder, "report.html");
  const model = join(CHECKPOINTS, "retrieval-square");
  const args = ["--dataset", path, "--model", model, "--rerank", "3", "--report", report, "--json"];
  const { code, lines, errors } = await evaluate(args);
  expect(code, errors).toBe(0);
  const tasks = new Set(lines.filter((line) => "metric" in line).map(({ task }) => task));
  expect([...tasks]).toEqual(["retrieval", "detection", "pairs", "classes"]);
  expect(lines.find(({ metric, group }) => metric === "recallAt1" && group === undefined)).toMatchObject({
    dataset: "mixed",
    direction: "text-to-image",
    by: "itc",
    n: 4,
    baseline: 0.25,
    failures: 1,
    model: "retrieval-square",
    fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  for (const { metric, value, low, high } of lines.filter((line) => "metric" in line)) {
    if (low !== null) expect(Number(low) <= Number(value) && Number(value) <= Number(high), `${metric}`).toBe(true);
  }
  expect(lines.filter((line) => "error" in line)).toMatchObject([
    { dataset: "mixed", task: "retrieval", item: "missing.webp", error: { code: "IMAGE_NOT_FOUND" } },
  ]);
  expect(readFileSync(report, "utf8")).toContain("data:image/webp;base64,");
  expect(errors).toContain("retrieval: embedding pictures: 5 in");
  expect(leftovers()).toEqual([]);
});

test("gives the same figures in one run as in the next", async () => {
  const path = join(folder, "mixed");
  const args = ["--dataset", path, "--model", join(CHECKPOINTS, "retrieval-square"), "--tasks", "retrieval", "--json"];
  const [first, second] = [await evaluate(args), await evaluate(args)];
  expect(first.lines).toEqual(second.lines);
  expect(first.lines.length).toBeGreaterThan(0);
});

test("writes captions and answers as the official evaluations read them, and a table for people", async () => {
  const path = dataset("coco", {
    "dataset_coco.json": {
      images: NAMES.map((name, index) => ({
        filepath: "images",
        filename: `${name}.webp`,
        split: index < 3 ? "test" : "train",
        cocoid: index + 10,
        sentences: [{ raw: TEXTS[name] }, { raw: `there is ${TEXTS[name]}` }],
      })),
    },
  });
  const args = [
    "--dataset",
    path,
    "--model",
    join(CHECKPOINTS, "captioner"),
    "--decode",
    "greedy",
    "--limit",
    "2",
    "--seed",
    "5",
  ];
  const { code, output, errors } = await evaluate([...args, "--predictions", join(folder, "predictions")]);
  expect(code, errors).toBe(0);
  expect(errors).toContain('The task "retrieval" needs a model that can embed and match');
  expect(output).toContain("A random part: at most 2 items, seed 5.");
  expect(output).toMatch(/BLEU-1 .*BLEU-4 .*ROUGE-L .*CIDEr-D .*n\n/);
  const predictions = JSON.parse(readFileSync(join(folder, "predictions/captions.json"), "utf8")) as object[];
  expect(predictions).toHaveLength(2);
  expect(predictions[0]).toEqual({ image_id: expect.any(Number), caption: expect.any(String) });
});

test("answers VQA v2's questions by generating and by ranking", async () => {
  const questions = NAMES.map((name, index) => ({ question_id: index, image: `${name}.webp`, question: "is it red?" }));
  const annotations = NAMES.map((_, index) => ({
    question_id: index,
    answer_type: "yes/no",
    question_type: "is it",
    answers: Array.from({ length: 10 }, () => ({ answer: index === 0 ? "yes" : "no" })),
  }));
  const path = dataset("vqa", { "questions.json": { questions }, "annotations.json": { annotations } });
  writeFileSync(join(folder, "answers.txt"), "no\n");
  const args = ["--dataset", path, "--model", join(CHECKPOINTS, "answerer"), "--json"];
  const ranked = await evaluate([...args, "--mode", "rank", "--answers", join(folder, "answers.txt")]);
  expect(ranked.lines.map(({ group, value, baseline }) => [group, value, baseline])).toEqual([
    [undefined, 0.75, 0.75],
    ["answer type yes/no", 0.75, 0.75],
    ["question type is it", 0.75, 0.75],
  ]);
  const generated = await evaluate([...args, "--decode", "greedy"]);
  expect(generated.lines).toHaveLength(3);
});

test("finds the pictures of a stored corpus by what people wrote about them", async () => {
  const blobs = openBlobStore({ directory: join(home, "blobs") });
  {
    await using db = await openDatabase({ home, idleExitMs: 1000 });
    const corpus = await ensureCorpus(db, { name: "things" });
    for (const name of NAMES) {
      const sha256 = await blobs.putFile(join(PICTURES, `${name}.webp`));
      const webText = name === "socks" ? null : TEXTS[name];
      const image = { corpusId: corpus.id, sha256, origin: `${name}.webp`, attributes: {}, webText };
      const { imageId } = await registerImage(db, image);
      await addCaption(db, { imageId, text: "written by a model", source: "SYNTHETIC", modelFingerprint: "f" });
    }
  }
  const model = join(CHECKPOINTS, "retrieval-square");
  const { code, lines, errors } = await evaluate(["--corpus", "things", "--model", model, "--json"]);
  expect(code, errors).toBe(0);
  expect(lines[0]).toMatchObject({ dataset: "things", metric: "recallAt1", n: 3, baseline: 0.25 });
  expect(existsSync(join(home, "tokens"))).toBe(true);
});

test.each([
  { what: "neither data set nor corpus", args: [], code: 2, says: "neither is given" },
  { what: "both", args: ["--dataset", "x", "--corpus", "y"], code: 2, says: "both are given" },
  {
    what: "a task that does not exist",
    args: ["--dataset", "x", "--tasks", "vqa,cooking"],
    code: 2,
    says: '"cooking" is no task',
  },
  { what: "a folder that is not there", args: ["--dataset", "nowhere"], code: 1, says: "cannot be read" },
  {
    what: "a report in a folder that is not there",
    args: ["--dataset", "x", "--report", "no/r.html"],
    code: 2,
    says: "cannot be written",
  },
  {
    what: "a report below a file",
    args: ["--dataset", "x", "--report", join(import.meta.filename, "r.html")],
    code: 2,
    says: "is no folder that may be written",
  },
  { what: "rank without answers", args: ["--dataset", "x", "--mode", "rank"], code: 2, says: "--answers" },
  { what: "a corpus that is not there", args: ["--corpus", "nowhere"], code: 1, says: 'There is no corpus "nowhere"' },
])("exits $code for $what", async ({ args, code, says }) => {
  const ended = await evaluate(args);
  expect(ended).toMatchObject({ code, errors: expect.stringContaining(says) });
  expect(ended.errors).not.toContain("    at ");
});

test("names file, line and value of a bad line before any model is opened", async () => {
  const path = dataset("bad", {
    "pairs.jsonl": [
      { image: "a", caption: "x", foil: "y" },
      { image: "a", caption: "x", foil: 3 },
    ],
  });
  const { code, errors, lines } = await evaluate(["--dataset", path, "--model", "nowhere", "--json"]);
  expect(code).toBe(1);
  expect(errors).toContain('pairs.jsonl:2: "foil" is 3, expected a text that is not empty.');
  expect(lines).toMatchObject([{ error: { code: "BAD_DATASET" } }]);
});

import { copyFileSync, cpSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Role, writeCheckpointForms } from "./support/checkpoint-forms.ts";
import { readReference, writeLines, writePictures } from "./support/fixtures.ts";
import { createHome, FIXTURES, medley, medleyRecords, parseLines } from "./support/medley.ts";

// Random weights: the words make no sense, but every form must give the same ones.
const ORIGINAL = "original/pretrain";
/** The same graph over the same weights; only rounding in another order could differ, and it does not. */
const SAME = 6;
/** Issue 3: how far a matching logit may lie from the reference implementation's. */
const LOGIT_TOLERANCE = 1e-3;

/** Texts that BLIP's clean-up of captions leaves as they are; the references were computed without it. */
function cleanTexts(fixture: string): { text: string; index: number }[] {
  return readReference(fixture).texts.flatMap(({ text }, index) =>
    /[.!"()*#:;~]/.test(text) ? [] : [{ text, index }],
  );
}

interface ErrorRecord {
  readonly error: { readonly code: string; readonly message: string };
}
interface MatchRecord {
  readonly image: string;
  readonly text: string;
  readonly itcCosine: number;
  readonly itmLogit: number;
}
interface EmbeddingRecord {
  readonly embedding: readonly number[];
}
interface CaptionRecord {
  readonly image: string;
  readonly caption: string;
  readonly tokenIds: readonly number[];
}
interface AnswerRecord {
  readonly answer: string;
  readonly tokenIds: readonly number[];
  readonly logProbability: number;
}

const home = createHome();
const invocation = { home: home.path };
const forms = {} as Record<Role, ReturnType<typeof writeCheckpointForms>>;
let pictures: string[];
let pairs: string;

beforeAll(() => {
  for (const role of ["retrieval", "captioner", "answerer"] as const) {
    forms[role] = writeCheckpointForms(role, join(home.path, role));
  }
  pictures = writePictures(ORIGINAL, join(home.path, "pictures"));
  pairs = writeLines(
    join(home.path, "pairs.jsonl"),
    pictures.flatMap((image) => cleanTexts(ORIGINAL).map(({ text }) => ({ image, text }))),
  );
});

afterAll(() => home[Symbol.asyncDispose]());

/** Runs a command on all three forms of a checkpoint. */
async function onEveryForm<Item>(
  role: Role,
  args: readonly string[],
): Promise<Record<"safetensors" | "bin" | "pth", Item[]>> {
  const run = (model: string) => medleyRecords<Item>([...args, "--model", model], invocation);
  const { safetensors, bin, pth } = forms[role];
  const [first, second, third] = await Promise.all([safetensors, bin, pth].map(run));
  return { safetensors: first ?? [], bin: second ?? [], pth: third ?? [] };
}

function expectSameNumbers(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [index, value] of expected.entries()) expect(actual[index]).toBeCloseTo(value, SAME);
}

function expectWithin(actual: number, expected: number, tolerance: number): void {
  expect(Math.abs(actual - expected), `${actual} against ${expected}`).toBeLessThanOrEqual(tolerance);
}

test("matches alike from safetensors, pytorch_model.bin and the original .pth, and as the reference does", async () => {
  const { safetensors, bin, pth } = await onEveryForm<MatchRecord>("retrieval", ["match", "--input", pairs]);
  const { itcCosines, itmLogitsEnc } = readReference(ORIGINAL);
  const asked = pictures.flatMap((image, picture) =>
    cleanTexts(ORIGINAL).map(({ text, index }) => ({ image, text, picture, index })),
  );
  expect(safetensors).toHaveLength(asked.length);
  expect(asked.length).toBeGreaterThan(20);
  for (const [line, { image, text, picture, index }] of asked.entries()) {
    const record = safetensors[line];
    expect(record).toMatchObject({ image, text });
    expectWithin(record?.itcCosine ?? Number.NaN, itcCosines[picture]?.[index] ?? 0, 1e-4);
    expectWithin(record?.itmLogit ?? Number.NaN, itmLogitsEnc[picture]?.[index]?.[1] ?? 0, LOGIT_TOLERANCE);
  }
  for (const other of [bin, pth]) {
    expectSameNumbers(other.flatMap(numbersOf), safetensors.flatMap(numbersOf));
  }
});

function numbersOf({ itcCosine, itmLogit }: MatchRecord): number[] {
  return [itcCosine, itmLogit];
}

test("embeds alike from all three forms, to vectors of length 1 whose products are the cosines", async () => {
  const { texts, itcCosines } = readReference(ORIGINAL);
  const items = [{ image: pictures[0] }, { text: texts[1]?.text }, { image: pictures[2] }, { text: texts[0]?.text }];
  const input = writeLines(join(home.path, "items.jsonl"), items);
  const { safetensors, bin, pth } = await onEveryForm<EmbeddingRecord>("retrieval", ["embed", "--input", input]);
  const vectors = safetensors.map(({ embedding }) => embedding);
  for (const other of [bin, pth])
    expectSameNumbers(
      other.flatMap(({ embedding }) => embedding),
      vectors.flat(),
    );
  for (const vector of vectors) expect(dot(vector, vector)).toBeCloseTo(1, 5);
  expect(dot(vectors[0] ?? [], vectors[1] ?? [])).toBeCloseTo(itcCosines[0]?.[1] ?? 0, 4);
  expect(dot(vectors[2] ?? [], vectors[3] ?? [])).toBeCloseTo(itcCosines[2]?.[0] ?? 0, 4);
});

function dot(left: readonly number[], right: readonly number[]): number {
  return left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0);
}

test("captions alike from all three forms, in the reference's own words", async () => {
  const input = writeLines(
    join(home.path, "images.jsonl"),
    pictures.map((image) => ({ image })),
  );
  for (const decode of ["greedy", "beam"]) {
    const { safetensors, bin, pth } = await onEveryForm<CaptionRecord>("captioner", [
      "caption",
      "--input",
      input,
      "--decode",
      decode,
    ]);
    expect(safetensors.map(({ image }) => image)).toEqual(pictures);
    expect(bin).toEqual(safetensors);
    expect(pth).toEqual(safetensors);
    if (decode === "greedy") {
      expect(safetensors.map(({ tokenIds }) => tokenIds)).toEqual(greedyReference(ORIGINAL, pictures.length));
    }
  }
});

function greedyReference(fixture: string, pictureCount: number): (readonly number[] | undefined)[] {
  const { generations } = readReference(fixture);
  const plain = generations.filter(({ prefix, options }) => prefix === "prompt" && options === "plain");
  return Array.from(
    { length: pictureCount },
    (_, index) => plain.find(({ picture }) => picture === index)?.greedy.tokenIds,
  );
}

test("answers alike from all three forms, generated and chosen from a list", async () => {
  const questions = ["what is the man holding?", "where is the dog", "how many birds are there"];
  const input = writeLines(
    join(home.path, "questions.jsonl"),
    questions.map((question, index) => ({ image: pictures[index], question })),
  );
  const answers = join(home.path, "answers.txt");
  writeFileSync(answers, "red\ntwo dogs\nyes\nno\non the beach\n");
  const modes = [
    ["--decode", "greedy"],
    ["--mode", "rank", "--answers", answers],
  ];
  for (const mode of modes) {
    const { safetensors, bin, pth } = await onEveryForm<AnswerRecord>("answerer", ["ask", "--input", input, ...mode]);
    expect(safetensors).toHaveLength(3);
    for (const other of [bin, pth]) {
      expect(other.map(({ answer, tokenIds }) => ({ answer, tokenIds }))).toEqual(
        safetensors.map(({ answer, tokenIds }) => ({ answer, tokenIds })),
      );
      expectSameNumbers(
        other.map(({ logProbability }) => logProbability),
        safetensors.map(({ logProbability }) => logProbability),
      );
    }
  }
});

test("matches alike from one safetensors file, three shards and pytorch_model.bin as Hugging Face writes them", async () => {
  const images = writePictures("retrieval-square", join(home.path, "larger")).slice(0, 2);
  const input = writeLines(
    join(home.path, "forms.jsonl"),
    images.flatMap((image) => [
      { image, text: "dog" },
      { image, text: "a red house" },
    ]),
  );
  const results: MatchRecord[][] = [];
  for (const form of ["retrieval-fp32", "retrieval-sharded", "retrieval-bin"]) {
    results.push(
      await medleyRecords<MatchRecord>(
        ["match", "--model", join(FIXTURES, "forms", form), "--input", input],
        invocation,
      ),
    );
  }
  const [single = [], ...others] = results;
  expect(single).toHaveLength(4);
  for (const other of others) expectSameNumbers(other.flatMap(numbersOf), single.flatMap(numbersOf));
});

test("gives the reference's scores from an original .pth, with either first token of the matcher", async () => {
  const fixture = "original/retrieval";
  const model = join(FIXTURES, fixture, "model_retrieval.pth");
  const images = writePictures(fixture, join(home.path, "original"));
  const texts = cleanTexts(fixture);
  const { itmLogitsEnc, itmLogitsCls } = readReference(fixture);
  const input = writeLines(
    join(home.path, "original.jsonl"),
    images.flatMap((image) => texts.map(({ text }) => ({ image, text }))),
  );
  const logitsOf = async (...options: string[]) => {
    const records = await medleyRecords<MatchRecord>(
      ["match", "--model", model, "--input", input, ...options],
      invocation,
    );
    return records.map(({ itmLogit }) => itmLogit);
  };
  const matchLogits = (logits: number[][][]) =>
    logits.flatMap((picture) => texts.map(({ index }) => picture[index]?.[1] ?? Number.NaN));
  const enc = await logitsOf();
  const cls = await logitsOf("--itm-token", "cls");
  for (const [actual, expected] of [
    [enc, matchLogits(itmLogitsEnc)],
    [cls, matchLogits(itmLogitsCls)],
  ] as const) {
    expect(actual).toHaveLength(expected.length);
    for (const [index, value] of expected.entries()) expectWithin(actual[index] ?? Number.NaN, value, LOGIT_TOLERANCE);
  }
  const largest = Math.max(...enc.map((value, index) => Math.abs(value - (cls[index] ?? 0))));
  expect(largest).toBeGreaterThan(10 * LOGIT_TOLERANCE);
});

test("gives the reference's captions and answers from original .pth files", async () => {
  const images = writePictures("original/captioner", join(home.path, "for-captions"));
  const captions = await medleyRecords<CaptionRecord>(
    [
      "caption",
      "--model",
      join(FIXTURES, "original/captioner/model_caption.pth"),
      "--input",
      writeLines(
        join(home.path, "for-captions.jsonl"),
        images.map((image) => ({ image })),
      ),
      "--decode",
      "greedy",
    ],
    invocation,
  );
  expect(captions.map(({ tokenIds }) => tokenIds)).toEqual(greedyReference("original/captioner", images.length));

  const { questions, pairs: asked } = readReference("original/answerer");
  const shown = writePictures("original/answerer", join(home.path, "for-answers"));
  const known = asked.filter(({ picture }) => picture < shown.length);
  const answers = await medleyRecords<AnswerRecord>(
    [
      "ask",
      "--model",
      join(FIXTURES, "original/answerer/model_vqa.pth"),
      "--input",
      writeLines(
        join(home.path, "for-answers.jsonl"),
        known.map(({ picture, question }) => ({ image: shown[picture], question: questions[question]?.text })),
      ),
      "--decode",
      "greedy",
    ],
    invocation,
  );
  expect(answers.map(({ tokenIds }) => tokenIds)).toEqual(known.map(({ enc }) => enc.greedy.tokenIds));
});

test("puts an error record in the place of each bad line and goes on with the rest", async () => {
  const [good = ""] = pictures;
  const note = join(home.path, "note.png");
  writeFileSync(note, "this is no picture");
  const empty = join(home.path, "empty.png");
  writeFileSync(empty, "");
  const torn = join(home.path, "torn.png");
  writeFileSync(torn, readFileSync(good).subarray(0, 300));
  const missing = join(home.path, "nowhere.png");
  const input = join(home.path, "mixed.jsonl");
  const lines = [
    { image: good, text: "dog" },
    { image: missing, text: "dog" },
    { image: note, text: "dog" },
    { image: good, text: "  " },
    { image: empty, text: "dog" },
    { image: torn, text: "dog" },
    { image: good },
    { image: good, text: "a red house" },
  ];
  writeLines(input, lines);
  writeFileSync(
    input,
    `${readFileSync(input, "utf8")}this is no JSON\n${JSON.stringify({ image: good, text: "dog" })}\n`,
  );
  const ending = await medley(
    ["match", "--model", forms.retrieval.safetensors, "--input", input, "--json"],
    invocation,
  );
  expect(ending.code, ending.stderr).toBe(0);
  const records = parseLines<MatchRecord & Partial<ErrorRecord>>(ending.stdout);
  expect(records.map(({ error }) => error?.code ?? "good")).toEqual([
    "good",
    "IMAGE_NOT_FOUND",
    "INVALID_IMAGE",
    "INVALID_TEXT",
    "INVALID_IMAGE",
    "INVALID_IMAGE",
    "INVALID_LINE",
    "good",
    "INVALID_LINE",
    "good",
  ]);
  for (const [index, line] of lines.entries()) expect(records[index]).toMatchObject(line);
  expect(records[9]?.itmLogit).toBeCloseTo(records[0]?.itmLogit ?? Number.NaN, SAME);
  for (const { error } of records) if (error) expect(error.message).toMatch(/^[^\n]+\.$/);
  // A person who reads along sees the same sentences with the lines that they are about.
  expect(ending.stderr).toMatch(/mixed\.jsonl:2: .*nowhere\.png/);
});

test("keeps the order of a long input with pictures out of order", async () => {
  const items = Array.from({ length: 150 }, (_, index) => ({
    image: pictures[(index * 7) % pictures.length],
    text: `dog ${index}`,
  }));
  const input = writeLines(join(home.path, "long.jsonl"), items);
  const records = await medleyRecords<MatchRecord>(
    ["match", "--model", forms.retrieval.bin, "--input", input],
    invocation,
  );
  expect(records.map(({ image, text }) => ({ image, text }))).toEqual(items);
});

test("refuses a truncated checkpoint of every form in one clear sentence", async () => {
  const { safetensors, bin, pth } = forms.retrieval;
  for (const model of [safetensors, bin, pth]) {
    const copy = join(home.path, `torn-${[safetensors, bin, pth].indexOf(model)}`);
    const weights = copyCheckpoint(model, copy);
    truncateSync(weights, Math.floor(statSync(weights).size * 0.6));
    const ending = await medley(
      ["embed", "--model", model === pth ? weights : copy, "--input", pairs, "--json"],
      invocation,
    );
    expect(ending.code).toBe(1);
    expectOneSentence(ending.stderr);
    expect(ending.stderr).toMatch(/torn-\d/);
    expect(parseLines<ErrorRecord>(ending.stdout)).toMatchObject([{ error: { message: ending.stderr.trim() } }]);
  }
});

/** Returns the file with the weights. */
function copyCheckpoint(model: string, folder: string): string {
  const isFile = statSync(model).isFile();
  cpSync(isFile ? join(model, "..") : model, folder, { recursive: true });
  const weights = readdirSync(folder).find((name) => /\.(safetensors|bin|pth)$/.test(name));
  if (!weights) throw new Error(`"${folder}" has no weights`);
  return join(folder, weights);
}

function expectOneSentence(text: string): void {
  expect(text.trim().split("\n"), text).toHaveLength(1);
  expect(text).not.toMatch(/\bat \S+ \(|node:internal/);
  expect(text.trim().length).toBeGreaterThan(20);
}

test("ends with 2 for wrong usage and with 1 for what cannot be done", async () => {
  const model = forms.retrieval.safetensors;
  const codeOf = async (...args: string[]) => {
    const { code, stderr } = await medley(args, invocation);
    expect(stderr).not.toMatch(/node:internal/);
    return code;
  };
  expect(await codeOf("match", "--model", model)).toBe(2);
  expect(await codeOf("match", "--model", model, "--input", pairs, "--no-such-option")).toBe(2);
  expect(await codeOf("no-such-command")).toBe(2);
  expect(await codeOf("caption", "--model", forms.captioner.bin, "--input", pairs, "--decode", "guess")).toBe(2);
  expect(await codeOf("ask", "--model", forms.answerer.bin, "--input", pairs, "--mode", "rank")).toBe(2);
  expect(await codeOf("match", "--model", model, "--input", join(home.path, "nowhere.jsonl"))).toBe(1);
  expect(await codeOf("match", "--model", join(home.path, "no-model"), "--input", pairs)).toBe(1);
  // A captioner cannot match.
  expect(await codeOf("match", "--model", forms.captioner.safetensors, "--input", pairs)).toBe(1);
  expect(await codeOf("help")).toBe(0);
});

test("names the tensor and both shapes when a checkpoint does not fit its configuration", async () => {
  const folder = join(home.path, "wrong");
  cpSync(forms.retrieval.safetensors, folder, { recursive: true });
  const file = join(folder, "config.json");
  const config = JSON.parse(readFileSync(file, "utf8"));
  config.vision_config.intermediate_size = 999;
  writeFileSync(file, JSON.stringify(config));
  const { code, stderr } = await medley(["embed", "--model", folder, "--input", pairs], invocation);
  expect(code).toBe(1);
  expectOneSentence(stderr);
  expect(stderr).toMatch(/mlp\.fc1.*\[112, ?64\].*\[999, ?64\]/);
});

test("reads a vocabulary beside the .pth, or else refuses the weights in a sentence", async () => {
  const folder = join(home.path, "no-vocabulary");
  const weights = copyCheckpoint(forms.retrieval.pth, folder);
  const alone = join(home.path, "alone.pth");
  copyFileSync(weights, alone);
  // The vocabulary of BERT takes its place, and it has more words than these weights.
  const { code, stderr } = await medley(["embed", "--model", alone, "--input", pairs], invocation);
  expect(code).toBe(1);
  expectOneSentence(stderr);
});

import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { EvaluationError } from "../evaluation-error.ts";
import type { Dataset } from "./dataset.ts";
import { type DatasetFormat, readDataset } from "./read-dataset.ts";

/** A folder with files: objects are written as JSON, lists of a .jsonl file a line each, texts as they are. */
function folderOf(files: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), "medley-dataset-"));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), textOf(name, content));
  }
  return folder;
}

function textOf(name: string, content: unknown): string {
  if (typeof content === "string") return content;
  if (!name.endsWith(".jsonl")) return JSON.stringify(content);
  return (content as unknown[]).map((line) => `${JSON.stringify(line)}\n`).join("");
}

function read(
  files: Readonly<Record<string, unknown>>,
  options: { format?: DatasetFormat; split?: string } = {},
): Dataset {
  return readDataset({ folder: folderOf(files), split: "test", ...options });
}

function problemOf(
  files: Readonly<Record<string, unknown>>,
  options: { format?: DatasetFormat; split?: string } = {},
): string {
  try {
    read(files, options);
  } catch (error) {
    if (error instanceof EvaluationError) return `${error.code} ${error.message}`;
    throw error;
  }
  return "no error";
}

function namesOf(dataset: Dataset): (string | undefined)[] {
  return (dataset.retrieval?.pictures ?? []).map(({ place }) =>
    "path" in place ? place.path.split("/").pop() : undefined,
  );
}

const KARPATHY = {
  images: [
    {
      filepath: "val2014",
      filename: "a.jpg",
      split: "test",
      cocoid: 7,
      sentences: [{ raw: "a dog" }, { raw: "an animal" }],
    },
    { filepath: "val2014", filename: "b.jpg", split: "train", cocoid: 8, sentences: [{ raw: "a cat" }] },
    { filepath: "val2014", filename: "c.jpg", split: "test", cocoid: 9, sentences: [{ raw: "a dog" }] },
  ],
  dataset: "coco",
};

describe("Karpathy's files", () => {
  test("give every caption of the split as a query with its own picture alone", () => {
    const dataset = read({ "dataset_coco.json": KARPATHY, "val2014/a.jpg": "x" });
    expect(namesOf(dataset)).toEqual(["a.jpg", "c.jpg"]);
    expect(dataset.retrieval?.texts).toEqual([
      { text: "a dog", pictures: [0], groups: [] },
      { text: "an animal", pictures: [0], groups: [] },
      { text: "a dog", pictures: [1], groups: [] },
    ]);
    expect(dataset.captions?.items.map(({ imageId, references }) => ({ imageId, references }))).toEqual([
      { imageId: 7, references: ["a dog", "an animal"] },
      { imageId: 9, references: ["a dog"] },
    ]);
  });

  test("are read in BLIP's own form too, with the file of the split where there are several", () => {
    const dataset = read({
      "flickr30k_test.json": [{ image: "flickr30k-images/1.jpg", caption: ["one", "two"] }],
      "flickr30k_val.json": [{ image: "flickr30k-images/2.jpg", caption: ["three"] }],
    });
    expect(dataset.retrieval?.texts.map(({ text }) => text)).toEqual(["one", "two"]);
  });

  test.each([
    [
      { images: [{ ...KARPATHY.images[0], sentences: [{ raw: " " }] }] },
      'd.json: "images[0].sentences[0].raw" is " ", expected a text that is not empty',
    ],
    [{ images: [{ ...KARPATHY.images[0], filename: 3 }] }, 'd.json: "images[0].filename" is 3, expected a text'],
    [{ images: [{ ...KARPATHY.images[0], sentences: "x" }] }, 'd.json: "images[0].sentences" is "x", expected a list'],
    [{ images: [{ ...KARPATHY.images[1] }] }, 'd.json has no picture of the split "test"'],
    [[{ image: "a.jpg", caption: [] }], 'd.json: "[0].caption" is [], expected a list of texts'],
  ])("are refused with file and value: %j", (content, sentence) => {
    expect(problemOf({ "d.json": content })).toContain(sentence);
  });
});

const QUESTIONS = {
  data_subtype: "val2014",
  questions: [
    { image_id: 42, question: "What is it?", question_id: 420 },
    { image_id: 42, question: "Is it red?", question_id: 421 },
  ],
};
const ANNOTATIONS = {
  annotations: [
    { question_id: 421, answer_type: "yes/no", question_type: "is it", answers: [{ answer: "yes" }, { answer: "no" }] },
    { question_id: 420, answer_type: "other", question_type: "what is", answers: [{ answer: "dog" }] },
  ],
};

describe("VQA v2", () => {
  test("joins questions and annotations by id, and finds COCO's pictures", () => {
    const dataset = read({ "q.json": QUESTIONS, "a.json": ANNOTATIONS, "val2014/COCO_val2014_000000000042.jpg": "x" });
    const [first, second] = dataset.questions ?? [];
    expect(first).toMatchObject({
      id: 420,
      answerType: "other",
      questionType: "what is",
      answers: ["dog"],
    });
    expect(first?.picture.place).toMatchObject({
      path: expect.stringMatching(/val2014\/COCO_val2014_000000000042\.jpg$/),
    });
    expect(second?.answers).toEqual(["yes", "no"]);
  });

  test("has questions without answers where they are secret", () => {
    const dataset = read({ "q.json": { ...QUESTIONS, data_subtype: "test-dev2015" } });
    expect(dataset.questions?.map(({ answers }) => answers)).toEqual([[], []]);
    expect(dataset.questions?.[0]?.picture.name).toBe("test2015/COCO_test2015_000000000042.jpg");
  });

  test.each([
    [
      { "a.json": { annotations: [ANNOTATIONS.annotations[0]] } },
      'q.json: "questions[0].question_id" is 420, expected a question of a.json',
    ],
    [
      { "a.json": { annotations: [{ question_id: 420, answers: [{ answer: 3 }] }, ANNOTATIONS.annotations[0]] } },
      'a.json: "annotations[0].answers[0].answer" is 3',
    ],
    [
      { "q.json": { questions: [{ ...QUESTIONS.questions[0], image_id: null }], data_subtype: "val2014" } },
      '"questions[0].image_id" is null, expected a whole number',
    ],
    [{ "q.json": { questions: QUESTIONS.questions } }, '"questions[0].image" is missing, expected a file name'],
  ])("is refused with file and value: %j", (files, sentence) => {
    expect(problemOf({ "q.json": QUESTIONS, "a.json": ANNOTATIONS, ...files })).toContain(sentence);
  });
});

describe("NoCaps", () => {
  const images = [
    { id: 1, file_name: "0013.jpg", domain: "near-domain" },
    { id: 2, file_name: "0014.jpg", domain: "in-domain" },
  ];
  const annotations = [1, 2, 1].map((image_id, id) => ({ image_id, id, caption: `caption ${id}` }));

  test("gives each picture its captions and its domain", () => {
    expect(read({ "nocaps_val_4500_captions.json": { images, annotations } }).captions?.items).toMatchObject([
      { imageId: 1, references: ["caption 0", "caption 2"], group: "near-domain" },
      { imageId: 2, references: ["caption 1"], group: "in-domain" },
    ]);
  });

  test("is refused where a picture has no caption", () => {
    const sentence = problemOf({ "n.json": { images, annotations: annotations.slice(0, 1) } });
    expect(sentence).toContain('n.json: "images[1].id" is 2, expected the "image_id" of at least one annotation');
  });
});

describe("Minimal pairs", () => {
  test("are read in Winoground's form, with pictures named without extension, and as one picture with a false text", () => {
    const dataset = read({
      "examples.jsonl": [
        {
          id: 0,
          image_0: "ex_0_img_0",
          image_1: "ex_0_img_1",
          caption_0: "a on b",
          caption_1: "b on a",
          tag: "Preposition",
        },
        { image: "a.png", caption: "a red car", foil: "a blue car", kind: "colour" },
      ],
      "images/ex_0_img_0.png": "x",
    });
    expect(dataset.pairs?.twoPictures).toMatchObject([{ captions: ["a on b", "b on a"], kind: "Preposition" }]);
    expect(dataset.pairs?.twoPictures[0]?.pictures[0].place).toMatchObject({
      path: expect.stringMatching(/ex_0_img_0\.png$/),
    });
    expect(dataset.pairs?.onePicture).toMatchObject([{ caption: "a red car", foil: "a blue car", kind: "colour" }]);
  });

  test.each([
    [
      '{"image_0": "a", "image_1": "b", "caption_0": "x", "caption_1": ""}',
      'p.jsonl:2: "caption_1" is "", expected a text',
    ],
    ['{"image": "a", "caption": "x"}', "p.jsonl:2: the line is"],
    ['{"image": "a"', "p.jsonl:2: expected JSON, but"],
    ["[1]", "p.jsonl:2: the line is [1], expected an object"],
  ])("are refused with file and line: %s", (line, sentence) => {
    const good = JSON.stringify({ image: "a", caption: "x", foil: "y" });
    expect(problemOf({ "p.jsonl": `${good}\n${line}\n` })).toContain(sentence);
  });
});

describe("Labelled pictures", () => {
  const labels = [{ image: "a.png", label: "shirt" }];

  test("have classes with their own prompts or the templates", () => {
    const classes = {
      classes: [{ name: "shirt" }, { name: "hat", prompts: ["a hat on a head"] }],
      templates: ["a {}", "one {}"],
    };
    const dataset = read({ "classes.json": classes, "test.jsonl": labels });
    expect(dataset.classes?.classes.map(({ prompts }) => prompts)).toEqual([
      ["a shirt", "one shirt"],
      ["a hat on a head"],
    ]);
    expect(dataset.classes?.items).toMatchObject([{ classIndex: 0, picture: { name: "a.png" } }]);
  });

  test.each([
    [
      { "classes.json": { classes: [{ name: "hat" }, { name: "cap" }] } },
      'test.jsonl:1: "label" is "shirt", expected a class of classes.json: hat, cap',
    ],
    [{ "classes.json": { classes: [{ name: "shirt" }] } }, '"classes" is ["shirt"], expected at least two classes'],
    [
      { "classes.json": { classes: [{ name: "shirt" }, { name: "shirt" }] } },
      '"classes" is "shirt", expected each name once',
    ],
    [
      { "classes.json": { classes: [{ name: "shirt" }, { name: "hat" }], templates: ["a"] } },
      '"templates" is "a", expected texts with "{}"',
    ],
    [{}, "test.jsonl needs classes.json beside it"],
  ])("are refused with file and value: %j", (files, sentence) => {
    expect(problemOf({ "test.jsonl": labels, ...files })).toContain(sentence);
  });
});

describe("Pictures with texts", () => {
  const lines = [
    { image: "a.png", texts: ["Red  apple", "fruit"], group: "seen", captions: ["a red apple"], objects: ["apple"] },
    { image: "b.png", texts: ["red apple"] },
    { image: "a.png", texts: ["apple"] },
  ];

  test("have one query for texts that differ in letter case and white space alone, with every picture that has it", () => {
    const dataset = read({
      "test.jsonl": lines,
      "objects.json": { objects: [{ name: "apple" }] },
      "queries-without-answer.jsonl": [{ text: "a submarine" }],
    });
    expect(namesOf(dataset)).toEqual(["a.png", "b.png"]);
    expect(dataset.retrieval?.texts).toEqual([
      { text: "Red  apple", pictures: [0, 1], groups: ["seen"] },
      { text: "fruit", pictures: [0], groups: ["seen"] },
      { text: "apple", pictures: [0], groups: [] },
    ]);
    expect(dataset.retrieval?.unanswered).toEqual(["a submarine"]);
  });

  test("have references for captions, and objects that captions may name, where they are given", () => {
    const objects = { objects: [{ name: "apple", synonyms: ["apples"] }, { name: "pear" }] };
    const dataset = read({ "test.jsonl": lines, "objects.json": objects });
    expect(dataset.captions?.items).toMatchObject([{ references: ["a red apple"], objects: ["apple"], group: "seen" }]);
    expect(dataset.captions?.vocabulary).toEqual([
      { name: "apple", synonyms: ["apples"] },
      { name: "pear", synonyms: [] },
    ]);
  });

  test.each([
    [{ image: "", texts: ["x"] }, 't.jsonl:1: "image" is "", expected a text'],
    [{ image: "a", texts: [] }, 't.jsonl:1: "texts" is [], expected a list of texts with at least one'],
    [{ image: "a", texts: ["x", 3] }, 't.jsonl:1: "texts"[1] is 3, expected a text'],
    [
      { image: "a", texts: ["x"], captions: ["x"], objects: ["pear"] },
      't.jsonl:1: "objects" is "pear", expected a "name"',
    ],
    [{ image: "a", texts: ["x"], group: 3 }, 't.jsonl:1: "group" is 3, expected a text, or nothing'],
  ])("are refused with file and line: %j", (line, sentence) => {
    expect(problemOf({ "t.jsonl": [line] })).toContain(sentence);
  });
});

describe("What other methods reach", () => {
  const lines = [{ image: "a.png", texts: ["x"] }];
  const entry = { task: "retrieval", metric: "recallAt1", direction: "text-to-image", kind: "a paper", value: 0.5 };

  test("comes with the data set, in its own file", () => {
    const dataset = read({ "t.jsonl": lines, "baseline.json": { baselines: [entry, { ...entry, by: "itc" }] } });
    expect(dataset.baselines).toEqual([entry, { ...entry, by: "itc" }]);
    expect(read({ "t.jsonl": lines }).baselines).toEqual([]);
  });

  test.each([
    [{ baseline: [] }, 'baseline.json: "baselines" is missing, expected a list of objects'],
    [{ baselines: [{ ...entry, task: "chess" }] }, '"baselines[0].task" is "chess", expected one of retrieval,'],
    [{ baselines: [{ ...entry, value: "high" }] }, '"baselines[0].value" is "high", expected a number'],
    [{ baselines: [{ ...entry, kind: "" }] }, '"baselines[0].kind" is "", expected a text'],
  ])("is refused with file and value: %j", (content, sentence) => {
    expect(problemOf({ "t.jsonl": lines, "baseline.json": content })).toContain(sentence);
  });
});

test("a folder of several formats gives the parts of all", () => {
  const dataset = read({
    "retrieval.jsonl": [{ image: "a.png", texts: ["x"] }],
    "pairs.jsonl": [{ image: "a.png", caption: "x", foil: "y" }],
    "q.json": QUESTIONS,
    "a.json": ANNOTATIONS,
    "README.md": "not read",
    "other.json": { something: "else" },
  });
  expect(Object.keys(dataset)).toEqual(["name", "source", "baselines", "questions", "pairs", "retrieval"]);
});

test.each([
  [
    { "d.json": KARPATHY, "r.jsonl": [{ image: "a", texts: ["x"] }] },
    {},
    "holds retrieval in two formats, karpathy and retrieval",
  ],
  [{ "x.json": { a: 1 } }, {}, "holds x.json, which is none of the formats karpathy"],
  [{ "r.jsonl": [{ image: "a", texts: ["x"] }] }, { format: "vqa" }, "holds r.jsonl, which is not the format vqa"],
  [{}, {}, "holds no .json or .jsonl file"],
  [{ "x.json": "{" }, {}, "x.json: expected JSON, but"],
  [
    { "a.json": [{ image: "a", caption: ["x"] }], "b.json": [{ image: "a", caption: ["x"] }] },
    {},
    'several files of captions ("a.json", "b.json")',
  ],
] as const)("a folder that is not clear is refused: %j", (files, options, sentence) => {
  expect(problemOf(files, options)).toContain(sentence);
});

test("a folder that is not there is refused by its name", () => {
  expect(() => readDataset({ folder: "/nowhere/at/all", split: "test" })).toThrow(
    'The data set "/nowhere/at/all" cannot be read',
  );
});

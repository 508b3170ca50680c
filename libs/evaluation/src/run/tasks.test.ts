import { createFakeInference } from "@medley/inference-api/testing";
import { describe, expect, test } from "vitest";
import type { Dataset, QuestionItem } from "../datasets/dataset.ts";
import { ciderD } from "../metrics/cider-d.ts";
import { createContext, picture } from "../testing/scripted-engine.ts";
import { evaluateCaptions } from "./captions.ts";
import { evaluateClasses } from "./classes.ts";
import { chooseTasks, evaluateDataset } from "./evaluate-dataset.ts";
import { evaluatePairs } from "./pairs.ts";
import { evaluateQuestions } from "./questions.ts";
import type { TaskResult } from "./result.ts";
import { takeSubset } from "./subset.ts";

/** Values by name, order and group: "accuracy itc kind x". */
function figures({ metrics }: TaskResult): Record<string, number> {
  return Object.fromEntries(
    metrics.map(({ metric, by, group, value }) => [[metric, by, group].filter(Boolean).join(" "), value]),
  );
}

describe("Captions", () => {
  const items = [
    { picture: picture("dog"), imageId: 7, references: ["a brown dog on grass"], group: "in-domain", objects: ["dog"] },
    { picture: picture("cat"), references: ["a black cat on a sofa"], group: "out-domain" },
    { picture: picture("missing"), references: ["a bird"] },
  ];
  const captions = { dog: "a brown dog on grass", cat: "a dog on a chair" };
  const vocabulary = [
    { name: "dog", synonyms: [] },
    { name: "cat", synonyms: [] },
    { name: "sofa", synonyms: ["couch"] },
  ];

  test("are scored as a whole and by group, each group as a set of its own", async () => {
    const result = await evaluateCaptions(createContext({ captions }), { items, vocabulary: [] });
    const pairs = items.slice(0, 2).map(({ picture: { name }, references }) => {
      return { candidate: captions[name as keyof typeof captions], references };
    });
    expect(figures(result)["ciderD"]).toBe(ciderD(pairs).mean);
    expect(figures(result)["bleu4 in-domain"]).toBeCloseTo(1, 6);
    expect(figures(result)["rougeL out-domain"]).toBeLessThan(1);
    expect(result.failures).toMatchObject([{ item: "missing", code: "IMAGE_NOT_FOUND" }]);
    expect(result.metrics.find(({ metric }) => metric === "rougeL")).toMatchObject({
      n: 2,
      baselineKind: "captions of other pictures",
    });
  });

  test("are searched for things that the picture does not show, where the data set names things", async () => {
    const result = await evaluateCaptions(createContext({ captions }), { items, vocabulary });
    // "dog" twice, once where there is none; of dog, cat and sofa only the dog is named.
    expect(figures(result)).toMatchObject({ chairI: 1 / 2, chairS: 1 / 2, objectRecall: 1 / 3 });
  });

  test("that name none of the things have no share of wrong names, and pictures without any no share of named ones", async () => {
    const nameless = items.map(({ objects: _, ...item }) => item);
    const silent = { items: nameless, vocabulary: [{ name: "train", synonyms: [] }] };
    const result = await evaluateCaptions(createContext({ captions }), silent);
    expect(Object.keys(figures(result)).filter((name) => /chair|object/.test(name))).toEqual([
      "chairS",
      "chairS in-domain",
      "chairS out-domain",
    ]);
  });

  test("are kept as the official evaluation reads them", async () => {
    const { predictions } = await evaluateCaptions(createContext({ captions }), { items, vocabulary });
    expect(predictions).toEqual([
      { image_id: 7, caption: "a brown dog on grass" },
      { image_id: "cat", caption: "a dog on a chair" },
    ]);
  });
});

describe("Questions", () => {
  const question = (id: number, text: string, answers: readonly string[], questionType: string): QuestionItem => {
    return { id, picture: picture(`p${id}`), question: text, answers, questionType, answerType: "other" };
  };
  const questions = [
    question(0, "is it?", Array<string>(10).fill("yes"), "is it"),
    question(1, "is it?", Array<string>(10).fill("no"), "is it"),
    question(2, "what?", ["dog", "dog", "cat", ...Array<string>(7).fill("bird")], "what"),
  ];
  const answers = { "is it?": { p0: "Yes.", p1: "yes" }, "what?": { p2: "dog" } };

  test("are scored by the official accuracy, by type, beside the best answer without looking", async () => {
    const result = await evaluateQuestions(createContext({ answers }), questions);
    expect(figures(result)["accuracy question type is it"]).toBe(1 / 2);
    // Two of ten said dog: leaving out one of them leaves one, so (2 * 1/3 + 8 * 2/3) / 10.
    expect(figures(result)["accuracy question type what"]).toBeCloseTo(0.6, 12);
    expect(figures(result)["accuracy"]).toBeCloseTo((1 + 0.6) / 3, 12);
    const whole = result.metrics.find(({ group }) => group === undefined);
    // "yes" is right for one of two, "bird" for the third.
    expect(whole?.baseline).toBeCloseTo((1 + 1) / 3, 12);
  });

  test("without published answers have predictions and no accuracy", async () => {
    const secret = questions.map((one) => ({ ...one, answers: [] }));
    const result = await evaluateQuestions(createContext({ answers }), secret);
    expect(result.metrics).toEqual([]);
    expect(result.notes).toEqual(["3 questions have no published answers; their accuracy is not known here."]);
    expect(result.predictions[2]).toEqual({ question_id: 2, answer: "dog" });
  });
});

describe("Minimal pairs", () => {
  test("are judged by each score and by kind", async () => {
    const script = {
      pictures: { p: [1, 0], q: [0, 1] },
      texts: { "p text": [1, 0], "q text": [0, 1] },
      logits: { "p text": { p: 1, q: 2 }, "q text": { p: 0, q: 3 } },
    };
    const result = await evaluatePairs(createContext(script), {
      twoPictures: [{ pictures: [picture("p"), picture("q")], captions: ["p text", "q text"], kind: "swap" }],
      onePicture: [
        { picture: picture("p"), caption: "p text", foil: "q text", kind: "noun" },
        { picture: picture("missing"), caption: "p text", foil: "q text" },
      ],
    });
    // By itmLogit p text scores higher with q than with p: the image score is lost, the text score is not.
    expect(figures(result)).toMatchObject({
      "textScore itm": 1,
      "imageScore itm": 0,
      "groupScore itm": 0,
      "groupScore itc": 1,
      "groupScore itc kind swap": 1,
      "pairAccuracy itm kind noun": 1,
    });
    expect(result.failures).toMatchObject([{ item: "missing" }]);
  });
});

describe("Classes", () => {
  const classes = [
    { name: "right", prompts: ["east", "west-ish east"] },
    { name: "up", prompts: ["north"] },
  ];
  const script = {
    pictures: { p: [0.8, 0.6], q: [0, 1] },
    texts: { east: [1, 0], "west-ish east": [0.6, -0.8], north: [0, 1] },
    logits: { east: { p: 1, q: 0 }, "west-ish east": { p: 3, q: 0 }, north: { p: 1, q: 1 } },
  };

  test("are those of the nearest mean prompt, and after the matching head of the highest mean logit", async () => {
    const items = [
      { picture: picture("p"), classIndex: 0 },
      { picture: picture("q"), classIndex: 1 },
      { picture: picture("missing"), classIndex: 1 },
    ];
    const result = await evaluateClasses(createContext(script), { classes, items });
    // The mean of "right" is (.8, -.4) / norm: cosine .447 with p, while "up" has .6. Mean logits: 2 against 1.
    expect(figures(result)).toMatchObject({
      "accuracy itc": 1 / 2,
      "accuracy itm": 1,
      "accuracy itm+itc": 1,
      "accuracy itc class right": 0,
      "meanClassAccuracy itc": 1 / 2,
    });
    expect(result.metrics[0]).toMatchObject({ baseline: 1 / 2, baselineKind: 'always "right"' });
    expect(result.failures).toMatchObject([{ item: "missing" }]);
  });
});

const DATASET: Dataset = {
  name: "set",
  source: "/set",
  baselines: [],
  retrieval: {
    pictures: Array.from({ length: 20 }, (_, index) => picture(`p${index}`)),
    texts: Array.from({ length: 20 }, (_, index) => ({
      text: `t${index}`,
      pictures: [index, (index + 1) % 20],
      groups: [],
    })),
    unanswered: ["nothing"],
  },
  captions: { items: [{ picture: picture("p0"), references: ["x"] }], vocabulary: [] },
};

test("a random part is the same for the same seed, and keeps texts with their pictures", () => {
  const part = takeSubset(DATASET, { limit: 5, seed: 3 });
  expect(part).toEqual(takeSubset(DATASET, { limit: 5, seed: 3 }));
  expect(part.retrieval?.pictures).toHaveLength(5);
  expect(part.retrieval?.pictures).not.toEqual(takeSubset(DATASET, { limit: 5, seed: 4 }).retrieval?.pictures);
  for (const { text, pictures } of part.retrieval?.texts ?? []) {
    const number = Number(text.slice(1));
    const names = pictures.map((index) => part.retrieval?.pictures[index]?.name);
    expect([`p${number}`, `p${(number + 1) % 20}`]).toEqual(expect.arrayContaining(names));
  }
  expect(takeSubset(DATASET, { limit: 99, seed: 3 }).retrieval?.pictures).toHaveLength(20);
});

describe("Tasks", async () => {
  const models = await createFakeInference().models();
  const retrievalOnly = models.slice(0, 1).map((model) => ({ ...model, abilities: ["embed", "match"] as const }));

  test("are all that the data set has and the models can do, with a note about the others", () => {
    expect(chooseTasks(DATASET, models, undefined)).toEqual({
      tasks: ["retrieval", "detection", "captions"],
      notes: [],
    });
    const chosen = chooseTasks(DATASET, retrievalOnly, undefined);
    expect(chosen.tasks).toEqual(["retrieval", "detection"]);
    expect(chosen.notes).toEqual([expect.stringContaining('The task "captions" needs a model that can caption')]);
  });

  test("that are asked for must be possible", () => {
    expect(() => chooseTasks(DATASET, models, ["vqa"])).toThrow('has nothing for the task "vqa"; it has: retrieval');
    expect(() => chooseTasks(DATASET, retrievalOnly, ["captions"])).toThrow('The task "captions" needs a model');
  });

  test("show what the data set says of other methods beside the figures that it is about, and never with a random part", async () => {
    const context = createContext({ captions: { p0: "x" } });
    const about = { task: "captions", metric: "bleu1", kind: "colour histogram", value: 0.25 } as const;
    const dataset = { ...DATASET, baselines: [about, { ...about, group: "near-domain", value: 1 }] };
    const whole = await evaluateDataset(context, dataset, { tasks: ["captions"] });
    const known = whole.tasks[0]?.metrics.map(({ metric, knownBaselines }) => [metric, knownBaselines]) ?? [];
    expect(Object.fromEntries(known)).toMatchObject({
      bleu1: [{ kind: "colour histogram", value: 0.25 }],
      bleu2: undefined,
    });
    const part = await evaluateDataset(context, dataset, { tasks: ["captions"], subset: { limit: 3, seed: 1 } });
    expect(part.tasks[0]?.metrics.every(({ knownBaselines }) => knownBaselines === undefined)).toBe(true);
  });

  test("run one after the other and say how far they are", async () => {
    const context = createContext({ captions: { p0: "x" } });
    const result = await evaluateDataset(context, DATASET, { tasks: ["captions"], subset: { limit: 3, seed: 1 } });
    expect(result).toMatchObject({ dataset: "set", subset: { limit: 3, seed: 1 }, tasks: [{ task: "captions" }] });
    expect(context.progress).toEqual([{ task: "captions", step: "writing captions", done: 1, total: 1 }]);
  });
});

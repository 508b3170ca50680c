import { answerValue } from "@medley/search";
import { openSampleLibrary, type SampleLibrary } from "@medley/search/testing";
import {
  cancelOperation,
  claimAnswers,
  completeSteps,
  createOperation,
  failAnswer,
  liveQuestions,
  planAnswers,
  planSteps,
  saveAnswers,
} from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServedGateway, serveGateway } from "./testing/serve.ts";

let library: SampleLibrary;
let gateway: ServedGateway;
beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 6 });
  gateway = await serveGateway(library);
  const { db, corpus, imageIds } = library;
  await planSteps(db, { corpusId: corpus.id, spaceId: null, steps: ["prepare"] });
  await completeSteps(db, { step: "prepare", spaceId: null, imageIds });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await library?.[Symbol.asyncDispose]();
});

const QUESTION = "question { name type answers minimumProbability } userErrors { code message path }";
const DECLARE = `mutation ($input: DeclareQuestionInput!) { declareQuestion(input: $input) { ${QUESTION} } }`;
const declare = async (input: object) =>
  (await gateway.graphql(DECLARE, { input: { corpus: library.corpus.name, ...input } })).data.declareQuestion;

const PAGE = `query ($corpus: String!) { corpus(name: $corpus) { questions {
  name question type answers minimumProbability renewRequestedAt models { images }
  coverage { images answered failed excluded pending counting } } } }`;
const questions = async () =>
  (await gateway.graphql(PAGE, { corpus: library.corpus.name })).data.corpus.questions as {
    name: string;
    coverage: Record<string, number>;
  }[];

/** Answers as the worker does: the first picture is refused, and the others are even or odd. */
async function answerAll(name: string): Promise<void> {
  const { db, corpus, imageIds } = library;
  await planAnswers(db, corpus.id);
  const question = (await liveQuestions(db, corpus.id)).find((each) => each.name === name);
  if (!question) throw new Error(`There is no question "${name}".`);
  const questionId = question.id;
  const claimed = await claimAnswers(db, { questionId, limit: 100, leaseMs: 60_000, owner: "test/1" });
  const [refused, ...others] = imageIds;
  const failure = { questionId, owner: "test/1", imageId: refused ?? "", code: "INVALID_IMAGE", message: "no" };
  await failAnswer(db, { ...failure, retryable: false });
  expect(claimed).toHaveLength(imageIds.length);
  const rows = others.map((imageId, index) => {
    const answer = question.answers?.[index % 2] ?? "";
    const value = answerValue(question, answer);
    return { imageId, answer, value, logProbability: -0.5, probability: 0.5 + index / 10, mode: "RANK" as const };
  });
  await saveAnswers(db, { questionId, owner: "test/1", modelFingerprint: "f".repeat(64), rows });
}

test("declares questions, says how far they are, and filters and counts by the answers that count", async () => {
  const colour = { name: "colour", question: "What colour is it?", type: "CATEGORY", answers: ["red", "blue"] };
  expect(await declare(colour)).toEqual({
    question: { name: "colour", type: "CATEGORY", answers: ["red", "blue"], minimumProbability: null },
    userErrors: [],
  });
  expect(await declare({ name: "person", question: "Is there a person?", type: "BOOLEAN" })).toMatchObject({
    question: { answers: ["yes", "no"] },
  });
  await answerAll("colour");
  await answerAll("person");
  const [first, second] = await questions();
  const counts = { images: 6, answered: 5, failed: 1, excluded: 0, pending: 0, counting: 5 };
  expect(first).toMatchObject({ ...colour, coverage: counts, models: [{ images: 5 }], renewRequestedAt: null });
  expect(second).toMatchObject({ name: "person", coverage: counts });

  const answers = `query ($id: ID!) { image(id: $id) { attributes
    answers { name question type text value counts probability logProbability mode modelFingerprint answeredAt } } }`;
  const { image } = (await gateway.graphql(answers, { id: library.imageIds[1] })).data;
  expect(image.attributes).toEqual({ number: 1 });
  expect(image.answers[0]).toEqual({
    ...{ name: "colour", question: "What colour is it?", type: "CATEGORY", text: "red", value: "red", counts: true },
    ...{ probability: 0.5, logProbability: -0.5, mode: "RANK", modelFingerprint: "f".repeat(64) },
    answeredAt: expect.stringMatching(/Z$/) as string,
  });
  expect(image.answers[1]).toMatchObject({ name: "person", text: "yes", value: true });

  const search = (filter: object | null, facets: object[] = []) =>
    gateway.graphql(
      `query ($input: SearchInput!) { search(input: $input) { total { value }
        facets { name of values { value count hits filter } } } }`,
      { input: { corpus: library.corpus.name, all: [{ text: "a picture" }], filter, facets } },
    );
  const totalOf = async (filter: object) => (await search(filter)).data.search.total.value;
  expect(await totalOf({ question: { name: "colour", in: ["red"] } })).toBe(3);
  expect(await totalOf({ question: { name: "person", in: ["yes"] } })).toBe(3);
  expect(await totalOf({ question: { name: "person", in: [true], minimumProbability: 0.65 } })).toBe(2);
  expect(await totalOf({ not: { question: { name: "colour", in: ["red"] } } })).toBe(3);
  expect(await totalOf({ attribute: { name: "colour", exists: true } })).toBe(0);

  // A higher minimum needs no model: the answers below it count no longer.
  expect(await declare({ ...colour, minimumProbability: 0.65 })).toMatchObject({ userErrors: [] });
  expect((await questions())[0]?.coverage).toEqual({ ...counts, counting: 3 });
  const counted = await search({ question: { name: "colour", in: ["red"] } }, [{ name: "colour", of: "QUESTION" }]);
  expect(counted.data.search.facets).toEqual([
    {
      name: "colour",
      of: "QUESTION",
      values: [
        { value: "red", count: 2, hits: 2, filter: { question: { name: "colour", in: ["red"] } } },
        { value: "blue", count: 1, hits: 0, filter: { question: { name: "colour", in: ["blue"] } } },
      ],
    },
  ]);
  const attribute = await search(null, [{ name: "number", first: 1 }]);
  expect(attribute.data.search.facets[0]).toMatchObject({ of: "ATTRIBUTE", values: [{ count: 1 }] });
});

test("says what is wrong with a question, in a mutation and in a search", async () => {
  expect(await declare({ name: "size", question: "What size?", type: "CATEGORY" })).toEqual({
    question: null,
    userErrors: [
      {
        code: "INVALID_VALUE",
        message: expect.stringContaining("has 0 answers, expected 2") as string,
        path: ["input"],
      },
    ],
  });
  expect(await declare({ name: "colour", question: "Which colour?", type: "TEXT" })).toMatchObject({
    userErrors: [{ message: expect.stringContaining("Retire it first, or use another name.") as string }],
  });
  const search = (input: object) =>
    gateway.graphql("query ($input: SearchInput!) { search(input: $input) { total { value } } }", {
      input: { corpus: library.corpus.name, all: [{ text: "a picture" }], ...input },
    });
  for (const [input, message] of [
    [{ filter: { question: { name: "size", in: ["S"] } } }, 'no question "size"; it has: "colour", "person".'],
    [{ facets: [{ name: "size", of: "QUESTION" }] }, 'no question "size"'],
    [{ filter: { question: { name: "colour", in: ["green"] } } }, "none of its answers"],
    [{ filter: { question: { name: "person", from: true } } }, '"from" of the question "person" is true'],
  ] as const) {
    const { errors } = await search(input);
    expect(errors?.[0]).toMatchObject({
      message: expect.stringContaining(message),
      extensions: { code: "BAD_USER_INPUT" },
    });
  }
});

test("shows why answers failed, tries them again, and cancels their operation alone", async () => {
  const { db, corpus } = library;
  const operation = await createOperation(db, { kind: "ANSWER", corpusId: corpus.id, state: "RUNNING" });
  const document = `query ($id: ID!) { operation(id: $id) { kind errorClasses { step code kind count message } } }`;
  const shown = (await gateway.graphql(document, { id: operation.id })).data.operation;
  expect(shown.errorClasses).toContainEqual({
    ...{ step: "answer", code: "INVALID_IMAGE", kind: "PERMANENT", count: 1, message: "colour: no" },
  });
  const retry = `mutation ($step: String, $kind: ErrorKind) {
    retryFailed(corpus: "${corpus.name}", step: $step, kind: $kind) { steps userErrors { message } } }`;
  const retried = async (variables: object) => (await gateway.graphql(retry, variables)).data.retryFailed.steps;
  expect(await retried({ step: "embed" })).toBe(0);
  expect(await retried({ step: "answer", kind: "TRANSIENT" })).toBe(0);
  expect(await retried({ step: "answer", kind: "PERMANENT" })).toBe(2);
  expect((await questions())[0]?.coverage).toMatchObject({ pending: 1, failed: 0 });
  await db.transaction((tx) => cancelOperation(tx, operation.id));
  expect((await questions())[0]?.coverage).toMatchObject({ pending: 0, excluded: 1 });
  expect(await retried({ kind: "CANCELLED" })).toBe(2);
});

test("asks for answers of another model, and takes a question away", async () => {
  const change = async (field: string, name: string) => {
    const document = `mutation ($corpus: String!, $name: String!) { ${field}(corpus: $corpus, name: $name) {
      question { name renewRequestedAt coverage { images } } userErrors { code path } } }`;
    return (await gateway.graphql(document, { corpus: library.corpus.name, name })).data[field];
  };
  expect(await change("renewAnswers", "colour")).toMatchObject({
    question: { name: "colour", renewRequestedAt: expect.stringMatching(/Z$/) as string, coverage: { images: 6 } },
    userErrors: [],
  });
  expect(await change("retireQuestion", "colour")).toMatchObject({ question: { name: "colour" }, userErrors: [] });
  expect((await questions()).map(({ name }) => name)).toEqual(["person"]);
  expect(await change("retireQuestion", "colour")).toEqual({
    question: null,
    userErrors: [{ code: "NOT_FOUND", path: ["name"] }],
  });
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { answerFailureClasses, excludeOpenAnswers, questionCoverage, retryFailedAnswers } from "./answer-control.ts";
import { ensureCorpus } from "./corpora.ts";
import { countAnswerFacet, countFacet } from "./facets.ts";
import {
  beginRenewals,
  claimAnswers,
  extendAnswerLeases,
  failAnswer,
  type GivenAnswer,
  openAnswers,
  planAnswers,
  releaseAnswerLeases,
  saveAnswers,
} from "./image-answers.ts";
import { compileImageFilter, type ImageFilter } from "./image-filter.ts";
import { registerImage } from "./images.ts";
import { declareQuestion, liveQuestions, type NewQuestion, requestRenewal, retireQuestion } from "./questions.ts";
import { pauseCorpus, resumeCorpus } from "./step-control.ts";
import { completeSteps, failStep, MAX_ATTEMPTS, planSteps } from "./steps.ts";
import { answersOf } from "./stored-answers.ts";
import { openTestDatabase, type TestDatabase } from "./testing/open-test-database.ts";
import { questionsIn, typedQuestionFilter } from "./typed-question-filter.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database?.[Symbol.asyncDispose]());

const COLOUR: NewQuestion = {
  name: "colour",
  question: "What colour is it?",
  type: "CATEGORY",
  answers: ["red", "blue"],
};
const PERSON: NewQuestion = { name: "person", question: "Is there a person in it?", type: "BOOLEAN" };

const declare = (corpusId: string, question: NewQuestion) =>
  database.db.transaction((tx) => declareQuestion(tx, corpusId, question));

let corpora = 0;
/** A corpus with prepared pictures. */
async function corpusOf(images: number) {
  const { db } = database;
  const { id: corpusId } = await ensureCorpus(db, { name: `questions ${(corpora += 1)}` });
  const add = async (count: number, prepared = true) => {
    const ids: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const sha256 = `${corpora}${(added += 1)}`.padStart(64, "0");
      const image = { corpusId, sha256, origin: `${added}.png`, attributes: { colour: "green" } };
      ids.push((await registerImage(db, image)).imageId);
    }
    await planSteps(db, { corpusId, spaceId: null, steps: ["prepare"], imageIds: ids });
    if (prepared) await completeSteps(db, { step: "prepare", spaceId: null, imageIds: ids });
    return ids;
  };
  let added = 0;
  return { corpusId, add, imageIds: await add(images) };
}

const LEASE_MS = 60_000;
const later = (ms: number) => new Date(Date.now() + ms);
const claim = (questionId: string, owner: string, more: { limit?: number; now?: Date } = {}) =>
  claimAnswers(database.db, { questionId, owner, limit: 100, leaseMs: LEASE_MS, ...more });

const red = (imageId: string): GivenAnswer => {
  return { imageId, answer: "red", value: "red", logProbability: -1, probability: 0.8, mode: "RANK" };
};

const save = (questionId: string, owner: string, rows: readonly GivenAnswer[], modelFingerprint = "one") =>
  saveAnswers(database.db, { questionId, owner, modelFingerprint, rows });

const coverage = async (corpusId: string, place = 0) => {
  const { questionId: _, models: _models, ...counts } = (await questionCoverage(database.db, corpusId))[place] ?? {};
  return counts;
};

test("declares a question once, changes only its minimum, and brings a retired one back with its answers", async () => {
  const { corpusId } = await corpusOf(2);
  const first = await declare(corpusId, COLOUR);
  expect(first).toMatchObject({ outcome: "DECLARED", question: { ...COLOUR, minimumProbability: null } });
  expect(await declare(corpusId, COLOUR)).toMatchObject({ outcome: "UNCHANGED", question: { id: first.question.id } });
  expect(await declare(corpusId, { ...COLOUR, minimumProbability: 0.5 })).toMatchObject({ outcome: "CHANGED" });
  await expect(declare(corpusId, { ...COLOUR, answers: ["red", "green"] })).rejects.toThrow(
    'The corpus has a question "colour" already, which asks "What colour is it?" as CATEGORY. Retire it first',
  );
  await planAnswers(database.db, corpusId);
  await save(
    first.question.id,
    "a/1",
    (await claim(first.question.id, "a/1")).map(({ imageId }) => red(imageId)),
  );
  await retireQuestion(database.db, corpusId, "colour");
  expect(await liveQuestions(database.db, corpusId)).toEqual([]);
  expect(await questionCoverage(database.db, corpusId)).toEqual([]);
  expect(await declare(corpusId, { ...COLOUR, answers: ["red", "green"] })).toMatchObject({ outcome: "DECLARED" });
  await retireQuestion(database.db, corpusId, "colour");
  expect(await declare(corpusId, COLOUR)).toMatchObject({ outcome: "REVIVED", question: { id: first.question.id } });
  expect(await coverage(corpusId)).toEqual({ images: 2, answered: 2, failed: 0, excluded: 0, pending: 0, counting: 2 });
  await expect(retireQuestion(database.db, corpusId, "size")).rejects.toThrow('has no question "size"');
});

test("says what is wrong with a question", async () => {
  const { corpusId } = await corpusOf(0);
  const wrong = (question: Partial<NewQuestion>) => expect(declare(corpusId, { ...COLOUR, ...question })).rejects;
  await wrong({ name: " " }).toThrow("The name of a question is empty, expected 1 to 200 characters.");
  await wrong({ question: "two\nlines" }).toThrow("holds U+000A, which nobody can see, expected one line");
  await wrong({ type: "DATE" as never }).toThrow(
    'question "colour" is "DATE", expected one of BOOLEAN, CATEGORY, TEXT, NUMBER',
  );
  await wrong({ answers: ["red"] }).toThrow("has 1 answers, expected 2 to 1000");
  await wrong({ answers: ["red", "red "] }).toThrow('has the answer "red" twice');
  await wrong({ type: "TEXT" }).toThrow("of type TEXT and has answers; only CATEGORY does");
  await wrong({ minimumProbability: 1.5 }).toThrow("is 1.5, expected a number from 0 to 1");
});

test("counts every picture in one state, also pictures that came after the plan", async () => {
  const { corpusId, add } = await corpusOf(3);
  const { question } = await declare(corpusId, COLOUR);
  expect(await coverage(corpusId)).toEqual({ images: 3, answered: 0, failed: 0, excluded: 0, pending: 3, counting: 0 });
  await planAnswers(database.db, corpusId);
  const claimed = await claim(question.id, "a/1", { limit: 2 });
  await save(question.id, "a/1", [red(claimed[0]?.imageId ?? "")]);
  const failure = { questionId: question.id, owner: "a/1", imageId: claimed[1]?.imageId ?? "" };
  expect(await failAnswer(database.db, { ...failure, code: "INVALID_IMAGE", message: "no", retryable: false })).toBe(
    "failed",
  );
  const [broken] = await add(1, false);
  await failStep(database.db, {
    ...{ step: "prepare", spaceId: null, imageId: broken ?? "" },
    ...{ code: "TRUNCATED", message: "torn", retryable: false },
  });
  await add(1, false);
  await planAnswers(database.db, corpusId);
  expect(await coverage(corpusId)).toEqual({ images: 5, answered: 1, failed: 1, excluded: 1, pending: 2, counting: 1 });
  // One of the two is not prepared yet.
  expect(await claim(question.id, "a/2")).toHaveLength(1);
  expect(await answerFailureClasses(database.db, corpusId)).toMatchObject([
    { question: "colour", code: "INVALID_IMAGE", errorClass: "PERMANENT", failed: 1 },
  ]);
  expect(await retryFailedAnswers(database.db, { corpusId, code: "OTHER" })).toBe(0);
  expect(await retryFailedAnswers(database.db, { corpusId, code: "INVALID_IMAGE" })).toBe(1);
  await database.db.query("update image_steps set state = 'done' where image_id = $1::uuid", [broken]);
  await planAnswers(database.db, corpusId);
  expect(await coverage(corpusId)).toMatchObject({ excluded: 0, failed: 0, pending: 4 });
});

test("gives no picture to two workers at once, and saves nothing of one whose lease went to another", async () => {
  const { corpusId } = await corpusOf(40);
  const { question } = await declare(corpusId, PERSON);
  await planAnswers(database.db, corpusId);
  await using another = await database.openAnother();
  const takes = await Promise.all(
    [database.db, another, database.db, another].map((db, worker) =>
      claimAnswers(db, { questionId: question.id, owner: `w/${worker}`, limit: 10, leaseMs: LEASE_MS }),
    ),
  );
  const ids = takes.flat().map(({ imageId }) => imageId);
  expect(new Set(ids).size).toBe(ids.length);
  await claim(question.id, "w/9");
  expect(await claim(question.id, "w/10")).toEqual([]);

  // The first worker was killed; its lease runs out and another one answers.
  const mine = takes[0]?.map(({ imageId }) => imageId) ?? [];
  await extendAnswerLeases(database.db, { owners: ["w/1", "w/2", "w/3", "w/9"], leaseMs: 10 * LEASE_MS });
  const again = await claim(question.id, "v/1", { now: later(2 * LEASE_MS) });
  expect(again.map(({ imageId }) => imageId).sort()).toEqual(mine.toSorted());
  const answer = (imageId: string): GivenAnswer => ({ ...red(imageId), answer: "no", value: false });
  expect(await save(question.id, "v/1", mine.map(answer), "living")).toHaveLength(mine.length);
  expect(await save(question.id, "w/0", mine.map(answer), "dead")).toEqual([]);
  expect(await save(question.id, "v/1", mine.map(answer), "twice")).toEqual([]);
  const failure = { questionId: question.id, owner: "w/0", imageId: mine[0] ?? "" };
  expect(await failAnswer(database.db, { ...failure, code: "X", message: "x", retryable: true })).toBeNull();
  expect((await questionCoverage(database.db, corpusId))[0]?.models).toEqual([
    { modelFingerprint: "living", images: mine.length },
  ]);
});

test("gives up a picture that kills its workers, puts back what may be tried again, and takes no attempt for a good stop", async () => {
  const { corpusId } = await corpusOf(1);
  const { question } = await declare(corpusId, PERSON);
  await planAnswers(database.db, corpusId);
  const [held] = await claim(question.id, "a/1");
  expect(held?.attempts).toBe(1);
  await releaseAnswerLeases(database.db, { owner: "a" });
  const [retried] = await claim(question.id, "a/2");
  expect(retried?.attempts).toBe(1);
  const failure = { questionId: question.id, owner: "a/2", imageId: retried?.imageId ?? "" };
  expect(await failAnswer(database.db, { ...failure, code: "OVERLOADED", message: "x", retryable: true })).toBe(
    "pending",
  );
  expect(await claim(question.id, "a/3")).toEqual([]);
  expect(await openAnswers(database.db, corpusId)).toEqual({ claimable: false, left: true });
  for (let death = 2; death <= MAX_ATTEMPTS; death += 1) {
    expect(await claim(question.id, `a/${death}`, { now: later(death * 20 * LEASE_MS) })).toHaveLength(1);
  }
  expect(await claim(question.id, "a/9", { now: later(1000 * LEASE_MS) })).toEqual([]);
  expect(await answerFailureClasses(database.db, corpusId)).toMatchObject([{ code: "WORKER_DIED", failed: 1 }]);
});

test("leaves paused corpora and retired questions alone, and opens what was cancelled only for who asks", async () => {
  const { corpusId } = await corpusOf(2);
  const { question } = await declare(corpusId, COLOUR);
  await planAnswers(database.db, corpusId);
  await pauseCorpus(database.db, corpusId);
  expect(await claim(question.id, "a/1")).toEqual([]);
  await resumeCorpus(database.db, corpusId);
  expect(await excludeOpenAnswers(database.db, corpusId)).toBe(2);
  await planAnswers(database.db, corpusId);
  expect(await claim(question.id, "a/2")).toEqual([]);
  expect(await retryFailedAnswers(database.db, { corpusId })).toBe(2);
  await retireQuestion(database.db, corpusId, "colour");
  expect(await claim(question.id, "a/3")).toEqual([]);
  expect(await openAnswers(database.db, corpusId)).toEqual({ claimable: false, left: false });
});

test("asks another model again only on request, and keeps the old answer until the new one is there", async () => {
  const { corpusId, imageIds } = await corpusOf(2);
  const { question } = await declare(corpusId, COLOUR);
  await planAnswers(database.db, corpusId);
  await save(
    question.id,
    "a/1",
    (await claim(question.id, "a/1")).map(({ imageId }) => red(imageId)),
  );
  const renew = (modelFingerprint: string) => beginRenewals(database.db, { corpusId, modelFingerprint });
  expect(await renew("two")).toBe(0);
  await requestRenewal(database.db, corpusId, "colour");
  expect(await renew("one")).toBe(0);
  await requestRenewal(database.db, corpusId, "colour");
  expect(await renew("two")).toBe(2);
  expect(await renew("two")).toBe(0);
  expect(await coverage(corpusId)).toMatchObject({ answered: 0, pending: 2, counting: 2 });
  const [first] = imageIds;
  const stored = async () => (await answersOf(database.db, [first ?? ""])).get(first ?? "")?.[0];
  expect(await stored()).toMatchObject({ text: "red", modelFingerprint: "one", counts: true, mode: "RANK" });
  await claim(question.id, "a/2");
  await save(question.id, "a/2", [{ ...red(first ?? ""), answer: "blue", value: "blue" }], "two");
  expect(await stored()).toMatchObject({ name: "colour", value: "blue", modelFingerprint: "two", probability: 0.8 });
});

test("filters and counts by answers that count, apart from attributes of the same name", async () => {
  const { corpusId, imageIds, add } = await corpusOf(4);
  const colour = (await declare(corpusId, { ...COLOUR, minimumProbability: 0.5 })).question;
  const count = (await declare(corpusId, { name: "count", question: "How many?", type: "NUMBER" })).question;
  await planAnswers(database.db, corpusId);
  await claim(colour.id, "a/1");
  await claim(count.id, "a/2");
  const [one = "", two = "", three = "", four = ""] = imageIds;
  await save(colour.id, "a/1", [
    red(one),
    { ...red(two), answer: "blue", value: "blue", probability: 0.6 },
    { ...red(three), probability: 0.4 },
    { ...red(four), probability: null },
  ]);
  const number = (imageId: string, answer: string, value: number | null): GivenAnswer => {
    return { imageId, answer, value, logProbability: -1, probability: 0.3, mode: "GENERATE" };
  };
  await save(count.id, "a/2", [number(one, "2", 2), number(two, "10", 10), number(three, "many", null)]);
  await add(1);
  const questions = await liveQuestions(database.db, corpusId);
  const passing = async (filter: ImageFilter) => {
    const parameters: unknown[] = [corpusId];
    const passes = compileImageFilter(typedQuestionFilter(filter, questions), parameters);
    const rows = await database.db.query<{ place: string }>(
      `select right(sha256, 1) as place from images i where i.corpus_id = $1::uuid and ${passes} order by 1`,
      parameters,
    );
    return rows.map(({ place }) => place).join("");
  };
  expect(await passing({ question: { name: "colour", in: ["red"] } })).toBe("1");
  expect(await passing({ question: { name: "colour", in: ["red", "blue"] } })).toBe("12");
  expect(await passing({ question: { name: "colour", in: ["red", "blue"], minimumProbability: 0.7 } })).toBe("1");
  expect(await passing({ question: { name: "colour", exists: false } })).toBe("345");
  expect(await passing({ not: { question: { name: "colour", in: ["red"] } } })).toBe("2345");
  expect(await passing({ question: { name: "count", from: "3" } })).toBe("2");
  expect(
    await passing({ and: [{ question: { name: "count", to: 2 } }, { question: { name: "colour", exists: true } }] }),
  ).toBe("1");
  expect(await passing({ attribute: { name: "colour", in: ["red"] } })).toBe("");
  const facet = { corpusId, name: "colour", imageIds: [two, three], limit: 10 };
  expect(await countAnswerFacet(database.db, facet)).toEqual([
    { value: "blue", count: 1, hits: 1 },
    { value: "red", count: 1, hits: 0 },
  ]);
  const onlyTwo = { question: { name: "count", in: [2] } };
  expect(await countAnswerFacet(database.db, { ...facet, filter: onlyTwo })).toEqual([
    { value: "red", count: 1, hits: 0 },
  ]);
  expect(await countFacet(database.db, facet)).toMatchObject([{ value: "green", count: 5 }]);
  const wrong = (filter: ImageFilter) => expect(() => typedQuestionFilter({ and: [filter] }, questions));
  wrong({ question: { name: "size", in: ["S"] } }).toThrow('no question "size"; it has: "colour", "count".');
  wrong({ question: { name: "colour", in: ["green"] } }).toThrow(
    'is "green", which is none of its answers: "red", "blue"',
  );
  wrong({ question: { name: "colour", from: "red" } }).toThrow('has no meaning: it is a CATEGORY. Use "in".');
  wrong({ question: { name: "count", to: "few" } }).toThrow("expected a number such as 12.5");
  expect([...questionsIn({ not: { or: [onlyTwo, { width: { from: 1 } }] } })]).toEqual(["count"]);
});

test("forgets the answers of a picture that is deleted", async () => {
  const { corpusId, imageIds } = await corpusOf(2);
  const { question } = await declare(corpusId, COLOUR);
  await planAnswers(database.db, corpusId);
  await claim(question.id, "a/1");
  const [gone = "", stays = ""] = imageIds;
  await database.db.query("delete from images where id = $1::uuid", [gone]);
  expect(await save(question.id, "a/1", [red(gone), red(stays)])).toEqual([stays]);
  expect(await coverage(corpusId)).toMatchObject({ images: 1, answered: 1, pending: 0 });
});

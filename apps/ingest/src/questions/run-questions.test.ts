import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { failed, type Inference, InferenceError } from "@medley/inference-api";
import { createFakeInference } from "@medley/inference-api/testing";
import {
  answerFailureClasses,
  answersOf,
  cancelOperation,
  claimAnswers,
  declareQuestion,
  findCorpus,
  listImages,
  listOperations,
  liveQuestions,
  type NewQuestion,
  openOperations,
  pauseCorpus,
  planAnswers,
  questionCoverage,
  requestRenewal,
  resumeCorpus,
  retireQuestion,
  retryFailedAnswers,
} from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serveInference } from "../testing/inference-server.ts";
import { folderOf, openIngestForTest } from "../testing/ingest-for-test.ts";
import { png } from "../testing/pictures.ts";
import { runQuestions } from "./run-questions.ts";

const MAIN = resolve(import.meta.dirname, "../main.ts");

let bench: Awaited<ReturnType<typeof openIngestForTest>>;
beforeAll(async () => {
  bench = await openIngestForTest();
});
afterAll(() => bench.db[Symbol.asyncDispose]());

const COLOUR: NewQuestion = { name: "colour", question: "What colour?", type: "CATEGORY", answers: ["red", "blue"] };
const PERSON: NewQuestion = { name: "person", question: "Is there a person?", type: "BOOLEAN" };
const WHAT: NewQuestion = { name: "what", question: "What is it?", type: "TEXT" };
const COUNT: NewQuestion = { name: "count", question: "How many?", type: "NUMBER" };

const picturesFrom = (first: number, count: number) =>
  folderOf(Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}.png`, png(first + index)])));

/** A corpus with embedded pictures and questions about them. */
async function corpusAsked(first: number, pictures: number, ...questions: readonly NewQuestion[]) {
  const corpus = bench.newCorpus();
  await bench.ingest(corpus, picturesFrom(first, pictures), { captions: false });
  const corpusId = (await findCorpus(bench.db, corpus))?.id ?? "";
  for (const question of questions) await bench.db.transaction((tx) => declareQuestion(tx, corpusId, question));
  return { corpus, corpusId };
}

/** An engine that writes down which pictures it is asked about. */
function countingEngine(act: (call: number) => Promise<void> | void = () => {}, changes: Partial<Inference> = {}) {
  const engine = { ...createFakeInference({ readBlob: bench.blobs.read }), ...changes };
  const asked: string[] = [];
  let calls = 0;
  const inference: Inference = {
    ...engine,
    async answerQuestions(questions, mode, options) {
      await act((calls += 1));
      for (const { image, question } of questions) asked.push(`${question} ${"sha256" in image ? image.sha256 : ""}`);
      expect(options?.background).toBe(true);
      return engine.answerQuestions(questions, mode, options);
    },
  };
  return { inference, asked };
}

const silent = {
  onFailedAnswer: () => {},
  onNote: (note: string) => void bench.notes.push(note),
  onProgress: () => {},
};
const run = (corpus: string, inference: Inference, { retryFailed = false, waitsForOthers = false } = {}) =>
  runQuestions(bench.contextOf({ inference }), { corpus, retryFailed, waitsForOthers }, silent);

/** Coverage by the question's place. */
const coverageOf = (corpusId: string) => questionCoverage(bench.db, corpusId);

test("answers every question about every picture once, with probability, mode and model, and then has nothing to do", async () => {
  const { corpus, corpusId } = await corpusAsked(2000, 20, COLOUR, PERSON, WHAT, COUNT);
  const { inference, asked } = countingEngine();
  const ended = await run(corpus, inference);
  expect(ended).toMatchObject({ idle: false, outcome: "DONE", progress: { answered: 80, pending: 0, failed: 0 } });
  expect(new Set(asked).size).toBe(80);
  expect(asked).toHaveLength(80);
  const coverage = await coverageOf(corpusId);
  // The fake engine says "picture number 7": a text, and no number.
  expect(coverage.map(({ answered, counting }) => [answered, counting]).sort()).toEqual([
    [20, 0],
    [20, 20],
    [20, 20],
    [20, 20],
  ]);
  const [image] = await listImages(bench.db, corpusId, { limit: 1 });
  const answers = (await answersOf(bench.db, [image?.id ?? ""])).get(image?.id ?? "") ?? [];
  const named = (name: string) => answers.find((answer) => answer.name === name);
  expect(named("colour")).toMatchObject({ mode: "RANK", value: expect.stringMatching(/^(red|blue)$/) });
  expect(named("colour")?.probability).toBeGreaterThanOrEqual(0.5);
  expect(typeof named("person")?.value).toBe("boolean");
  expect(named("what")).toMatchObject({ mode: "GENERATE", value: expect.stringContaining("picture number") });
  expect(named("what")?.probability).toBeCloseTo(Math.exp(named("what")?.logProbability ?? 1));
  expect(named("count")).toMatchObject({ value: null, text: expect.stringContaining("picture number"), counts: false });
  const [operation] = await listOperations(bench.db, { limit: 1, corpusId });
  expect(operation).toMatchObject({ kind: "ANSWER", state: "SUCCEEDED", counts: { answered: 80, stepsEnded: 80 } });
  expect((await run(corpus, inference)).idle).toBe(true);
  expect(await listOperations(bench.db, { limit: 9, corpusId })).toHaveLength(2);
});

test("waits for what a killed worker has in hand when nobody looks again, and leaves it to the next look otherwise", async () => {
  const { corpus, corpusId } = await corpusAsked(2050, 3, PERSON);
  const { inference, asked } = countingEngine();
  await planAnswers(bench.db, corpusId);
  const questionId = (await liveQuestions(bench.db, corpusId))[0]?.id ?? "";
  const dead = { questionId, limit: 9, leaseMs: 1_500, owner: "dead/1" };
  expect(await claimAnswers(bench.db, dead)).toHaveLength(3);
  expect(await run(corpus, inference)).toMatchObject({ idle: true });
  expect(await run(corpus, inference, { waitsForOthers: true })).toMatchObject({
    idle: false,
    progress: { answered: 3, pending: 0 },
  });
  expect(asked).toHaveLength(3);
});

test("asks only about pictures that came later, and leaves out those that cannot be read", async () => {
  const { corpus, corpusId } = await corpusAsked(2100, 3, PERSON);
  const { inference, asked } = countingEngine();
  await run(corpus, inference);
  await bench.ingest(corpus, picturesFrom(2110, 2), { captions: false });
  await bench.db.query(
    `update image_steps set state = 'failed', error_code = 'X', error_message = 'x'
     where step = 'prepare' and image_id = (select id from images where corpus_id = $1::uuid order by created_at desc limit 1)`,
    [corpusId],
  );
  await run(corpus, inference);
  expect(asked).toHaveLength(4);
  expect(await coverageOf(corpusId)).toMatchObject([{ images: 5, answered: 4, excluded: 1, pending: 0 }]);
});

test("fails a picture that the model refuses, goes on with the others, and tries it again when somebody asks", async () => {
  const { corpus, corpusId } = await corpusAsked(2200, 10, PERSON);
  let refuses = true;
  const base = createFakeInference({ readBlob: bench.blobs.read });
  const { inference } = countingEngine(() => {}, {
    answerQuestions: async (questions, mode, options) => {
      const outcomes = await base.answerQuestions(questions, mode, options);
      return outcomes.map((outcome, index) =>
        refuses && index === 0 ? failed(new InferenceError("INVALID_IMAGE", "The model refuses it.")) : outcome,
      );
    },
  });
  const first = await run(corpus, inference);
  expect(first.progress.failed).toBeGreaterThan(0);
  expect(first.progress.answered + first.progress.failed).toBe(10);
  expect(await answerFailureClasses(bench.db, corpusId)).toMatchObject([
    { question: "person", code: "INVALID_IMAGE", errorClass: "PERMANENT", failed: first.progress.failed },
  ]);
  expect((await run(corpus, inference)).idle).toBe(true);
  refuses = false;
  expect(await run(corpus, inference, { retryFailed: true })).toMatchObject({ progress: { answered: 10, failed: 0 } });
});

test("waits for an engine that is overloaded, and answers when it can", async () => {
  const { corpus } = await corpusAsked(2300, 10, PERSON);
  const { inference } = countingEngine((call) => {
    if (call <= 3) throw new InferenceError("OVERLOADED", "full");
  });
  expect(await run(corpus, inference)).toMatchObject({ outcome: "DONE", progress: { answered: 10 } });
});

test("stops when its operation is cancelled, leaves nothing open, and goes on after a retry", async () => {
  const { corpus, corpusId } = await corpusAsked(2400, 60, PERSON);
  const { inference, asked } = countingEngine(async (call) => {
    if (call === 1) {
      const [operation] = await openOperations(bench.db, corpusId);
      await bench.db.transaction((tx) => cancelOperation(tx, operation?.id ?? ""));
    }
    await wait(400);
  });
  const stopped = await run(corpus, inference);
  expect(stopped.outcome).toBe("CANCELLED");
  expect(stopped.progress).toMatchObject({ pending: 0, failed: 0 });
  expect(stopped.progress.answered).toBeLessThan(60);
  expect(stopped.progress.answered + stopped.progress.excluded).toBe(60);
  expect((await run(corpus, inference)).idle).toBe(true);
  // An ingest is another operation: its steps were not touched, and what was cancelled here is not opened by it.
  expect((await bench.ingest(corpus, undefined, { captions: false })).idle).toBe(true);
  await retryFailedAnswers(bench.db, { corpusId });
  expect(await run(corpus, inference)).toMatchObject({ outcome: "DONE", progress: { answered: 60 } });
  expect(new Set(asked).size).toBe(60);
  expect(asked).toHaveLength(60);
});

test("leaves a paused corpus alone, also one that is paused meanwhile, and goes on when it is resumed", async () => {
  const { corpus, corpusId } = await corpusAsked(2500, 60, PERSON);
  const { inference, asked } = countingEngine(async (call) => {
    if (call === 1) await pauseCorpus(bench.db, corpusId);
    await wait(400);
  });
  const paused = await run(corpus, inference);
  expect(paused.outcome).toBe("PAUSED");
  expect(paused.progress.pending).toBeGreaterThan(0);
  expect((await listOperations(bench.db, { limit: 1, corpusId }))[0]).toMatchObject({ errorCode: "PAUSED" });
  expect((await run(corpus, inference)).idle).toBe(true);
  await resumeCorpus(bench.db, corpusId);
  expect(await run(corpus, inference)).toMatchObject({ outcome: "DONE", progress: { answered: 60 } });
  expect(asked).toHaveLength(60);
});

test("lets go of a question that is retired meanwhile, and takes up one that is declared meanwhile", async () => {
  const { corpus, corpusId } = await corpusAsked(2600, 40, PERSON);
  const { inference } = countingEngine(async (call) => {
    if (call !== 1) return;
    await retireQuestion(bench.db, corpusId, "person");
    await bench.db.transaction((tx) => declareQuestion(tx, corpusId, COLOUR));
  });
  await run(corpus, inference);
  expect(await coverageOf(corpusId)).toMatchObject([{ answered: 40, pending: 0 }]);
});

test("asks another model again only on request", async () => {
  const { corpus, corpusId } = await corpusAsked(2700, 10, PERSON);
  await run(corpus, countingEngine().inference);
  const base = createFakeInference({ readBlob: bench.blobs.read });
  const other = countingEngine(() => {}, {
    models: async () => (await base.models()).map((model) => ({ ...model, fingerprint: "another" })),
  });
  expect((await run(corpus, other.inference)).idle).toBe(true);
  await requestRenewal(bench.db, corpusId, "person");
  expect(await run(corpus, other.inference)).toMatchObject({ progress: { answered: 10 } });
  expect(other.asked).toHaveLength(10);
  expect((await coverageOf(corpusId))[0]?.models).toEqual([{ modelFingerprint: "another", images: 10 }]);
});

test("keeps nothing that was answered while the model was replaced, and says so", async () => {
  const { corpus, corpusId } = await corpusAsked(2800, 10, PERSON);
  const base = createFakeInference({ readBlob: bench.blobs.read });
  let replaced = false;
  const { inference } = countingEngine(() => void (replaced = true), {
    models: async () =>
      (await base.models()).map((model) => ({ ...model, fingerprint: replaced ? "another" : model.fingerprint })),
  });
  await expect(run(corpus, inference)).rejects.toThrow('The answerer "fake" was replaced by "fake" while questions');
  expect(await coverageOf(corpusId)).toMatchObject([{ answered: 0, pending: 10 }]);
  expect((await listOperations(bench.db, { limit: 1, corpusId }))[0]).toMatchObject({
    state: "FAILED",
    errorCode: "MODELS_CHANGED",
  });
  expect(await run(corpus, inference)).toMatchObject({ progress: { answered: 10 } });
});

test("says that nobody answers when the model set has no answerer", async () => {
  const { corpus } = await corpusAsked(2900, 1, PERSON);
  const base = createFakeInference({ readBlob: bench.blobs.read });
  const { inference } = countingEngine(() => {}, {
    models: async () => (await base.models()).filter(({ role }) => role !== "answerer"),
  });
  expect((await run(corpus, inference)).idle).toBe(true);
  expect(bench.notes.at(-1)).toContain("has no answerer");
});

test("loses no answer and gives none twice though the process is killed in the middle of a batch", {
  timeout: 300_000,
}, async () => {
  const { corpus, corpusId } = await corpusAsked(3000, 60, PERSON);
  let kill: (() => void) | undefined;
  const { inference, asked } = countingEngine(async (call) => {
    if (call === 4 || call === 7) kill?.();
    await wait(100);
  });
  await using server = await serveInference(inference);
  const work = async () => {
    const child = spawn(process.execPath, [MAIN, "work", "--corpus", corpus, "--no-captions"], {
      env: {
        ...process.env,
        MEDLEY_HOME: bench.home,
        INFERENCE_URL: server.url,
        DATABASE_URL: process.env.TEST_DATABASE_URL ?? "",
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    kill = () => child.kill("SIGKILL");
    const errors = text(child.stderr);
    const code = await new Promise<number | null>((ended) => child.once("exit", ended));
    return { code, errors: await errors };
  };
  expect((await work()).code).toBeNull();
  expect((await work()).code).toBeNull();
  const saved = (await coverageOf(corpusId))[0]?.answered ?? 0;
  expect(saved).toBeGreaterThan(0);
  const before = new Set(asked);
  const last = await work();
  expect(last, last.errors).toMatchObject({ code: 0, errors: expect.stringContaining("60 given, 0 failed") });
  expect(await coverageOf(corpusId)).toMatchObject([{ images: 60, answered: 60, pending: 0 }]);
  expect(new Set(asked).size).toBe(60);
  // Only what was in hand when it was killed, two batches of eight each time, is asked again; what was saved never.
  expect(asked.length - 60).toBeLessThanOrEqual(4 * 8);
  expect(before.size).toBeGreaterThanOrEqual(saved);
});

import assert from "node:assert/strict";
import type { ImageInput, Inference } from "../inference.ts";
import { InferenceError, type InferenceErrorCode, type Outcome } from "../outcome.ts";

export interface ConformanceSubject {
  readonly inference: Inference;
  /** Encoded bytes of a good picture. */
  readonly picture: Uint8Array;
  /** SHA-256 of `picture`, which is also in the engine's content store. */
  readonly storedSha256: string;
}

export interface ConformanceCheck {
  /** Permanent: reports and issues refer to it. */
  readonly id: string;
  readonly promise: string;
  readonly run: (subject: ConformanceSubject) => Promise<void>;
}

const NOT_A_PICTURE: ImageInput = { bytes: new TextEncoder().encode("this is not a picture") };
const UNKNOWN: ImageInput = { sha256: "0".repeat(64) };

/** What every engine behind the port must do: the fake one, the local one, and each of them behind HTTP. */
export const CONFORMANCE: readonly ConformanceCheck[] = [
  {
    id: "INF-01",
    promise: "lists a model for each role with its fingerprint and the length of its embeddings",
    run: async ({ inference }) => {
      const models = await inference.models();
      assert.ok(models.some(({ role }) => role === "retrieval"));
      for (const model of models) assert.match(model.fingerprint, /^[0-9a-f]{64}$/);
    },
  },
  {
    id: "INF-02",
    promise: "embeds pictures with norm 1 and the length that the model list tells",
    run: async ({ inference, picture, storedSha256 }) => {
      const outcomes = await inference.embedImages([{ bytes: picture }, { sha256: storedSha256 }]);
      const retrieval = (await inference.models()).find(({ role }) => role === "retrieval");
      for (const embedding of outcomes.map(valueOf)) {
        assert.equal(embedding.length, retrieval?.embeddingDimensions);
        assert.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-4);
      }
    },
  },
  {
    id: "INF-03",
    promise: "gives a bad picture its own error in its own place and embeds the others",
    run: async ({ inference, picture, storedSha256 }) => {
      const images = [
        NOT_A_PICTURE,
        { bytes: picture },
        UNKNOWN,
        { sha256: storedSha256 },
        { bytes: new Uint8Array() },
      ];
      const outcomes = await inference.embedImages(images);
      assert.deepEqual(outcomes.map(codeOf), ["INVALID_IMAGE", "OK", "IMAGE_NOT_FOUND", "OK", "INVALID_IMAGE"]);
    },
  },
  {
    id: "INF-04",
    promise: "answers an empty list with an empty list",
    run: async ({ inference }) => {
      assert.deepEqual(await inference.embedImages([]), []);
      assert.deepEqual(await inference.embedTexts([]), []);
      assert.deepEqual(await inference.matchImages("a dog", []), []);
    },
  },
  {
    id: "INF-05",
    promise: "embeds texts and names an empty one as an invalid text",
    run: async ({ inference }) => {
      const outcomes = await inference.embedTexts(["a dog on a beach", "  ", "zwei Hunde — 犬 🐶"]);
      assert.deepEqual(outcomes.map(codeOf), ["OK", "INVALID_TEXT", "OK"]);
    },
  },
  {
    id: "INF-06",
    promise: "gives the same numbers again, alone and inside a batch",
    run: async ({ inference, picture }) => {
      const [alone] = await inference.embedTexts(["a dog"]);
      const [, inside] = await inference.embedTexts(["a cat", "a dog", "two red balls in the snow"]);
      assertClose(valueOf(alone), valueOf(inside));
      const [first] = await inference.embedImages([{ bytes: picture }]);
      const [, second] = await inference.embedImages([NOT_A_PICTURE, { bytes: picture }]);
      assertClose(valueOf(first), valueOf(second));
    },
  },
  {
    id: "INF-07",
    promise: "matches one text with many pictures and one picture with many texts alike",
    run: async ({ inference, picture }) => {
      const [byText] = await inference.matchImages("a dog", [{ bytes: picture }, NOT_A_PICTURE]);
      const byImage = await inference.matchTexts({ bytes: picture }, ["a cat", "a dog", ""]);
      assert.deepEqual(byImage.map(codeOf), ["OK", "OK", "INVALID_TEXT"]);
      assert.ok(Math.abs(valueOf(byText).itmLogit - valueOf(byImage[1]).itmLogit) < 1e-3);
    },
  },
  {
    id: "INF-08",
    promise: "captions pictures with the asked decoding, the same again for the same seed",
    run: async ({ inference, picture }) => {
      const decoding = { method: "nucleus", topP: 0.9, seed: 7, maxLength: 12 } as const;
      const outcomes = await inference.captionImages([{ bytes: picture }, NOT_A_PICTURE], { decoding });
      assert.deepEqual(outcomes.map(codeOf), ["OK", "INVALID_IMAGE"]);
      const caption = valueOf(outcomes[0]);
      assert.ok(caption.tokenIds.length > 0 && caption.logProbability <= 0);
      const [again] = await inference.captionImages([{ bytes: picture }], { decoding });
      assert.deepEqual(valueOf(again).tokenIds, caption.tokenIds);
      assert.equal(caption.alternatives, undefined);
    },
  },
  {
    id: "INF-09",
    promise: "answers questions by generating and by ranking, and says which it did",
    run: async ({ inference, picture }) => {
      const questions = [{ image: { bytes: picture }, question: "what is it?" }];
      const [generated] = await inference.answerQuestions(questions, {
        mode: "generate",
        decoding: { method: "greedy" },
      });
      assert.equal(valueOf(generated).mode, "generate");
      assert.equal(valueOf(generated).relativeProbability, undefined);
      const answers = ["yes", "no", "two"];
      const [ranked] = await inference.answerQuestions(questions, { mode: "rank", answers });
      assert.equal(valueOf(ranked).mode, "rank");
      assert.ok(answers.includes(valueOf(ranked).text));
      const share = valueOf(ranked).relativeProbability ?? Number.NaN;
      assert.ok(share > 1 / answers.length - 1e-6 && share <= 1);
      const [only] = await inference.answerQuestions(questions, { mode: "rank", answers: ["yes"] });
      assert.equal(valueOf(only).relativeProbability, 1);
    },
  },
  {
    id: "INF-10",
    promise: "says CANCELLED, of each item or of the whole call, when the caller has already given up",
    run: async ({ inference }) => {
      const codes = await inference.embedTexts(["a dog", "a cat"], { signal: AbortSignal.abort() }).then(
        (outcomes) => outcomes.map(codeOf),
        (error: unknown) => [error instanceof InferenceError ? error.code : String(error)],
      );
      assert.deepEqual([...new Set(codes)], ["CANCELLED"]);
    },
  },
  {
    id: "INF-11",
    promise: "gives the cosine of a pair with its match when it is asked for, and only then",
    run: async ({ inference, picture }) => {
      const [plain] = await inference.matchTexts({ bytes: picture }, ["a dog"]);
      assert.equal(valueOf(plain).itcCosine, undefined);
      const [byImage] = await inference.matchTexts({ bytes: picture }, ["a dog"], { itcCosine: true });
      const [byText] = await inference.matchImages("a dog", [{ bytes: picture }], { itcCosine: true });
      const cosine = valueOf(byImage).itcCosine ?? Number.NaN;
      assert.ok(Math.abs(cosine) <= 1.0001);
      assert.ok(Math.abs(cosine - (valueOf(byText).itcCosine ?? Number.NaN)) < 1e-4);
    },
  },
  {
    id: "INF-12",
    promise: "gives the same for a picture by its content address as for its bytes, also when texts came first",
    run: async ({ inference, picture, storedSha256 }) => {
      await inference.embedTexts(["a dog"]);
      const [[named], [whole]] = await Promise.all([
        inference.matchImages("a dog", [{ sha256: storedSha256 }]),
        inference.matchImages("a dog", [{ bytes: picture }]),
      ]);
      // Stored image tokens are float16.
      assert.ok(Math.abs(valueOf(named).itmLogit - valueOf(whole).itmLogit) < 0.02);
      const decoding = { method: "greedy", maxLength: 12 } as const;
      const captions = await inference.captionImages([{ sha256: storedSha256 }, { bytes: picture }], { decoding });
      assert.deepEqual(valueOf(captions[0]).tokenIds, valueOf(captions[1]).tokenIds);
      const questions = [{ image: { sha256: storedSha256 }, question: "what is it?" }];
      const [answer] = await inference.answerQuestions(questions, { mode: "generate", decoding });
      assert.ok(valueOf(answer).tokenIds.length > 0);
    },
  },
  {
    id: "INF-13",
    promise: "answers with the model that a call names, and refuses a fingerprint that is not served",
    run: async ({ inference, picture }) => {
      const fingerprint = (await inference.models()).find(({ role }) => role === "retrieval")?.fingerprint ?? "";
      const named = { model: fingerprint };
      const [chosen] = await inference.embedTexts(["a dog"], named);
      const [plain] = await inference.embedTexts(["a dog"]);
      assertClose(valueOf(chosen), valueOf(plain));
      valueOf((await inference.embedImages([{ bytes: picture }], named))[0]);
      valueOf((await inference.matchImages("a dog", [{ bytes: picture }], named))[0]);
      valueOf((await inference.matchTexts({ bytes: picture }, ["a dog"], named))[0]);
      const unknown = { model: "0".repeat(64) };
      const refused = [
        inference.embedTexts(["a dog"], unknown),
        inference.embedImages([{ bytes: picture }], unknown),
        inference.matchImages("a dog", [{ bytes: picture }], unknown),
        inference.matchTexts({ bytes: picture }, ["a dog"], unknown),
      ].map((call) => rejectionOf(call));
      assert.deepEqual(new Set(await Promise.all(refused)), new Set(["MODEL_NOT_FOUND"]));
    },
  },
  {
    id: "INF-14",
    promise: "says that a checkpoint which is not there cannot be loaded, and goes on",
    run: async ({ inference }) => {
      const load = inference.loadModel({ checkpoint: "/missing/checkpoint" });
      assert.equal(await rejectionOf(load), "MODEL_NOT_FOUND");
      valueOf((await inference.embedTexts(["a dog"]))[0]);
    },
  },
  {
    id: "INF-15",
    promise: "maps where a picture shows a word, 0 to 1, and names a word that its text does not have",
    run: async ({ inference, picture, storedSha256 }) => {
      const outcomes = await inference.mapEvidence([
        { image: { bytes: picture }, word: "dog", text: "a dog on a beach" },
        { image: { sha256: storedSha256 }, word: "dog" },
        { image: { bytes: picture }, word: "cat", text: "a dog on a beach" },
        { image: NOT_A_PICTURE, word: "dog" },
        { image: { bytes: picture }, word: " " },
      ]);
      assert.deepEqual(outcomes.map(codeOf), ["OK", "OK", "WORD_NOT_IN_TEXT", "INVALID_IMAGE", "INVALID_TEXT"]);
      for (const { rows, columns, values } of outcomes.slice(0, 2).map(valueOf)) {
        assert.equal(values.length, rows * columns);
        assert.ok(values.every((value) => value >= 0 && value <= 1) && values.includes(1));
      }
    },
  },
  {
    id: "INF-16",
    promise: "finds other captions beside the best, each text once, and refuses more than the decoding has",
    run: async ({ inference, picture }) => {
      const limits = { maxLength: 12, minLength: 5 };
      const images = [{ bytes: picture }, NOT_A_PICTURE, { bytes: picture }];
      for (const decoding of [
        { method: "beam", beams: 4, ...limits },
        { method: "nucleus", topP: 0.9, seed: 7, ...limits },
      ] as const) {
        const [alone] = await inference.captionImages(images.slice(0, 1), { decoding });
        const outcomes = await inference.captionImages(images, { decoding, alternatives: 2 });
        assert.deepEqual(outcomes.map(codeOf), ["OK", "INVALID_IMAGE", "OK"]);
        for (const outcome of [outcomes[0], outcomes[2]]) {
          const { alternatives = [], ...caption } = valueOf(outcome);
          assert.deepEqual(caption.tokenIds, valueOf(alone).tokenIds);
          // Samples may say the same, and each text is told once.
          assert.ok(alternatives.length <= 2, `${alternatives.length} alternatives by ${decoding.method}`);
          if (decoding.method === "beam") assert.ok(alternatives.length > 0);
          const texts = [caption, ...alternatives].map(({ text }) => text);
          assert.equal(new Set(texts).size, texts.length, texts.join("; "));
          for (const { tokenIds, logProbability } of alternatives) {
            assert.ok(tokenIds.length > 0 && logProbability <= 0);
          }
        }
      }
      for (const [decoding, alternatives] of [
        [{ method: "beam", beams: 2 }, 2],
        [{ method: "greedy" }, 1],
        [{ method: "nucleus", topP: 0.9, seed: 7 }, 1_000_000],
      ] as const) {
        const refused = rejectionOf(inference.captionImages([{ bytes: picture }], { decoding, alternatives }));
        assert.equal(await refused, "UNSUPPORTED");
      }
    },
  },
];

/** Code of what every item of a call, or the call as a whole, was refused with. */
function rejectionOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    (value) => (Array.isArray(value) ? codeOf((value as Outcome<unknown>[])[0] as Outcome<unknown>) : "OK"),
    (error: unknown) => (error instanceof InferenceError ? error.code : String(error)),
  );
}

function codeOf(outcome: Outcome<unknown>): InferenceErrorCode | "OK" {
  return outcome.ok ? "OK" : outcome.error.code;
}

function valueOf<T>(outcome: Outcome<T> | undefined): T {
  if (outcome?.ok) return outcome.value;
  throw outcome?.error ?? new Error("The item has no outcome.");
}

function assertClose(left: Float32Array, right: Float32Array): void {
  const difference = Math.max(...left.map((value, index) => Math.abs(value - (right[index] ?? Number.NaN))));
  assert.ok(difference < 1e-4, `embeddings differ by ${difference}`);
}

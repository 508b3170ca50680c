import type { Inference, Match } from "@medley/inference-api";
import { failed, InferenceError, succeeded } from "@medley/inference-api";
import { createFakeInference } from "@medley/inference-api/testing";
import type { Picture } from "../datasets/dataset.ts";
import type { Progress, RunContext, RunSettings } from "../run/run-context.ts";

/** What an engine of a test answers; pictures and texts are named. What is not listed fails. */
export interface Script {
  readonly pictures?: Readonly<Record<string, readonly number[]>>;
  readonly texts?: Readonly<Record<string, readonly number[]>>;
  /** logits[text][picture] */
  readonly logits?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly captions?: Readonly<Record<string, string>>;
  /** answers[question][picture] */
  readonly answers?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** The deterministic engine of the port with figures that can be computed by hand. For tests only. */
export function createScriptedEngine(script: Script): Inference {
  const nameOf = (image: { readonly bytes: Uint8Array } | { readonly sha256: string }) =>
    "bytes" in image ? new TextDecoder().decode(image.bytes) : image.sha256;
  const given = <Value>(value: Value | undefined) =>
    value === undefined
      ? failed<Value>(new InferenceError("ENGINE_FAILED", "It is not in the script."))
      : succeeded(value);
  const vector = (numbers: readonly number[] | undefined) => given(numbers && Float32Array.from(numbers));
  const match = (text: string, picture: string) => {
    const itmLogit = script.logits?.[text]?.[picture];
    if (itmLogit === undefined) return given<Match>(undefined);
    const [a, b] = [script.pictures?.[picture] ?? [], script.texts?.[text] ?? []];
    const itcCosine = a.reduce((sum, value, place) => sum + value * (b[place] ?? 0), 0);
    return given<Match>({ itmLogit, itmNoMatchLogit: -itmLogit, itcCosine });
  };
  const generated = { tokenIds: [], logProbability: -1 };
  return {
    ...createFakeInference(),
    embedImages: async (images) => images.map((image) => vector(script.pictures?.[nameOf(image)])),
    embedTexts: async (texts) => texts.map((text) => vector(script.texts?.[text])),
    matchImages: async (text, images) => images.map((image) => match(text, nameOf(image))),
    matchTexts: async (image, texts) => texts.map((text) => match(text, nameOf(image))),
    captionImages: async (images) =>
      images.map((image) => {
        const text = script.captions?.[nameOf(image)];
        return given(text === undefined ? undefined : { text, ...generated });
      }),
    answerQuestions: async (questions, { mode }) =>
      questions.map(({ image, question }) => {
        const text = script.answers?.[question]?.[nameOf(image)];
        return given(text === undefined ? undefined : { text, mode, ...generated });
      }),
  };
}

export function picture(name: string): Picture {
  return { name, place: { path: name } };
}

/** A context in which pictures whose names start with "missing" cannot be opened. */
export function createContext(
  script: Script,
  settings: Partial<RunSettings> = {},
): RunContext & { readonly progress: Progress[] } {
  const progress: Progress[] = [];
  return {
    inference: createScriptedEngine(script),
    progress,
    onProgress: (one) => progress.push(one),
    async openPicture({ name }) {
      if (name.startsWith("missing")) throw new InferenceError("IMAGE_NOT_FOUND", `There is no "${name}".`);
      return { bytes: new TextEncoder().encode(name) };
    },
    settings: {
      rerank: 2,
      itcWeight: 1,
      captionRequest: { decoding: { method: "greedy" } },
      answerMode: { mode: "generate", decoding: { method: "greedy" } },
      seed: 1,
      ...settings,
    },
  };
}

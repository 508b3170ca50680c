import { createHash } from "node:crypto";
import { alternativesComplaint } from "../alternatives.ts";
import type {
  Answer,
  CallOptions,
  EmbedOptions,
  EvidenceMap,
  EvidenceRequest,
  GeneratedText,
  ImageInput,
  Inference,
  Match,
  MatchOptions,
  ModelInfo,
  ModelToLoad,
  Role,
} from "../inference.ts";
import { failed, InferenceError, type Outcome, succeeded } from "../outcome.ts";

export interface FakeInferenceOptions {
  /** Bytes of pictures named by sha256; without it each of them is IMAGE_NOT_FOUND. Rejects where it has none. */
  readonly readBlob?: (sha256: string) => Promise<Uint8Array>;
  /** Runs before each call with the name of its method; what it throws rejects the call. */
  readonly before?: (method: string, options: CallOptions) => Promise<void> | void;
  readonly dimensions?: number;
}

/**
 * A deterministic engine for tests: every output is a function of the SHA-256 of its inputs. Bytes count as a picture when
 * they start with a magic number of JPEG, PNG, GIF or RIFF (WebP). Image tokens of a picture named by sha256 are said to be stored.
 */
export function createFakeInference(options: FakeInferenceOptions = {}): Inference {
  const dimensions = options.dimensions ?? 8;
  const pictureKey = async (image: ImageInput) => keyOfBytes(await bytesOf(image, options.readBlob));
  const run = async <Item, Value>(
    method: string,
    items: readonly Item[],
    call: CallOptions | undefined,
    compute: (item: Item) => Promise<Value> | Value,
  ): Promise<Outcome<Value>[]> => {
    await options.before?.(method, call ?? {});
    return Promise.all(
      items.map((item) => (call?.signal?.aborted ? failed<Value>(cancelled()) : settle(async () => compute(item)))),
    );
  };
  const further = new Map<string, ModelInfo>();
  /** What makes the outputs of a further model other ones; empty for the retrieval model. */
  const saltOf = ({ model }: EmbedOptions = {}): string => {
    if (model === undefined || model === FAKE_FINGERPRINT) return "";
    if (further.has(model)) return model;
    throw new InferenceError("MODEL_NOT_FOUND", `No model with the fingerprint ${model} is served.`);
  };
  return {
    models: async () => [...ROLES.map((role) => modelInfo(role, dimensions)), ...further.values()],
    loadModel: async ({ checkpoint, name = checkpoint, itcWeight = 1 }: ModelToLoad) => {
      if (checkpoint.includes("missing")) throw new InferenceError("MODEL_NOT_FOUND", `${checkpoint} does not exist.`);
      const fingerprint = fakeFingerprint(checkpoint);
      const model = further.get(fingerprint) ?? { ...modelInfo("retrieval", dimensions), name, fingerprint, itcWeight };
      further.set(fingerprint, model);
      return model;
    },
    embedImages: (images, call) =>
      run("embedImages", images, call, async (image) =>
        embeddingOf(saltOf(call) + (await pictureKey(image)), dimensions),
      ),
    embedTexts: (texts, call) =>
      run("embedTexts", texts, call, (text) => embeddingOf(saltOf(call) + keyOfText(text), dimensions)),
    matchImages: (text, images, call) =>
      run("matchImages", images, call, async (image) => ({
        ...matchOf(saltOf(call) + (await pictureKey(image)), keyOfText(text), call),
        tokensWereStored: "sha256" in image,
      })),
    matchTexts: (image, texts, call) =>
      run("matchTexts", texts, call, async (text) => ({
        ...matchOf(saltOf(call) + (await pictureKey(image)), keyOfText(text), call),
        tokensWereStored: "sha256" in image,
      })),
    mapEvidence: (requests, call) =>
      run("mapEvidence", requests, call, async (request) =>
        evidenceOf(saltOf(call) + (await pictureKey(request.image)), request),
      ),
    captionImages: async (images, { alternatives = 0, ...request }, call) => {
      const complaint = alternativesComplaint(alternatives, request.decoding);
      if (complaint !== null) throw new InferenceError("UNSUPPORTED", complaint);
      return await run("captionImages", images, call, async (image) => {
        const key = await pictureKey(image);
        const [caption, ...others] = Array.from({ length: 1 + alternatives }, (_, index) =>
          captionOf(key, settingsKey(request) + (index === 0 ? "" : `alternative${index}`)),
        );
        return { ...(caption as GeneratedText), ...(alternatives > 0 && { alternatives: others }) };
      });
    },
    answerQuestions: (questions, mode, call) =>
      run("answerQuestions", questions, call, async ({ image, question }): Promise<Answer> => {
        const key = `${await pictureKey(image)}${keyOfText(question)}`;
        const answer = captionOf(key, settingsKey(mode));
        if (mode.mode === "generate") return { ...answer, mode: "generate" };
        const text = mode.answers[fraction(key) % mode.answers.length] ?? "";
        return { ...answer, text, relativeProbability: shareOf(key, mode.answers.length), mode: "rank" };
      }),
    [Symbol.asyncDispose]: async () => {},
  };
}

export const FAKE_FINGERPRINT = fakeFingerprint("fake");

/** Of a model that the fake engine loads; a checkpoint whose path holds "missing" is not there. */
export function fakeFingerprint(checkpoint: string): string {
  return createHash("sha256").update(checkpoint).digest("hex");
}

const ROLES: readonly Role[] = ["retrieval", "filter", "captioner", "answerer"];

function modelInfo(role: Role, dimensions: number): ModelInfo {
  return {
    role,
    name: "fake",
    fingerprint: FAKE_FINGERPRINT,
    visionFingerprint: FAKE_FINGERPRINT,
    imageSizePixels: 64,
    imageFilter: "bicubic",
    embeddingDimensions: dimensions,
    abilities: ["embed", "match", "caption", "answer"],
    itcWeight: 1,
    captionPrompt: "a picture of ",
  };
}

async function settle<T>(compute: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return succeeded(await compute());
  } catch (error) {
    if (error instanceof InferenceError) return failed(error);
    throw error;
  }
}

async function bytesOf(image: ImageInput, readBlob: FakeInferenceOptions["readBlob"]): Promise<Uint8Array> {
  if ("bytes" in image) return image.bytes;
  try {
    if (readBlob) return await readBlob(image.sha256);
  } catch {
    // Answered below as not found.
  }
  throw new InferenceError("IMAGE_NOT_FOUND", `There is no picture ${image.sha256}.`);
}

const MAGIC = ["ffd8ff", "89504e47", "47494638", "52494646"];

function keyOfBytes(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, 4)).toString("hex");
  if (MAGIC.some((magic) => start.startsWith(magic))) return createHash("sha256").update(bytes).digest("hex");
  throw new InferenceError("INVALID_IMAGE", `${bytes.length} bytes are not a picture.`);
}

function keyOfText(text: string): string {
  if (text.trim()) return createHash("sha256").update(text).digest("hex");
  throw new InferenceError("INVALID_TEXT", "The text is empty.");
}

/** float32 [dimensions], L2 norm 1. */
function embeddingOf(key: string, dimensions: number): Float32Array {
  const values = Array.from({ length: dimensions }, (_, index) => (fraction(`${key}${index}`) % 2001) - 1000);
  const norm = Math.hypot(...values) || 1;
  return Float32Array.from(values, (value) => value / norm);
}

function matchOf(picture: string, text: string, { role = "retrieval", itcCosine }: MatchOptions = {}): Match {
  const logit = (fraction(`${picture}${text}${role}`) % 1000) / 100 - 5;
  const cosine = (fraction(`${picture}${text}`) % 2001) / 1000 - 1;
  return {
    itmLogit: Math.fround(logit),
    itmNoMatchLogit: Math.fround(-logit),
    ...(itcCosine && { itcCosine: cosine }),
  };
}

const FAKE_GRID = 4;

/** A word is in a text when it is one of its parts between spaces. */
function evidenceOf(picture: string, { word, text }: EvidenceRequest): EvidenceMap {
  const key = `${picture}${keyOfText(word)}`;
  if (text !== undefined && !` ${text} `.includes(` ${word} `)) {
    throw new InferenceError("WORD_NOT_IN_TEXT", `The text "${text}" does not have the word "${word}".`);
  }
  const values = Float32Array.from({ length: FAKE_GRID ** 2 }, (_, place) => (fraction(`${key}${place}`) % 999) / 1000);
  values[fraction(key) % values.length] = 1;
  const peakCosine = (fraction(`${key}peak`) % 1000) / 1000;
  return { rows: FAKE_GRID, columns: FAKE_GRID, values, method: "patchCosine", peakCosine };
}

function captionOf(key: string, settings: string): GeneratedText {
  const number = fraction(`${key}${settings}`);
  const tokenIds = Array.from({ length: 2 + (number % 4) }, (_, index) => 1000 + ((number + index) % 20_000));
  return { text: `picture number ${number}`, tokenIds, logProbability: -(number % 977) / 97 };
}

/** Of the best of so many answers: at least its part, at most 1. */
function shareOf(key: string, answers: number): number {
  const least = 1 / answers;
  return answers === 1 ? 1 : least + ((1 - least) * (fraction(`${key}share`) % 1000)) / 1000;
}

/** The same text for equal settings, whatever the order of their properties. */
function settingsKey(settings: object): string {
  const entries = Object.entries(settings).map(([name, value]): string => {
    return `${name}:${typeof value === "object" && value !== null ? settingsKey(value) : String(value)}`;
  });
  return `{${entries.sort().join(",")}}`;
}

/** A whole number below 2^32 that depends on every character. */
function fraction(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32BE(0);
}

function cancelled(): InferenceError {
  return new InferenceError("CANCELLED", "The caller gave up.");
}

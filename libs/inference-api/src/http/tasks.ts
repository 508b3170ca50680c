import type {
  Answer,
  AnswerMode,
  CallOptions,
  Caption,
  CaptionRequest,
  EmbedOptions,
  EvidenceMap,
  EvidenceRequest,
  ImageInput,
  Inference,
  Match,
  MatchOptions,
} from "../inference.ts";
import { failed, InferenceError, type Outcome, succeeded } from "../outcome.ts";
import { decodeDecoding, encodeDecoding } from "./decoding.ts";
import {
  ALTERNATIVE_OUTPUTS,
  decodeAlternatives,
  decodeTexts,
  encodeAlternatives,
  encodeTexts,
  TEXT_OUTPUTS,
} from "./texts.ts";
import {
  findTensor,
  findTexts,
  numberTensor,
  optionalChoice,
  optionalNumber,
  optionalText,
  type Parameters,
  parseCode,
  requireNumbers,
  requireTexts,
  type Tensor,
  textTensor,
  WireError,
} from "./wire.ts";

/**
 * One method of the port as a model of the protocol: how its arguments and outcomes become tensors and come back.
 * Client and handler use the same record, so that they cannot disagree.
 */
export interface Task<Call, Value> {
  readonly name: string;
  /** What a checkpoint of the model set must be able to do for this task. */
  readonly ability: "embed" | "match" | "caption" | "answer";
  readonly inputs: readonly TensorDescription[];
  readonly outputs: readonly TensorDescription[];
  encodeCall(call: Call): { inputs: Tensor[]; parameters: Parameters };
  decodeCall(inputs: readonly Tensor[], parameters: Parameters): Call;
  countItems(call: Call): number;
  run(inference: Inference, call: Call, options: CallOptions): Promise<Outcome<Value>[]>;
  encodeValues(values: readonly (Value | undefined)[]): Tensor[];
  /** The value of each item; those of failed items are placeholders that nobody reads. */
  decodeValues(outputs: readonly Tensor[]): Value[];
}

interface TensorDescription {
  readonly name: string;
  readonly datatype: Tensor["datatype"];
  /** -1: any length. */
  readonly shape: readonly number[];
}

/** What a match is asked for besides its pictures and texts. */
type MatchAsk = Pick<MatchOptions, "role" | "itcCosine" | "model">;
/** What an embedding is asked for besides. */
type EmbedAsk = Pick<EmbedOptions, "model">;
const MATCH_ROLES = ["retrieval", "filter"] as const;

const TEXT_INPUT = { name: "text", datatype: "BYTES", shape: [-1] } as const;
const IMAGE_INPUTS = [
  { name: "sha256", datatype: "BYTES", shape: [-1] },
  { name: "image", datatype: "BYTES", shape: [-1] },
] as const;
const ERROR_OUTPUTS = [
  { name: "error_code", datatype: "BYTES", shape: [-1] },
  { name: "error_message", datatype: "BYTES", shape: [-1] },
] as const;
const EMBEDDING_OUTPUT = { name: "embedding", datatype: "FP32", shape: [-1, -1] } as const;
const MATCH_OUTPUTS = [
  { name: "itm_logit", datatype: "FP32", shape: [-1] },
  { name: "itm_no_match_logit", datatype: "FP32", shape: [-1] },
  { name: "itc_cosine", datatype: "FP64", shape: [-1] },
] as const;
export const embedImageTask: Task<{ images: readonly ImageInput[]; ask: EmbedAsk }, Float32Array> = {
  name: "embed-image",
  ability: "embed",
  inputs: IMAGE_INPUTS,
  outputs: [EMBEDDING_OUTPUT, ...ERROR_OUTPUTS],
  encodeCall: ({ images, ask }) => ({ inputs: encodeImages(images), parameters: encodeModel(ask) }),
  decodeCall: (inputs, parameters) => ({ images: decodeImages(inputs), ask: decodeModel(parameters) }),
  countItems: ({ images }) => images.length,
  run: (inference, { images, ask }, options) => inference.embedImages(images, { ...options, ...ask }),
  encodeValues: encodeEmbeddings,
  decodeValues: decodeEmbeddings,
};

export const embedTextTask: Task<{ texts: readonly string[]; ask: EmbedAsk }, Float32Array> = {
  name: "embed-text",
  ability: "embed",
  inputs: [TEXT_INPUT],
  outputs: [EMBEDDING_OUTPUT, ...ERROR_OUTPUTS],
  encodeCall: ({ texts, ask }) => ({ inputs: [textTensor("text", [...texts])], parameters: encodeModel(ask) }),
  decodeCall: (inputs, parameters) => ({ texts: requireTexts(inputs, "text"), ask: decodeModel(parameters) }),
  countItems: ({ texts }) => texts.length,
  run: (inference, { texts, ask }, options) => inference.embedTexts(texts, { ...options, ...ask }),
  encodeValues: encodeEmbeddings,
  decodeValues: decodeEmbeddings,
};

export const matchImageTask: Task<{ text: string; images: readonly ImageInput[]; ask: MatchAsk }, Match> = {
  name: "match-image",
  ability: "match",
  inputs: [{ ...TEXT_INPUT, shape: [1] }, ...IMAGE_INPUTS],
  outputs: [...MATCH_OUTPUTS, ...ERROR_OUTPUTS],
  encodeCall: ({ text, images, ask }) => ({
    inputs: [textTensor("text", [text]), ...encodeImages(images)],
    parameters: encodeAsk(ask),
  }),
  decodeCall: (inputs, parameters) => ({
    text: only(requireTexts(inputs, "text"), "text"),
    images: decodeImages(inputs),
    ask: decodeAsk(parameters),
  }),
  countItems: ({ images }) => images.length,
  run: (inference, { text, images, ask }, options) => inference.matchImages(text, images, { ...options, ...ask }),
  encodeValues: encodeMatches,
  decodeValues: decodeMatches,
};

export const matchTextTask: Task<{ image: ImageInput; texts: readonly string[]; ask: MatchAsk }, Match> = {
  name: "match-text",
  ability: "match",
  inputs: [TEXT_INPUT, ...IMAGE_INPUTS.map((input) => ({ ...input, shape: [1] }))],
  outputs: [...MATCH_OUTPUTS, ...ERROR_OUTPUTS],
  encodeCall: ({ image, texts, ask }) => ({
    inputs: [textTensor("text", [...texts]), ...encodeImages([image])],
    parameters: encodeAsk(ask),
  }),
  decodeCall: (inputs, parameters) => ({
    image: only(decodeImages(inputs), "image"),
    texts: requireTexts(inputs, "text"),
    ask: decodeAsk(parameters),
  }),
  countItems: ({ texts }) => texts.length,
  run: (inference, { image, texts, ask }, options) => inference.matchTexts(image, texts, { ...options, ...ask }),
  encodeValues: encodeMatches,
  decodeValues: decodeMatches,
};

export interface EvidenceCall {
  readonly requests: readonly EvidenceRequest[];
  readonly ask: EmbedAsk;
}

export const evidenceTask: Task<EvidenceCall, EvidenceMap> = {
  name: "evidence",
  ability: "match",
  inputs: [{ name: "word", datatype: "BYTES", shape: [-1] }, TEXT_INPUT, ...IMAGE_INPUTS],
  outputs: [
    { name: "evidence", datatype: "FP32", shape: [-1, -1, -1] },
    { name: "method", datatype: "BYTES", shape: [-1] },
    { name: "peak_cosine", datatype: "FP64", shape: [-1] },
    ...ERROR_OUTPUTS,
  ],
  encodeCall: ({ requests, ask }) => ({
    inputs: [
      textTensor(
        "word",
        requests.map(({ word }) => word),
      ),
      // An empty text is none, as the port knows no request with one.
      ...(requests.some(({ text }) => text !== undefined)
        ? [
            textTensor(
              "text",
              requests.map(({ text }) => text ?? ""),
            ),
          ]
        : []),
      ...encodeImages(requests.map(({ image }) => image)),
    ],
    parameters: encodeModel(ask),
  }),
  decodeCall: (inputs, parameters) => {
    const images = decodeImages(inputs);
    const words = requireTexts(inputs, "word");
    const texts = findTexts(inputs, "text");
    if (words.length !== images.length || (texts && texts.length !== images.length)) {
      const found = `There are ${words.length} words and ${texts?.length ?? "no"} texts for ${images.length} pictures`;
      throw new WireError(`${found}, expected a word for each, and a text for each or none.`);
    }
    return {
      requests: images.map((image, index) => {
        const text = texts?.[index] ?? "";
        return { image, word: words[index] ?? "", ...(text !== "" && { text }) };
      }),
      ask: decodeModel(parameters),
    };
  },
  countItems: ({ requests }) => requests.length,
  run: (inference, { requests, ask }, options) => inference.mapEvidence(requests, { ...options, ...ask }),
  encodeValues: encodeMaps,
  decodeValues: decodeMaps,
};

export const captionTask: Task<{ images: readonly ImageInput[]; request: CaptionRequest }, Caption> = {
  name: "caption",
  ability: "caption",
  inputs: IMAGE_INPUTS,
  outputs: [...TEXT_OUTPUTS, ...ALTERNATIVE_OUTPUTS, ...ERROR_OUTPUTS],
  encodeCall: ({ images, request }) => ({
    inputs: encodeImages(images),
    parameters: {
      ...encodeDecoding(request.decoding),
      ...(request.prompt !== undefined && { prompt: request.prompt }),
      ...(request.alternatives !== undefined && { alternatives: request.alternatives }),
    },
  }),
  decodeCall: (inputs, parameters) => {
    const prompt = optionalText(parameters, "prompt");
    const alternatives = optionalNumber(parameters, "alternatives");
    return {
      images: decodeImages(inputs),
      request: {
        decoding: decodeDecoding(parameters),
        ...(prompt !== undefined && { prompt }),
        ...(alternatives !== undefined && { alternatives }),
      },
    };
  },
  countItems: ({ images }) => images.length,
  run: (inference, { images, request }, options) => inference.captionImages(images, request, options),
  encodeValues: (captions) => [...encodeTexts(captions), ...encodeAlternatives(captions)],
  decodeValues: (outputs) => {
    const alternatives = decodeAlternatives(outputs);
    return decodeTexts(outputs).map((text, index) => ({
      ...text,
      ...(alternatives && { alternatives: alternatives(index) }),
    }));
  },
};

export interface AnswerCall {
  readonly questions: readonly { readonly image: ImageInput; readonly question: string }[];
  readonly mode: AnswerMode;
}

export const answerTask: Task<AnswerCall, Answer> = {
  name: "answer",
  ability: "answer",
  inputs: [
    { name: "question", datatype: "BYTES", shape: [-1] },
    { name: "answers", datatype: "BYTES", shape: [-1] },
    ...IMAGE_INPUTS,
  ],
  outputs: [
    ...TEXT_OUTPUTS,
    { name: "mode", datatype: "BYTES", shape: [-1] },
    { name: "relative_probability", datatype: "FP64", shape: [-1] },
    ...ERROR_OUTPUTS,
  ],
  encodeCall: ({ questions, mode }) => ({
    inputs: [
      textTensor(
        "question",
        questions.map(({ question }) => question),
      ),
      ...encodeImages(questions.map(({ image }) => image)),
      ...(mode.mode === "rank" ? [textTensor("answers", [...mode.answers])] : []),
    ],
    parameters:
      mode.mode === "rank"
        ? { mode: "rank", ...(mode.candidates !== undefined && { candidates: mode.candidates }) }
        : { mode: "generate", ...encodeDecoding(mode.decoding) },
  }),
  decodeCall: (inputs, parameters) => {
    const images = decodeImages(inputs);
    const questions = requireTexts(inputs, "question");
    if (questions.length !== images.length) {
      throw new WireError(`There are ${questions.length} questions for ${images.length} pictures, expected one each.`);
    }
    return {
      questions: images.map((image, index) => ({ image, question: questions[index] ?? "" })),
      mode: decodeAnswerMode(inputs, parameters),
    };
  },
  countItems: ({ questions }) => questions.length,
  run: (inference, { questions, mode }, options) => inference.answerQuestions(questions, mode, options),
  encodeValues: (answers) => [
    ...encodeTexts(answers),
    textTensor(
      "mode",
      answers.map((answer) => answer?.mode ?? ""),
    ),
    ...encodeShares(answers),
  ],
  decodeValues: (outputs) => {
    const modes = requireTexts(outputs, "mode");
    const shares = findTensor(outputs, "relative_probability") && requireNumbers(outputs, "relative_probability").data;
    return decodeTexts(outputs).map((text, index) => ({
      ...text,
      ...(shares && { relativeProbability: shares[index] ?? 0 }),
      mode: modes[index] === "rank" ? ("rank" as const) : ("generate" as const),
    }));
  },
};

export const TASKS = [
  embedImageTask,
  embedTextTask,
  matchImageTask,
  matchTextTask,
  evidenceTask,
  captionTask,
  answerTask,
] as const;

/** The outcome of each item as tensors: the values, and an error code that is empty where the item succeeded. */
export function encodeOutcomes<Call, Value>(task: Task<Call, Value>, outcomes: readonly Outcome<Value>[]): Tensor[] {
  return [
    ...task.encodeValues(outcomes.map((outcome) => (outcome.ok ? outcome.value : undefined))),
    textTensor(
      "error_code",
      outcomes.map((outcome) => (outcome.ok ? "" : outcome.error.code)),
    ),
    textTensor(
      "error_message",
      outcomes.map((outcome) => (outcome.ok ? "" : outcome.error.message)),
    ),
  ];
}

export function decodeOutcomes<Call, Value>(
  task: Task<Call, Value>,
  outputs: readonly Tensor[],
  expectedItems: number,
): Outcome<Value>[] {
  const codes = requireTexts(outputs, "error_code");
  const messages = requireTexts(outputs, "error_message");
  const values = task.decodeValues(outputs);
  if (codes.length !== expectedItems || values.length !== expectedItems) {
    throw new WireError(`Model "${task.name}" answered ${values.length} items, expected ${expectedItems}.`);
  }
  return values.map((value, index) => {
    const code = codes[index];
    if (!code) return succeeded(value);
    return failed(new InferenceError(parseCode(code) ?? "ENGINE_FAILED", messages[index] ?? code));
  });
}

/** Two tensors of equal length; each picture fills its place in one of them and leaves the other empty. */
function encodeImages(images: readonly ImageInput[]): Tensor[] {
  const hashes = images.map((image) => ("sha256" in image ? image.sha256 : ""));
  const pictures = images.map((image) => ("bytes" in image ? Buffer.from(image.bytes).toString("base64") : ""));
  const tensors = [textTensor("sha256", hashes), textTensor("image", pictures)];
  return pictures.every((picture) => picture === "") && hashes.every((hash) => hash !== "")
    ? tensors.slice(0, 1)
    : tensors;
}

function decodeImages(inputs: readonly Tensor[]): ImageInput[] {
  const hashes = findTexts(inputs, "sha256");
  const pictures = findTexts(inputs, "image");
  const length = (hashes ?? pictures)?.length;
  if (length === undefined) throw new WireError('Tensors "sha256" and "image" are both missing, expected one of them.');
  if (hashes && pictures && hashes.length !== pictures.length) {
    throw new WireError(
      `"sha256" has ${hashes.length} places and "image" has ${pictures.length}, expected equal numbers.`,
    );
  }
  return Array.from({ length }, (_, index) => {
    const sha256 = hashes?.[index] ?? "";
    const picture = pictures?.[index] ?? "";
    if (sha256 && picture) throw new WireError(`Picture ${index} has both "sha256" and "image", expected one of them.`);
    return sha256 ? { sha256 } : { bytes: Buffer.from(picture, "base64") };
  });
}

function encodeEmbeddings(embeddings: readonly (Float32Array | undefined)[]): Tensor[] {
  const dimensions = embeddings.find((embedding) => embedding !== undefined)?.length ?? 0;
  const blank = new Float32Array(dimensions);
  const data = embeddings.flatMap((embedding) => Array.from(embedding ?? blank));
  return [numberTensor("embedding", "FP32", [embeddings.length, dimensions], data)];
}

function decodeEmbeddings(outputs: readonly Tensor[]): Float32Array[] {
  const { shape, data } = requireNumbers(outputs, "embedding");
  const [count = 0, dimensions = 0] = shape;
  return Array.from({ length: count }, (_, index) =>
    Float32Array.from(data.slice(index * dimensions, (index + 1) * dimensions)),
  );
}

function encodeMatches(matches: readonly (Match | undefined)[]): Tensor[] {
  const logits = matches.map((match) => match?.itmLogit ?? 0);
  const others = matches.map((match) => match?.itmNoMatchLogit ?? 0);
  const cosines = matches.map((match) => match?.itcCosine ?? 0);
  const withCosine = matches.some((match) => match?.itcCosine !== undefined);
  return [
    numberTensor("itm_logit", "FP32", [logits.length], logits),
    numberTensor("itm_no_match_logit", "FP32", [others.length], others),
    ...(withCosine ? [numberTensor("itc_cosine", "FP64", [cosines.length], cosines)] : []),
    ...encodeStored(matches),
  ];
}

/** Absent where no match tells. */
function encodeStored(matches: readonly (Match | undefined)[]): Tensor[] {
  if (matches.every((match) => match?.tokensWereStored === undefined)) return [];
  const stored = matches.map((match) => (match?.tokensWereStored ? 1 : 0));
  return [numberTensor("tokens_were_stored", "INT64", [stored.length], stored)];
}

function decodeMatches(outputs: readonly Tensor[]): Match[] {
  const others = requireNumbers(outputs, "itm_no_match_logit").data;
  const cosines = findTensor(outputs, "itc_cosine") && requireNumbers(outputs, "itc_cosine").data;
  const stored = findTensor(outputs, "tokens_were_stored") && requireNumbers(outputs, "tokens_were_stored").data;
  return requireNumbers(outputs, "itm_logit").data.map((itmLogit, index) => ({
    itmLogit,
    itmNoMatchLogit: others[index] ?? 0,
    ...(cosines && { itcCosine: cosines[index] ?? 0 }),
    ...(stored && { tokensWereStored: stored[index] === 1 }),
  }));
}

/** All maps of a call come from one model, so their grids are of one size. */
function encodeMaps(maps: readonly (EvidenceMap | undefined)[]): Tensor[] {
  const { rows = 0, columns = 0 } = maps.find((map) => map !== undefined) ?? {};
  const blank = new Float32Array(rows * columns);
  const data = maps.flatMap((map) => Array.from(map?.values ?? blank));
  const cosines = maps.map((map) => map?.peakCosine ?? 0);
  return [
    numberTensor("evidence", "FP32", [maps.length, rows, columns], data),
    textTensor(
      "method",
      maps.map((map) => map?.method ?? ""),
    ),
    ...(maps.some((map) => map?.peakCosine !== undefined)
      ? [numberTensor("peak_cosine", "FP64", [cosines.length], cosines)]
      : []),
  ];
}

function decodeMaps(outputs: readonly Tensor[]): EvidenceMap[] {
  const { shape, data } = requireNumbers(outputs, "evidence");
  const [, rows = 0, columns = 0] = shape;
  const size = rows * columns;
  const cosines = findTensor(outputs, "peak_cosine") && requireNumbers(outputs, "peak_cosine").data;
  return requireTexts(outputs, "method").map((method, index) => ({
    rows,
    columns,
    values: Float32Array.from(data.slice(index * size, (index + 1) * size)),
    method: method === "crossAttention" ? ("crossAttention" as const) : ("patchCosine" as const),
    ...(cosines && { peakCosine: cosines[index] ?? 0 }),
  }));
}

/** Absent where nothing was ranked. */
function encodeShares(answers: readonly (Answer | undefined)[]): Tensor[] {
  if (answers.every((answer) => answer?.relativeProbability === undefined)) return [];
  const shares = answers.map((answer) => answer?.relativeProbability ?? 0);
  return [numberTensor("relative_probability", "FP64", [shares.length], shares)];
}

function decodeAnswerMode(inputs: readonly Tensor[], parameters: Parameters): AnswerMode {
  const mode = optionalChoice(parameters, "mode", ["generate", "rank"]) ?? "generate";
  if (mode === "generate") return { mode, decoding: decodeDecoding(parameters) };
  const candidates = optionalNumber(parameters, "candidates");
  return { mode, answers: requireTexts(inputs, "answers"), ...(candidates !== undefined && { candidates }) };
}

function encodeModel({ model }: EmbedAsk): Parameters {
  return model === undefined ? {} : { model_fingerprint: model };
}

function decodeModel(parameters: Parameters): EmbedAsk {
  const model = optionalText(parameters, "model_fingerprint");
  return model === undefined ? {} : { model };
}

function encodeAsk({ role, itcCosine, ...ask }: MatchAsk): Parameters {
  return { ...encodeModel(ask), ...(role && { role }), ...(itcCosine && { itc_cosine: true }) };
}

function decodeAsk(parameters: Parameters): MatchAsk {
  const role = optionalChoice(parameters, "role", MATCH_ROLES);
  const itcCosine = parameters.itc_cosine === true && { itcCosine: true };
  return { ...decodeModel(parameters), ...(role && { role }), ...itcCosine };
}

function only<T>(values: readonly T[], name: string): T {
  const [value] = values;
  if (value === undefined || values.length !== 1) {
    throw new WireError(`"${name}" has ${values.length} places, expected exactly 1.`);
  }
  return value;
}

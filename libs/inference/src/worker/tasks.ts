import { type ImageInput, InferenceError, type InferenceErrorCode } from "@medley/inference-api";
import * as ort from "onnxruntime-node";
import type { DecodingSettings } from "../decoding/decoding-settings.ts";
import { logSoftmax, topIndices } from "../decoding/scores.ts";
import type { GraphName } from "../model-graphs.ts";
import { causalMask, createDecoder, generate, type Sources, type StopCheck } from "./generate.ts";
import type { ImageTokenSource, ImageTokens } from "./image-tokens.ts";
import { type AttentionTask, attentionMeans, patchCosines } from "./evidence.ts";
import type { LoadedModel, Outputs } from "./loaded-model.ts";
import { idsTensor, rowsOf, stackTokens } from "./tensors.ts";

/** A text as ids for both of the encoder's modes; `itcIds` only where its cosine is wanted. */
export interface EncodedText {
  readonly itmIds: readonly number[];
  readonly itcIds?: readonly number[];
}

/** One batch of work for one checkpoint, as plain data that can be sent to a thread. */
export type Task =
  | { readonly kind: "embedImages"; readonly images: readonly ImageInput[] }
  | { readonly kind: "embedTexts"; readonly texts: readonly (readonly number[])[] }
  | { readonly kind: "matchImages"; readonly text: EncodedText; readonly images: readonly ImageInput[] }
  | { readonly kind: "matchTexts"; readonly image: ImageInput; readonly texts: readonly EncodedText[] }
  | { readonly kind: "patchCosines"; readonly ids: readonly number[]; readonly images: readonly ImageInput[] }
  | (AttentionTask & { readonly kind: "attentionMeans"; readonly images: readonly ImageInput[] })
  | {
      readonly kind: "captionImages";
      readonly images: readonly ImageInput[];
      readonly prefix: readonly number[];
      readonly settings: DecodingSettings;
    }
  | {
      readonly kind: "answerQuestions";
      readonly questions: readonly { readonly image: ImageInput; readonly ids: readonly number[] }[];
      readonly decoding: AnswerDecoding;
    };

export type AnswerDecoding =
  | { readonly mode: "generate"; readonly settings: DecodingSettings }
  /** `answers` are [DEC] pieces [SEP]; only the `candidates` with the likeliest first token are scored in full. */
  | { readonly mode: "rank"; readonly answers: readonly (readonly number[])[]; readonly candidates: number };

export interface MatchLogits {
  readonly itmLogit: number;
  readonly itmNoMatchLogit: number;
  readonly itcCosine?: number;
  readonly tokensWereStored: boolean;
}

export interface GeneratedTokens {
  readonly tokenIds: readonly number[];
  readonly logProbability: number;
  /** Further texts of the same decoding, best first, where texts were generated. */
  readonly alternatives?: readonly GeneratedTokens[];
  /** Position in the list of answers, for ranking. */
  readonly answerIndex?: number;
  /** Softmax over the log-probabilities of the candidates, for ranking. */
  readonly relativeProbability?: number;
}

/** Float32Array: an embedding, the cosines of patches, or attentions. */
export type ItemValue = Float32Array | MatchLogits | GeneratedTokens;

/** What a task gives for one item; errors are plain data because classes do not survive a thread boundary. */
export type ItemResult =
  | { readonly ok: true; readonly value: ItemValue }
  | { readonly ok: false; readonly code: InferenceErrorCode; readonly message: string };

export interface TaskContext {
  readonly model: LoadedModel;
  readonly images: ImageTokenSource;
  readonly stop: StopCheck;
}

/** Runs one task. @returns one result for each item, in order */
export async function runTask(context: TaskContext, task: Task): Promise<ItemResult[]> {
  switch (task.kind) {
    case "embedImages":
      return await embedImages(context, task.images);
    case "embedTexts":
      return (await embedTexts(context.model, task.texts)).map(succeeded);
    case "matchImages":
      return await matchImages(context, task.text, task.images);
    case "matchTexts":
      return await matchTexts(context, task.image, task.texts);
    case "patchCosines":
      return await eachImage(context, task.images, (tokens) => patchCosines(context.model, task.ids, tokens));
    case "attentionMeans":
      return await eachImage(context, task.images, (tokens) => attentionMeans(context.model, task, tokens));
    case "captionImages":
      return await captionImages(context, task.images, task.prefix, task.settings);
    case "answerQuestions":
      return await eachItem(task.questions, context.stop, (one) => answerQuestion(context, one, task.decoding));
    default:
      return task satisfies never;
  }
}

async function embedImages(context: TaskContext, images: readonly ImageInput[]): Promise<ItemResult[]> {
  const encoded = await context.images.encode(context.model, images);
  return encoded.map((one) => {
    if (one instanceof InferenceError) return failed(one);
    if (one.embedding) return succeeded(one.embedding);
    return failed(new InferenceError("UNSUPPORTED", `${context.model.reference.name} has no retrieval heads.`));
  });
}

/** Texts of equal length -> their ITC embeddings. */
async function embedTexts(model: LoadedModel, texts: readonly (readonly number[])[]): Promise<Float32Array[]> {
  const output = await model.run("textEncoder", { ids: idsTensor(texts) }, ["embedding"]);
  return rowsOf(output["embedding"] as ort.Tensor);
}

async function matchImages(
  context: TaskContext,
  text: EncodedText,
  images: readonly ImageInput[],
): Promise<ItemResult[]> {
  const { model } = context;
  let textEmbedding: Float32Array | undefined;
  return await eachImage(context, images, async (tokens) => {
    const logits = await imageLogits(model, text.itmIds, tokens);
    textEmbedding ??= text.itcIds && (await embedTexts(model, [text.itcIds]))[0];
    const cosines = textEmbedding ? await cosinesOf(model, tokens, textEmbedding) : [];
    return tokens.map((one, row) => match(one, logits, row, cosines[row]));
  });
}

/** Gets the tokens of all images and works on those of one format together. @returns one result for each image, in order */
async function eachImage(
  context: TaskContext,
  images: readonly ImageInput[],
  work: (tokens: readonly [ImageTokens, ...ImageTokens[]]) => Promise<readonly ItemValue[]>,
): Promise<ItemResult[]> {
  const results: ItemResult[] = new Array(images.length);
  const found: { readonly index: number; readonly tokens: ImageTokens }[] = [];
  for (const [index, image] of images.entries()) {
    context.stop();
    try {
      found.push({ index, tokens: await context.images.tokens(context.model, image) });
    } catch (error) {
      results[index] = failed(error);
    }
  }
  for (const format of ["float32", "float16"] as const) {
    const group = found.filter((one) => one.tokens.format === format);
    const [first, ...others] = group.map((one) => one.tokens);
    if (!first) continue;
    context.stop();
    const values = await work([first, ...others]);
    for (const [row, { index }] of group.entries()) results[index] = succeeded(values[row] as ItemValue);
  }
  return results;
}

/** Logits [K, 2] of one text against K images, by whichever form of cross-attention costs less. */
async function imageLogits(
  model: LoadedModel,
  ids: readonly number[],
  tokens: readonly [ImageTokens, ...ImageTokens[]],
): Promise<Float32Array> {
  const suffix = tokens[0].format === "float32" ? "32" : "16";
  const states = stackTokens(model, tokens);
  if (absorptionPaysOff(model, ids.length)) {
    const output = await model.run(`reranker${suffix}`, { ids: idsTensor([ids]), tokens: states });
    return output["logits"]?.data as Float32Array;
  }
  const keysValues = await model.run(`encoderKeysValues${suffix}`, { states });
  const output = await model.run("groundedMatch", { ...keysValues, ids: idsTensor(tokens.map(() => ids)) });
  return output["logits"]?.data as Float32Array;
}

/**
 * Break-even of absorbed against explicit cross-attention, in text tokens: explicit costs 4 T D² + 4 L T D per layer, absorbed
 * 4 L H T D + 4 L D² (T image tokens, L text tokens, H heads, D width); so L* = T D / (T (H - 1) + D).
 */
function absorptionPaysOff(model: LoadedModel, textTokens: number): boolean {
  const text = model.reference.textEncoder;
  if (!text) return false;
  const count = model.reference.imageTokens;
  return textTokens <= (count * text.crossWidth) / (count * (text.heads - 1) + text.crossWidth);
}

async function matchTexts(
  context: TaskContext,
  image: ImageInput,
  texts: readonly EncodedText[],
): Promise<ItemResult[]> {
  const { model } = context;
  const tokens = await context.images.tokens(model, image).catch((error: unknown) => failed(error));
  if ("ok" in tokens) return texts.map(() => tokens);
  const keysValues = await encoderKeysValues(model, tokens);
  const results: ItemResult[] = new Array(texts.length);
  for (const group of equalLengths(texts, (text) => text.itmIds.length)) {
    context.stop();
    const output = await model.run("groundedMatch", {
      ...keysValues,
      ids: idsTensor(group.map((index) => (texts[index] as EncodedText).itmIds)),
    });
    const logits = output["logits"]?.data as Float32Array;
    for (const [row, index] of group.entries()) results[index] = succeeded(match(tokens, logits, row, undefined));
  }
  const imageEmbedding = texts.some((text) => text.itcIds) ? (await tokenEmbeddings(model, [tokens]))[0] : undefined;
  if (imageEmbedding) {
    for (const group of equalLengths(texts, (text) => text.itcIds?.length ?? 0)) {
      const wanted = group.filter((index) => texts[index]?.itcIds);
      if (wanted.length === 0) continue;
      const embeddings = await embedTexts(
        model,
        wanted.map((index) => texts[index]?.itcIds ?? []),
      );
      for (const [row, index] of wanted.entries()) {
        const result = results[index] as { ok: true; value: MatchLogits };
        const itcCosine = dot(imageEmbedding, embeddings[row] as Float32Array);
        results[index] = succeeded({ ...result.value, itcCosine });
      }
    }
  }
  return results;
}

async function captionImages(
  context: TaskContext,
  images: readonly ImageInput[],
  prefix: readonly number[],
  settings: DecodingSettings,
): Promise<ItemResult[]> {
  const { model } = context;
  return await eachItem(images, context.stop, async (image) => {
    const tokens = await context.images.tokens(model, image);
    const graph: GraphName = tokens.format === "float32" ? "decoderKeysValues32" : "decoderKeysValues16";
    const feeds = await model.run(graph, { states: stackTokens(model, [tokens]) });
    return await generateOne(context, { feeds, count: 1 }, prefix, settings);
  });
}

async function answerQuestion(
  context: TaskContext,
  question: { readonly image: ImageInput; readonly ids: readonly number[] },
  decoding: AnswerDecoding,
): Promise<GeneratedTokens> {
  const { model } = context;
  const tokens = await context.images.tokens(model, question.image);
  const encoded = await model.run("groundedStates", {
    ...(await encoderKeysValues(model, tokens)),
    ids: idsTensor([question.ids]),
  });
  const feeds = await model.run("decoderKeysValues32", { states: encoded["states"] as ort.Tensor });
  const sources: Sources = { feeds, count: 1 };
  const start = model.reference.decodeToken;
  if (decoding.mode === "rank") return await rankAnswers(context, sources, start, decoding);
  return await generateOne(context, sources, [start], decoding.settings);
}

/** The text of one source. */
async function generateOne(
  { model, stop }: TaskContext,
  source: Sources,
  prefix: readonly number[],
  settings: DecodingSettings,
): Promise<GeneratedTokens> {
  const [found] = await generate(model, source, prefix, settings, stop);
  if (!found) throw new Error("Bug: nothing was generated for one source");
  const [text, ...alternatives] = found.map(({ tokens, logProbability }) => ({ tokenIds: tokens, logProbability }));
  return { ...(text as GeneratedTokens), alternatives };
}

/**
 * Ranks a closed list (blip_vqa.py rank_answer): the candidates whose first token is likeliest after [DEC] are scored in full
 * by the sum of their log-probabilities including [SEP], without length normalisation. Label smoothing, which the reference
 * leaves on at inference, is not applied.
 */
async function rankAnswers(
  context: TaskContext,
  sources: Sources,
  start: number,
  decoding: Extract<AnswerDecoding, { mode: "rank" }>,
): Promise<GeneratedTokens> {
  const { model } = context;
  const first = await firstTokenScores(model, sources, start);
  const scores = Float32Array.from(decoding.answers, (answer) => first[answer[1] as number] as number);
  const candidates = topIndices(scores, Math.min(decoding.candidates, scores.length));
  const scored: number[] = [];
  let best: GeneratedTokens | undefined;
  for (const group of equalLengths(candidates, (index) => (decoding.answers[index] as readonly number[]).length)) {
    context.stop();
    const answers = group.map((place) => decoding.answers[candidates[place] as number] as readonly number[]);
    const ids = idsTensor(answers);
    const mask = causalMask((answers[0] as readonly number[]).length - 1, 0);
    const output = await model.run("scorer", { ...sources.feeds, ids, mask });
    for (const [row, logProbabilities] of rowsOf(output["logProbabilities"] as ort.Tensor).entries()) {
      const logProbability = logProbabilities.reduce((sum, value) => sum + value, 0);
      scored.push(logProbability);
      if (!best || logProbability > best.logProbability) {
        const answerIndex = candidates[group[row] as number] as number;
        best = { tokenIds: answers[row] as readonly number[], logProbability, answerIndex };
      }
    }
  }
  if (!best)
    throw new InferenceError("INVALID_TEXT", "The list of answers is empty. Give at least one answer to rank.");
  const highest = best.logProbability;
  const relativeProbability = 1 / scored.reduce((sum, each) => sum + Math.exp(each - highest), 0);
  return { ...best, relativeProbability };
}

/** Log-probabilities over the vocabulary of the token after [DEC]. */
async function firstTokenScores(model: LoadedModel, sources: Sources, start: number): Promise<Float32Array> {
  const [rows] = await createDecoder(model, sources).step([{ sequences: [[start]], order: [0] }]);
  return logSoftmax((rows as Float32Array[])[0] as Float32Array);
}

async function encoderKeysValues(model: LoadedModel, tokens: ImageTokens): Promise<Outputs> {
  const graph: GraphName = tokens.format === "float32" ? "encoderKeysValues32" : "encoderKeysValues16";
  return await model.run(graph, { states: stackTokens(model, [tokens]) });
}

/** Cosines of images with one text, from their [CLS] tokens. */
async function cosinesOf(model: LoadedModel, tokens: readonly ImageTokens[], text: Float32Array): Promise<number[]> {
  return (await tokenEmbeddings(model, tokens)).map((embedding) => dot(embedding, text));
}

async function tokenEmbeddings(model: LoadedModel, tokens: readonly ImageTokens[]): Promise<Float32Array[]> {
  const { width } = model.reference.vision;
  const cls = new Float32Array(tokens.length * width);
  for (const [row, one] of tokens.entries()) {
    const first =
      one.format === "float32"
        ? one.data.subarray(0, width)
        : new Float16Array(one.data.buffer, one.data.byteOffset, width);
    cls.set(first, row * width);
  }
  const feed = new ort.Tensor("float32", cls, [tokens.length, width]);
  return rowsOf((await model.run("tokenEmbedding", { cls: feed }))["embedding"] as ort.Tensor);
}

function match(tokens: ImageTokens, logits: Float32Array, row: number, itcCosine: number | undefined): MatchLogits {
  return {
    itmLogit: logits[2 * row + 1] as number,
    itmNoMatchLogit: logits[2 * row] as number,
    ...(itcCosine === undefined ? {} : { itcCosine }),
    tokensWereStored: tokens.wereStored === true,
  };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] as number) * (b[index] as number);
  return sum;
}

/** Groups of positions whose items have equal length, because texts are never padded. */
function equalLengths<T>(items: readonly T[], lengthOf: (item: T) => number): readonly (readonly number[])[] {
  const groups = new Map<number, number[]>();
  for (const [index, item] of items.entries()) {
    const group = groups.get(lengthOf(item));
    if (group) group.push(index);
    else groups.set(lengthOf(item), [index]);
  }
  return [...groups.values()];
}

async function eachItem<T>(
  items: readonly T[],
  stop: StopCheck,
  work: (item: T) => Promise<GeneratedTokens>,
): Promise<ItemResult[]> {
  const results: ItemResult[] = [];
  for (const item of items) {
    try {
      stop();
      results.push(succeeded(await work(item)));
    } catch (error) {
      results.push(failed(error));
    }
  }
  return results;
}

function succeeded(value: ItemValue): ItemResult {
  return { ok: true, value };
}

function failed(error: unknown): Extract<ItemResult, { ok: false }> {
  if (error instanceof InferenceError) return { ok: false, code: error.code, message: error.message };
  return { ok: false, code: "ENGINE_FAILED", message: error instanceof Error ? error.message : String(error) };
}

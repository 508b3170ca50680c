import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type Checkpoint, openCheckpoint, type StoredTensor } from "@medley/onnx";
import { BlipError } from "../blip-error.ts";
import type { TextGeometry, VisionGeometry } from "../geometry.ts";
import { defaultPreprocessor, type Preprocessor, preprocessorFromConfig } from "../preprocess.ts";
import { createTokenizer, type Tokenizer } from "../tokenizer.ts";
import { readTokenizerOptions } from "../tokenizer-files.ts";
import { bundledVocabulary, readVocabulary } from "../vocabulary.ts";
import {
  storedGridSide,
  textGeometryFromConfig,
  textGeometryFromShapes,
  visionGeometryFromShapes,
} from "./derive-geometry.ts";
import {
  type ExpectedTensors,
  languageHeadTensors,
  retrievalHeadTensors,
  textTensors,
  visionTensors,
} from "./expected-tensors.ts";
import { canonicalTensors, type Layout, layoutOf } from "./layout.ts";
import { type HuggingFaceConfig, readHuggingFaceConfig } from "./read-config.ts";

/** What a checkpoint can do; it follows from the towers and heads it holds. */
export type Ability = "embed" | "match" | "caption" | "answer";

/** An opened BLIP checkpoint: geometry, vocabulary and the place of every tensor. No weight has been read. */
export interface Blip {
  /** Name for people: the folder, or the file without its extension. */
  readonly name: string;
  readonly path: string;
  readonly layout: Layout;
  readonly checkpoint: Checkpoint;
  /** By Hugging Face name, whatever the layout of the file. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly abilities: ReadonlySet<Ability>;
  readonly vision: VisionGeometry;
  /** Side of the grid that the stored position embedding belongs to; interpolated where it differs from the model's. */
  readonly storedGridSide: number;
  readonly textEncoder: TextGeometry | undefined;
  readonly textDecoder: TextGeometry | undefined;
  readonly embeddingDimensions: number | undefined;
  readonly tokenizer: Tokenizer;
  /** SHA-256 (hex) of the pieces in order and of how texts are normalised. */
  readonly vocabularyDigest: string;
  /** Token that ends a generated text: sep_token_id of config.json as in `transformers`, else the vocabulary's [SEP]. */
  readonly endToken: number;
  readonly preprocessor: Preprocessor;
  /** Tensors that no part of the model reads. */
  readonly unexpected: readonly string[];
}

export interface OpenBlipOptions {
  /** Side of the pictures the model shall take, in pixels; the checkpoint's own when absent. Positions are interpolated. */
  readonly imagePixels?: number;
}

const WEIGHT_FILES = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];

/**
 * Opens a BLIP checkpoint: a folder as `transformers` saves it, or an original `.pth` (alone or in a folder).
 * Every tensor that the model needs must be there with its shape; what is there besides is listed in `unexpected`.
 * @throws BlipError with the tensor and both shapes, or the field of config.json, that does not fit
 * @throws CheckpointError where the file itself is damaged
 */
export async function openBlip(path: string, options: OpenBlipOptions = {}): Promise<Blip> {
  const weights = await findWeights(resolve(path));
  const folder = dirname(weights);
  const checkpoint = await openCheckpoint(weights);
  const layout = layoutOf(checkpoint.tensors.keys());
  if (!layout) {
    const sample = [...checkpoint.tensors.keys()].slice(0, 3).join('", "');
    throw new BlipError(
      "NOT_BLIP",
      `${weights} holds no BLIP vision tower: expected tensors under "vision_model." or "visual_encoder.", found "${sample}".`,
    );
  }
  const tensors = canonicalTensors(checkpoint.tensors);
  const configFile = join(folder, "config.json");
  const config = existsSync(configFile) ? readHuggingFaceConfig(await readJson(configFile), configFile) : undefined;
  if (layout === "huggingface" && !config) {
    throw new BlipError(
      "BAD_CONFIG",
      `${folder} has no config.json. A checkpoint in the Hugging Face layout needs it: the number of heads is only there.`,
    );
  }
  const towers = geometry(tensors, config);
  const preprocessor = await findPreprocessor(folder, towers.vision.imagePixels, options.imagePixels);
  const vision = { ...towers.vision, imagePixels: preprocessor.sizePixels };
  const { tokenizer, vocabularyDigest } = await findTokenizer(folder, layout, config?.text.bosTokenId);
  checkVocabulary(tokenizer, towers.textEncoder ?? towers.textDecoder);
  const grid = storedGridSide(tensors);
  const heads = tensors.has("vision_proj.weight") && towers.textEncoder !== undefined;
  const embeddingDimensions = heads ? tensors.get("vision_proj.weight")?.shape[0] : undefined;

  const expected = expectedTensors({ ...towers, vision }, grid, embeddingDimensions);
  checkTensors(weights, tensors, expected);
  return {
    name: basename(path).replace(/\.(pth|pt|bin|safetensors)$/, ""),
    path: resolve(path),
    layout,
    checkpoint,
    tensors,
    abilities: abilitiesOf(vision, towers.textEncoder, towers.textDecoder, embeddingDimensions),
    vision,
    storedGridSide: grid,
    textEncoder: towers.textEncoder,
    textDecoder: towers.textDecoder,
    embeddingDimensions,
    tokenizer,
    vocabularyDigest,
    endToken: config?.text.sepTokenId ?? tokenizer.specialTokens.sep,
    preprocessor,
    unexpected: [...tensors.keys()].filter((name) => !expected.has(name) && !OPTIONAL.has(name)),
  };
}

// The output matrix is tied to the word embeddings: files of transformers 5 leave both out, older ones list them (blip.md of
// the reference: 473 against 471 tensors). Where they are present they are what the head computes with.
const OPTIONAL: ReadonlySet<string> = new Set([
  "text_decoder.cls.predictions.decoder.weight",
  "text_decoder.cls.predictions.decoder.bias",
]);

interface Towers {
  readonly vision: VisionGeometry;
  readonly textEncoder: TextGeometry | undefined;
  readonly textDecoder: TextGeometry | undefined;
}

function geometry(tensors: ReadonlyMap<string, StoredTensor>, config: HuggingFaceConfig | undefined): Towers {
  const tower = (root: string): TextGeometry | undefined => {
    if (![...tensors.keys()].some((name) => name.startsWith(`${root}.`))) return undefined;
    return config ? textGeometryFromConfig(config, tensors, root) : textGeometryFromShapes(tensors, root);
  };
  return {
    vision: config ? config.vision : visionGeometryFromShapes(tensors),
    textEncoder: tower("text_encoder"),
    textDecoder: tower("text_decoder.bert"),
  };
}

function expectedTensors(towers: Towers, side: number, embeddingDimensions: number | undefined): ExpectedTensors {
  const { vision, textEncoder, textDecoder } = towers;
  return new Map([
    ...visionTensors(vision, { side }),
    ...(textEncoder ? textTensors("text_encoder", textEncoder) : []),
    ...(textEncoder && embeddingDimensions ? retrievalHeadTensors(vision, textEncoder, embeddingDimensions) : []),
    ...(textDecoder ? textTensors("text_decoder.bert", textDecoder) : []),
    ...(textDecoder ? languageHeadTensors(textDecoder) : []),
  ]);
}

function checkTensors(file: string, tensors: ReadonlyMap<string, StoredTensor>, expected: ExpectedTensors): void {
  const missing = [...expected.keys()].filter((name) => !tensors.has(name));
  const [first] = missing;
  if (first) {
    const others = missing.length > 1 ? ` and ${missing.length - 1} more` : "";
    throw new BlipError(
      "MISSING_TENSOR",
      `${file}: tensor "${first}" with shape [${expected.get(first)}] is missing${others}. ` +
        "Is the checkpoint complete, and does config.json belong to it?",
    );
  }
  for (const [name, shape] of expected) {
    const found = tensors.get(name)?.shape ?? [];
    if (found.length !== shape.length || found.some((size, axis) => size !== shape[axis])) {
      throw new BlipError(
        "WRONG_SHAPE",
        `${file}: tensor "${name}" has shape [${found}], expected [${shape}]. Does config.json belong to this checkpoint?`,
      );
    }
  }
}

function abilitiesOf(
  vision: VisionGeometry,
  encoder: TextGeometry | undefined,
  decoder: TextGeometry | undefined,
  embeddingDimensions: number | undefined,
): ReadonlySet<Ability> {
  const abilities = new Set<Ability>();
  const readsImages = encoder?.crossWidth === vision.width;
  if (embeddingDimensions && readsImages) abilities.add("embed").add("match");
  // A decoder beside a question encoder without retrieval heads is a VQA answerer: it reads question states, not pictures.
  if (decoder?.crossWidth === vision.width && (!encoder || embeddingDimensions)) abilities.add("caption");
  if (encoder && decoder && readsImages && decoder.crossWidth === encoder.width) abilities.add("answer");
  if (abilities.size === 0) {
    throw new BlipError(
      "NOT_BLIP",
      "The checkpoint holds neither a text encoder with retrieval heads nor a text decoder that reads its vision tower.",
    );
  }
  return abilities;
}

function checkVocabulary(tokenizer: Tokenizer, text: TextGeometry | undefined): void {
  if (!text) return;
  const highest = Math.max(tokenizer.vocabularySize - 1, tokenizer.specialTokens.encode);
  if (highest >= text.vocabularySize) {
    throw new BlipError(
      "BAD_VOCABULARY",
      `The vocabulary has ${tokenizer.vocabularySize} pieces and [ENC] is ${tokenizer.specialTokens.encode}, but the model embeds ` +
        `${text.vocabularySize} tokens. Does vocab.txt belong to this checkpoint?`,
    );
  }
}

async function findWeights(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    throw new BlipError(
      "MODEL_NOT_FOUND",
      `${path} does not exist. Give a checkpoint folder, a .pth file or a model's name.`,
    );
  }
  if (!found.isDirectory()) return path;
  const known = WEIGHT_FILES.map((name) => join(path, name)).find((file) => existsSync(file));
  if (known) return known;
  const originals = (await readdir(path)).filter((name) => /\.(pth|pt|safetensors)$/.test(name));
  const [only, ...others] = originals;
  if (only && others.length === 0) return join(path, only);
  const what = only
    ? `several (${originals.join(", ")}): name one of them`
    : `none of ${WEIGHT_FILES.join(", ")}, *.pth`;
  throw new BlipError("MODEL_NOT_FOUND", `${path} is expected to hold one weights file, but holds ${what}.`);
}

async function findTokenizer(
  folder: string,
  layout: Layout,
  bosTokenId: number | undefined,
): Promise<{ readonly tokenizer: Tokenizer; readonly vocabularyDigest: string }> {
  const file = ["vocab.txt", "tokenizer.json"].map((name) => join(folder, name)).find((path) => existsSync(path));
  const vocabulary = file ? await readVocabulary(file) : await bundledVocabulary();
  // The original code ran on transformers 4, which always mended "don ' t"; files of the Hugging Face layout say it themselves.
  const options = { cleanUpSpaces: layout === "original", ...(await readTokenizerOptions(folder)) };
  const given = bosTokenId === undefined ? options : { ...options, specialTokens: { decode: bosTokenId } };
  const vocabularyDigest = createHash("sha256")
    .update(JSON.stringify([vocabulary, options]))
    .digest("hex");
  return { tokenizer: createTokenizer(vocabulary, given), vocabularyDigest };
}

async function findPreprocessor(folder: string, own: number, wanted: number | undefined): Promise<Preprocessor> {
  const file = join(folder, "preprocessor_config.json");
  const preprocessor = existsSync(file) ? preprocessorFromConfig(await readJson(file), own) : defaultPreprocessor(own);
  return wanted === undefined ? preprocessor : { ...preprocessor, sizePixels: wanted };
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (cause) {
    throw new BlipError("BAD_CONFIG", `${file} is not valid JSON: ${(cause as Error).message}.`, { cause });
  }
}

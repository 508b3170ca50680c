import type { Caption, GeneratedText } from "../inference.ts";
import { findTensor, numberTensor, requireNumbers, requireTexts, type Tensor, textTensor } from "./wire.ts";

export const TEXT_OUTPUTS = [
  { name: "text", datatype: "BYTES", shape: [-1] },
  { name: "log_probability", datatype: "FP64", shape: [-1] },
  { name: "token_ids", datatype: "INT64", shape: [-1, -1] },
] as const;
/** Of all pictures in one row: `alternative_of` says which picture's each is. */
export const ALTERNATIVE_OUTPUTS = [
  { name: "alternative_of", datatype: "INT64", shape: [-1] },
  { name: "alternative_text", datatype: "BYTES", shape: [-1] },
  { name: "alternative_log_probability", datatype: "FP64", shape: [-1] },
  { name: "alternative_token_ids", datatype: "INT64", shape: [-1, -1] },
] as const;

/** A place for each item, failed ones too. */
export function encodeTexts(texts: readonly (GeneratedText | undefined)[]): Tensor[] {
  return textTensors("", texts);
}

export function decodeTexts(outputs: readonly Tensor[]): GeneratedText[] {
  return textsOf("", outputs);
}

/** Absent where none were asked for. */
export function encodeAlternatives(captions: readonly (Caption | undefined)[]): Tensor[] {
  if (captions.every((caption) => caption?.alternatives === undefined)) return [];
  const owners = captions.flatMap((caption, index) => (caption?.alternatives ?? []).map(() => index));
  return [
    numberTensor("alternative_of", "INT64", [owners.length], owners),
    ...textTensors(
      "alternative_",
      captions.flatMap((caption) => caption?.alternatives ?? []),
    ),
  ];
}

/** The alternatives of each item, in their order; undefined where the outputs tell of none. */
export function decodeAlternatives(outputs: readonly Tensor[]): ((item: number) => GeneratedText[]) | undefined {
  if (findTensor(outputs, "alternative_of") === undefined) return undefined;
  const owners = requireNumbers(outputs, "alternative_of").data;
  const texts = textsOf("alternative_", outputs);
  return (item) => texts.filter((_, index) => owners[index] === item);
}

/** Rows of token ids have different lengths; -1 fills them up. */
function textTensors(prefix: string, texts: readonly (GeneratedText | undefined)[]): Tensor[] {
  const width = Math.max(0, ...texts.map((text) => text?.tokenIds.length ?? 0));
  const tokenIds = texts.flatMap((text) => {
    const row = [...(text?.tokenIds ?? [])];
    return row.concat(Array.from({ length: width - row.length }, () => -1));
  });
  return [
    textTensor(
      `${prefix}text`,
      texts.map((text) => text?.text ?? ""),
    ),
    numberTensor(
      `${prefix}log_probability`,
      "FP64",
      [texts.length],
      texts.map((text) => text?.logProbability ?? 0),
    ),
    numberTensor(`${prefix}token_ids`, "INT64", [texts.length, width], tokenIds),
  ];
}

function textsOf(prefix: string, outputs: readonly Tensor[]): GeneratedText[] {
  const logProbabilities = requireNumbers(outputs, `${prefix}log_probability`).data;
  const { shape, data } = requireNumbers(outputs, `${prefix}token_ids`);
  const width = shape[1] ?? 0;
  return requireTexts(outputs, `${prefix}text`).map((text, index) => ({
    text,
    tokenIds: data.slice(index * width, (index + 1) * width).filter((id) => id >= 0),
    logProbability: logProbabilities[index] ?? 0,
  }));
}

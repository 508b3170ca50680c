import { z } from "zod";
import { InferenceError } from "../outcome.ts";

/**
 * The JSON bodies of the Open Inference Protocol v2 (KServe v2 REST) that Medley speaks.
 * Tensor data is flat and row-major. Reference: https://github.com/kserve/open-inference-protocol
 */
const tensorSchema = z.object({
  name: z.string(),
  shape: z.array(z.int().nonnegative()),
  datatype: z.enum(["BYTES", "FP32", "FP64", "INT64"]),
  // In one pass: a union of two schemas reports every number of a vector as no string before it tries the second.
  data: z.custom<string[] | number[]>(isFlat, "expected a list of strings, or one of numbers"),
});

function isFlat(data: unknown): boolean {
  if (!Array.isArray(data)) return false;
  const isText = typeof data[0] === "string";
  for (const value of data) if (isText ? typeof value !== "string" : !Number.isFinite(value)) return false;
  return true;
}

const parametersSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

export const inferRequestSchema = z.object({
  id: z.string().max(256).optional(),
  parameters: parametersSchema.optional(),
  inputs: z.array(tensorSchema),
});

export const inferResponseSchema = z.object({
  model_name: z.string(),
  id: z.string().optional(),
  outputs: z.array(tensorSchema),
});

export const errorSchema = z.object({ error: z.string(), code: z.string().optional() });

const abilities = z.enum(["embed", "match", "caption", "answer"]);

/** A model as the port describes it. */
export const modelSchema = z.object({
  role: z.enum(["retrieval", "filter", "captioner", "answerer"]),
  name: z.string(),
  fingerprint: z.string(),
  visionFingerprint: z.string(),
  imageSizePixels: z.number(),
  imageFilter: z.enum(["bicubic", "bilinear", "lanczos", "box", "hamming"]).default("bicubic"),
  embeddingDimensions: z.number().nullable(),
  abilities: z.array(abilities),
  itcWeight: z.number(),
  captionPrompt: z.string(),
});

/** Body of GET /v2/models, Medley's addition to the protocol. */
export const modelListSchema = z.object({ models: z.array(modelSchema) });

/**
 * Body of POST /v2/repository/models/NAME/load, of the protocol's model repository extension. Where the checkpoint lies is a parameter of ours,
 * and so is the answer, which the extension leaves empty: the model as the port describes it.
 */
export const loadRequestSchema = z.object({
  parameters: z.object({ checkpoint: z.string().min(1), itc_weight: z.number().optional() }),
});

export type Tensor = z.infer<typeof tensorSchema>;
export type Parameters = Readonly<Record<string, string | number | boolean>>;
export type InferRequest = z.infer<typeof inferRequestSchema>;
export type InferResponse = z.infer<typeof inferResponseSchema>;

/** The request does not fit the protocol or the task; answered with 400. */
export class WireError extends Error {}

export function textTensor(name: string, data: string[]): Tensor {
  return { name, shape: [data.length], datatype: "BYTES", data };
}

export function numberTensor(
  name: string,
  datatype: "FP32" | "FP64" | "INT64",
  shape: number[],
  data: number[],
): Tensor {
  return { name, shape, datatype, data };
}

export function findTensor(tensors: readonly Tensor[], name: string): Tensor | undefined {
  const tensor = tensors.find((candidate) => candidate.name === name);
  if (!tensor) return undefined;
  const size = tensor.shape.reduce((product, dimension) => product * dimension, 1);
  if (size !== tensor.data.length) {
    throw new WireError(
      `Tensor "${name}" has shape [${tensor.shape.join(", ")}], expected ${size} values, not ${tensor.data.length}.`,
    );
  }
  return tensor;
}

/** Values of a BYTES tensor, or undefined when the tensor is absent. */
export function findTexts(tensors: readonly Tensor[], name: string): string[] | undefined {
  const tensor = findTensor(tensors, name);
  if (!tensor) return undefined;
  if (tensor.datatype !== "BYTES" || !tensor.data.every((value) => typeof value === "string")) {
    throw new WireError(`Tensor "${name}" has data type ${tensor.datatype}, expected BYTES (strings).`);
  }
  return tensor.data;
}

export function requireTexts(tensors: readonly Tensor[], name: string): string[] {
  const texts = findTexts(tensors, name);
  if (!texts) throw new WireError(`Tensor "${name}" (BYTES) is missing.`);
  return texts;
}

export function requireNumbers(tensors: readonly Tensor[], name: string): { shape: number[]; data: number[] } {
  const tensor = findTensor(tensors, name);
  if (!tensor) throw new WireError(`Tensor "${name}" is missing.`);
  const data = tensor.data.filter((value) => typeof value === "number");
  if (tensor.datatype === "BYTES" || data.length !== tensor.data.length) {
    throw new WireError(`Tensor "${name}" has data type ${tensor.datatype}, expected numbers.`);
  }
  return { shape: tensor.shape, data };
}

export function optionalNumber(parameters: Parameters, name: string): number | undefined {
  const value = parameters[name];
  if (value === undefined || typeof value === "number") return value;
  throw new WireError(`Parameter "${name}" is ${JSON.stringify(value)}, expected a number.`);
}

export function requireNumber(parameters: Parameters, name: string): number {
  const value = optionalNumber(parameters, name);
  if (value === undefined) throw new WireError(`Parameter "${name}" (a number) is missing.`);
  return value;
}

export function optionalChoice<T extends string>(
  parameters: Parameters,
  name: string,
  choices: readonly T[],
): T | undefined {
  const value = parameters[name];
  if (value === undefined) return undefined;
  const choice = choices.find((candidate) => candidate === value);
  if (!choice)
    throw new WireError(`Parameter "${name}" is ${JSON.stringify(value)}, expected ${choices.join(" or ")}.`);
  return choice;
}

export function optionalText(parameters: Parameters, name: string): string | undefined {
  const value = parameters[name];
  if (value === undefined || typeof value === "string") return value;
  throw new WireError(`Parameter "${name}" is ${JSON.stringify(value)}, expected a text.`);
}

/** Says in one sentence where a body leaves its schema. */
export function schemaComplaint(error: z.ZodError): string {
  const [issue] = error.issues;
  return issue ? `${issue.path.join(".") || "The body"}: ${issue.message}` : "unknown";
}

const CODES = {
  INVALID_IMAGE: 400,
  INVALID_TEXT: 400,
  WORD_NOT_IN_TEXT: 400,
  IMAGE_NOT_FOUND: 404,
  MODEL_NOT_FOUND: 404,
  UNSUPPORTED: 422,
  OVERLOADED: 429,
  CANCELLED: 499,
  ENGINE_FAILED: 500,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
} as const satisfies Record<InferenceError["code"], number>;

export function statusOfCode(code: InferenceError["code"]): number {
  return CODES[code];
}

export function parseCode(text: string | undefined): InferenceError["code"] | undefined {
  return text !== undefined && Object.hasOwn(CODES, text) ? (text as InferenceError["code"]) : undefined;
}

/** The error that a failed reply stands for: by its code, or by its status where another server sent none. */
export function errorOfReply(status: number, code: string | undefined, message: string): InferenceError {
  const known = parseCode(code);
  if (known) return new InferenceError(known, message);
  if (status === 429 || status === 503) return new InferenceError("OVERLOADED", message);
  if (status === 502) return new InferenceError("UNAVAILABLE", message);
  if (status === 504 || status === 408) return new InferenceError("DEADLINE_EXCEEDED", message);
  if (status === 404) return new InferenceError("MODEL_NOT_FOUND", message);
  if (status >= 500) return new InferenceError("ENGINE_FAILED", message);
  return new InferenceError("UNSUPPORTED", message);
}

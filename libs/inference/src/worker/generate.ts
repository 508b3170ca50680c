import * as ort from "onnxruntime-node";
import { createBeamSearch } from "../decoding/beam-search.ts";
import type { DecodingSettings } from "../decoding/decoding-settings.ts";
import { createSamples } from "../decoding/samples.ts";
import type { Hypothesis } from "../decoding/text-search.ts";
import type { LoadedModel, Outputs } from "./loaded-model.ts";

// BLIP's mask value (models/med.py:660): far below any score, and finite in every number format.
const MASKED = -10_000;

/** Cross-attention keys and values of N sources, as the graph "decoderKeysValues" gives them. */
export interface Sources {
  readonly feeds: Outputs;
  readonly count: number;
}

/** Raised between two steps when nobody waits for the result any more. */
export type StopCheck = () => void;

/**
 * Writes a text for each source, and as many alternatives as the settings want.
 * @param prefix tokens that every text starts with, [DEC] first
 * @param stop   throws when the call was given up or its deadline passed
 */
export async function generate(
  model: LoadedModel,
  sources: Sources,
  prefix: readonly number[],
  settings: DecodingSettings,
  stop: StopCheck,
): Promise<(readonly [Hypothesis, ...Hypothesis[]])[]> {
  const { endToken } = model.reference;
  const writers = Array.from({ length: sources.count }, () =>
    settings.method === "beam"
      ? createBeamSearch(prefix, endToken, settings)
      : createSamples(prefix, endToken, settings),
  );
  const decoder = createDecoder(model, sources);
  while (writers.some((writer) => !writer.done())) {
    stop();
    const logits = await decoder.step(
      writers.map((writer) => ({ sequences: writer.sequences(), order: writer.order() })),
    );
    for (const [index, writer] of writers.entries()) {
      if (!writer.done()) writer.advance(logits[index] as Float32Array[]);
    }
  }
  return writers.map((writer) => writer.found());
}

interface Running {
  readonly sequences: readonly (readonly number[])[];
  readonly order: readonly number[];
}

/** Runs the decoder graph over growing sequences; keeps keys and values of what was read. */
export function createDecoder(model: LoadedModel, sources: Sources) {
  const text = model.reference.textDecoder;
  if (!text) throw new Error(`Bug: ${model.reference.name} has no text decoder.`);
  const headWidth = text.width / text.heads;
  let cached = 0;
  let rowsBefore = sources.count;
  let past: Record<string, ort.Tensor> = {};
  for (let layer = 0; layer < text.layers; layer++) {
    for (const part of ["pastKeys", "pastValues"]) {
      past[`${part}.${layer}`] = new ort.Tensor("float32", new Float32Array(0), [
        sources.count,
        text.heads,
        0,
        headWidth,
      ]);
    }
  }

  /** @returns for each source, one row of logits for each of its sequences */
  async function step(running: readonly Running[]): Promise<Float32Array[][]> {
    const beams = Math.max(...running.map((one) => one.sequences.length));
    const longest = Math.max(...running.flatMap((one) => one.sequences.map((tokens) => tokens.length)));
    const beamsBefore = rowsBefore / sources.count;
    // A finished source still fills its rows (with its first sequence), so that the batch keeps its shape.
    const rows = running.flatMap(({ sequences, order }, source) =>
      Array.from({ length: beams }, (_, beam) => ({
        tokens: lastTokens(sequences[beam] ?? sequences[0] ?? [], cached, longest),
        from: source * beamsBefore + Math.min(order[beam] ?? 0, beamsBefore - 1),
      })),
    );
    const length = (rows[0]?.tokens ?? []).length;
    const ids = Int32Array.from(rows.flatMap((row) => row.tokens));
    const feeds: Record<string, ort.Tensor> = {
      ...sources.feeds,
      ...past,
      ids: new ort.Tensor("int32", ids, [rows.length, length]),
      start: new ort.Tensor("int64", BigInt64Array.of(BigInt(cached)), [1]),
      mask: causalMask(length, cached),
      order: new ort.Tensor(
        "int32",
        Int32Array.from(rows, (row) => row.from),
        [rows.length],
      ),
    };
    const output = await model.run("decoder", feeds);
    past = Object.fromEntries(
      Object.entries(output)
        .filter(([name]) => name !== "logits")
        .map(([name, tensor]) => [name.replace("present", "past"), tensor]),
    );
    cached += length;
    rowsBefore = rows.length;
    const logits = output["logits"]?.data as Float32Array;
    const size = logits.length / rows.length;
    return running.map((one, source) =>
      one.sequences.map((_, beam) => {
        const row = source * beams + beam;
        return logits.subarray(row * size, (row + 1) * size);
      }),
    );
  }
  return { step };
}

/** The tokens that the cache does not hold yet; a finished sequence that is shorter repeats its last one. */
function lastTokens(tokens: readonly number[], cached: number, longest: number): readonly number[] {
  const fresh = tokens.slice(cached);
  const missing = longest - cached - fresh.length;
  return missing > 0 ? [...fresh, ...Array<number>(missing).fill(tokens.at(-1) ?? 0)] : fresh;
}

/** Additive mask [n, t + n]: new token i sees the cache and the new tokens up to itself. */
export function causalMask(length: number, cached: number): ort.Tensor {
  const width = cached + length;
  const mask = new Float32Array(length * width);
  for (let row = 0; row < length; row++) mask.fill(MASKED, row * width + cached + row + 1, (row + 1) * width);
  return new ort.Tensor("float32", mask, [length, width]);
}

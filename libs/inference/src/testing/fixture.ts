import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { OpenBlipOptions } from "@medley/blip";
import type { ImageInput } from "@medley/inference-api";
import { createImageTokenSource } from "../worker/image-tokens.ts";
import { loadModel } from "../worker/loaded-model.ts";
import { type ItemResult, runTask, type Task, type TaskContext } from "../worker/tasks.ts";
import { openResources } from "./raw-pixels.ts";

/** A value written by PyTorch: a place in a raw file beside reference.json. */
interface StoredArray {
  readonly file: string;
  readonly dtype: "float32" | "uint8";
  readonly shape: readonly number[];
}

/** One folder of libs/blip/fixtures: a small checkpoint with random weights and what the reference computed with it. */
export interface Fixture {
  readonly folder: string;
  // The keys of each folder are described in libs/blip/fixtures/README.md; tests state the shape they read.
  readonly reference: Readonly<Record<string, unknown>>;
  floats(key: string): Float32Array;
  floatsOf(stored: Pick<StoredArray, "file">): Float32Array;
  pictures(): readonly ImageInput[];
}

/** Opens a fixture folder by its path below libs/blip/fixtures. */
export function openFixture(name: string): Fixture {
  const folder = fileURLToPath(new URL(`../../../blip/fixtures/${name}`, import.meta.url));
  const reference = JSON.parse(readFileSync(`${folder}/reference.json`, "utf8")) as Record<string, unknown>;
  const floatsOf = ({ file }: Pick<StoredArray, "file">): Float32Array => {
    const raw = readFileSync(`${folder}/${file}`);
    return new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
  };
  const bytes = (key: string): Buffer => readFileSync(`${folder}/${(reference[key] as StoredArray).file}`);
  return {
    folder,
    reference,
    floats: (key) => floatsOf(reference[key] as StoredArray),
    floatsOf,
    pictures: () => {
      const raw = bytes("pictures");
      const [count = 0, height = 0, width = 0] = (reference["pictures"] as StoredArray).shape;
      const size = height * width * 3;
      return Array.from({ length: count }, (_, index) => ({ bytes: raw.subarray(index * size, (index + 1) * size) }));
    },
  };
}

/** Smooth random picture, RGB [size, size, 3]; the rule is in libs/blip/fixtures/pictures.py. */
export function seededPicture(seed: number, size: number): Uint8Array {
  const grid = 5;
  let state = Number((BigInt(seed) * 2654435769n) % 4294967296n) >>> 0;
  const values: number[] = [];
  for (let index = 0; index < 8 + grid * grid * 3; index++) {
    state = (state ^ (state << 13)) >>> 0;
    state = (state ^ (state >>> 17)) >>> 0;
    state = (state ^ (state << 5)) >>> 0;
    if (index >= 8) values.push(state >>> 24);
  }
  const at = (row: number, column: number, channel: number): number =>
    values[(row * grid + column) * 3 + channel] as number;
  const place = (index: number): readonly [number, number] => {
    const position = Math.floor((index * (grid - 1) * 256) / (size - 1));
    const cell = Math.min(position >> 8, grid - 2);
    return [cell, position - 256 * cell];
  };
  const pixels = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y++) {
    const [row, fy] = place(y);
    for (let x = 0; x < size; x++) {
      const [column, fx] = place(x);
      for (let channel = 0; channel < 3; channel++) {
        const top = (256 - fx) * at(row, column, channel) + fx * at(row, column + 1, channel);
        const bottom = (256 - fx) * at(row + 1, column, channel) + fx * at(row + 1, column + 1, channel);
        pixels[(y * size + x) * 3 + channel] = ((256 - fy) * top + fy * bottom + 32768) >> 16;
      }
    }
  }
  return pixels;
}

/** A checkpoint opened in this thread, with pictures given as raw pixels of the model's own size. */
export async function openTaskContext(
  path: string,
  options: OpenBlipOptions = {},
): Promise<TaskContext & { run(task: Task): Promise<ItemResult[]> }> {
  const runtime = { threads: 1, executionProviders: ["cpu"] };
  const model = await loadModel({ path, visionFingerprint: "test", ...options }, runtime);
  const context: TaskContext = { model, images: createImageTokenSource(openResources()), stop: () => {} };
  return { ...context, run: (task) => runTask(context, task) };
}

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Blip, openBlip, type OpenBlipOptions } from "@medley/blip";
import type { ImageInput } from "@medley/inference-api";
import { createGraphBuilder, planOf } from "../model-graphs.ts";
import { createImageTokenSource } from "../worker/image-tokens.ts";
import { loadModel } from "../worker/loaded-model.ts";
import { type ItemResult, runTask, type Task, type TaskContext } from "../worker/tasks.ts";
import { openResources } from "./raw-pixels.ts";

export { seededPicture } from "./seeded-picture.ts";

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

/** A checkpoint opened in this thread, with pictures given as raw pixels of the model's own size. */
export async function openTaskContext(
  path: string,
  options: OpenBlipOptions = {},
): Promise<TaskContext & { readonly blip: Blip; run(task: Task): Promise<ItemResult[]> }> {
  const runtime = { threads: 1, executionProviders: ["cpu"] };
  const blip = await openBlip(path, options);
  const model = loadModel({ ...planOf(blip), visionFingerprint: "test" }, runtime, createGraphBuilder(blip));
  const context: TaskContext = { model, images: createImageTokenSource(openResources()), stop: () => {} };
  return { ...context, blip, run: (task) => runTask(context, task) };
}

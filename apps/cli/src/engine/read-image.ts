import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, resolve } from "node:path";
import { type ImageInput, InferenceError } from "@medley/inference-api";

/**
 * Reads the picture that a line names: relative to the working directory, or else to the folder of the input file.
 * Throws InferenceError IMAGE_NOT_FOUND.
 */
export async function readImage(path: string, input: string): Promise<ImageInput> {
  const places = isAbsolute(path) || input === "-" ? [resolve(path)] : [resolve(path), resolve(dirname(input), path)];
  let reason = "there is no such file";
  for (const place of new Set(places)) {
    try {
      return { bytes: await readFile(place) };
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code !== "ENOENT" && code !== "ENOTDIR") reason = error instanceof Error ? error.message : String(error);
    }
  }
  throw new InferenceError("IMAGE_NOT_FOUND", `The picture "${path}" cannot be read: ${reason}.`);
}

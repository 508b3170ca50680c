import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { createLocalInference, openModelSet } from "@medley/inference";
import { cacheFolder, unpackedPackage } from "../debian-package.ts";
import { allOf } from "../engine.ts";
import { DIMENSIONS } from "./vectors.ts";

const PACKAGE = "wordnet-base";
const VERSION = "1:3.0-37"; // other releases may hold other glosses
const PARTS = ["noun", "verb", "adj", "adv"];
const MODEL = fileURLToPath(new URL("../../../assets/model/medley-small", import.meta.url));
const TEXTS_PER_CALL = 1_024;

/**
 * Real embeddings instead of made ones: what the bundled model's text tower makes of WordNet's glosses ("a small cake made from ..."), in an order that
 * does not depend on their subjects, [rows, 256]. Debian's package is downloaded and the vectors are kept in the user's cache folder.
 */
export async function glossVectors(rows: number): Promise<Float32Array> {
  const cache = cacheFolder("medley-gloss-vectors");
  const glosses = readGlosses(unpackedPackage(cache, PACKAGE, VERSION));
  if (glosses.length < rows) throw new Error(`WordNet has ${glosses.length} different glosses, ${rows} are wanted.`);
  await using inference = await createLocalInference({
    modelSet: openModelSet(MODEL),
    graphDirectory: join(cache, "graphs"),
    resources: { url: new URL("../raw-pixels.ts", import.meta.url).href, settings: {} },
    workers: 2,
    threadsPerWorker: 1,
  });
  const [model] = await inference.models();
  const file = join(cache, `${rows}-${model?.fingerprint.slice(0, 16)}.f32`);
  if (!existsSync(file)) {
    const vectors = new Float32Array(rows * DIMENSIONS);
    for (let first = 0; first < rows; first += TEXTS_PER_CALL) {
      const texts = glosses.slice(first, Math.min(rows, first + TEXTS_PER_CALL));
      for (const [index, vector] of allOf(await inference.embedTexts(texts)).entries())
        vectors.set(vector, (first + index) * DIMENSIONS);
    }
    writeFileSync(`${file}.part`, vectors);
    renameSync(`${file}.part`, file);
  }
  return new Float32Array(new Uint8Array(readFileSync(file)).buffer);
}

/** Definitions without the examples behind them, each once, in the order of their checksums. */
function readGlosses(folder: string): string[] {
  const lines = PARTS.flatMap((part) =>
    readFileSync(join(folder, "usr/share/wordnet", `data.${part}`), "utf8").split("\n"),
  );
  const glosses = new Set(lines.flatMap((line) => line.split(" | ")[1]?.split('; "')[0]?.trim() || []));
  return [...glosses]
    .map((gloss) => ({ gloss, checksum: crc32(gloss) }))
    .sort((one, other) => one.checksum - other.checksum || (one.gloss < other.gloss ? -1 : 1))
    .map(({ gloss }) => gloss);
}

import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { EvaluationError } from "../evaluation-error.ts";
import { type FileRecord, type Place, refuse, toRecord } from "./record.ts";

/** V8 holds no longer text; the annotation files of COCO, VQA v2 and NoCaps have at most 160 MB. */
const MAX_FILE_BYTES = 500_000_000;

/** A file of a data set's folder that may describe it. */
export interface DatasetFile {
  /** Name within the folder: what messages say. */
  readonly name: string;
  readonly path: string;
  /** The parsed content of a .json file; the lines of a .jsonl file, empty ones left out. */
  readonly content:
    | { readonly kind: "json"; readonly value: unknown }
    | { readonly kind: "lines"; readonly records: readonly FileRecord[] };
}

/** The .json and .jsonl files directly in the folder, by name. Throws EvaluationError BAD_DATASET. */
export function readDatasetFiles(folder: string): DatasetFile[] {
  return listFiles(folder)
    .filter((name) => /\.jsonl?$/.test(name) && !name.startsWith("."))
    .map((name) => ({ name, path: join(folder, name), content: readContent(join(folder, name)) }));
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const sentence = `The data set "${folder}" cannot be read: ${reason}. Give a folder with a data set's files.`;
    throw new EvaluationError("BAD_DATASET", sentence, { cause: error });
  }
}

function readContent(path: string): DatasetFile["content"] {
  const name = basename(path);
  const sizeBytes = statSync(path).size;
  if (sizeBytes > MAX_FILE_BYTES) {
    refuse({ file: name }, "the size of the file in bytes", sizeBytes, `at most ${MAX_FILE_BYTES}`);
  }
  const text = readFileSync(path, "utf8").replace(/^\uFEFF/, "");
  if (name.endsWith(".jsonl")) return { kind: "lines", records: parseLines(text, name) };
  return { kind: "json", value: parseJson(text, { file: name }) };
}

function parseLines(text: string, file: string): FileRecord[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === "") return [];
    const place = { file, line: index + 1 };
    return [toRecord(parseJson(line, place), place, "")];
  });
}

function parseJson(text: string, place: Place): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const where = place.line === undefined ? place.file : `${place.file}:${place.line}`;
    const reason = error instanceof Error ? error.message : String(error);
    throw new EvaluationError("BAD_DATASET", `${where}: expected JSON, but ${reason}.`, { cause: error });
  }
}

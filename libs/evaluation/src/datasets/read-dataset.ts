import { basename, resolve } from "node:path";
import { EvaluationError } from "../evaluation-error.ts";
import { BASELINE_FILE, readBaselines } from "./baseline-file.ts";
import { CLASSES_FILE, isLabelLine, readClasses } from "./classes.ts";
import type { Dataset, DatasetParts } from "./dataset.ts";
import { type DatasetFile, readDatasetFiles } from "./dataset-files.ts";
import { createPictureFinder, type FindPicture } from "./find-picture.ts";
import { isKarpathy, readKarpathy } from "./karpathy.ts";
import { isNocaps, readNocaps } from "./nocaps.ts";
import { isPairLine, readPairs } from "./pairs.ts";
import type { FileRecord } from "./record.ts";
import { isRetrievalLine, OBJECTS_FILE, readRetrievalLines, UNANSWERED_FILE } from "./retrieval-lines.ts";
import { isAnnotations, isQuestions, readVqa } from "./vqa.ts";

export const FORMATS = ["karpathy", "vqa", "nocaps", "pairs", "classes", "retrieval"] as const;
export type DatasetFormat = (typeof FORMATS)[number];

export interface ReadDatasetOptions {
  readonly folder: string;
  /** Reads the folder as this; recognised by content when absent. */
  readonly format?: DatasetFormat;
  /** Folder of the pictures where it is not the data set's own. */
  readonly pictures?: string;
  /** Which split of Karpathy's files, and which file where several differ by the split in their names. */
  readonly split: string;
}

/**
 * Reads a folder in any of the formats. One that holds several formats gives the parts of all, unless two give the same part.
 * @throws EvaluationError BAD_DATASET naming file, line, value and what was expected
 */
export function readDataset(options: ReadDatasetOptions): Dataset {
  const folder = resolve(options.folder);
  const files = readDatasetFiles(folder);
  const findPicture = createPictureFinder(options.pictures === undefined ? [folder] : [resolve(options.pictures)]);
  const found = FORMATS.filter((format) => options.format === undefined || options.format === format).flatMap(
    (format) => {
      const parts = READERS[format]({ files, split: options.split, findPicture });
      return parts ? [{ format, parts }] : [];
    },
  );
  if (found.length === 0) throw unrecognised(folder, options.format, files);
  const baselines = readBaselines(namedJson(files, BASELINE_FILE));
  return { name: basename(folder), source: folder, baselines, ...mergeParts(folder, found) };
}

interface ReaderInput {
  readonly files: readonly DatasetFile[];
  readonly split: string;
  readonly findPicture: FindPicture;
}

/** Each gives the parts of its format, or nothing where the folder has no file of it. */
const READERS: Readonly<Record<DatasetFormat, (input: ReaderInput) => DatasetParts | undefined>> = {
  karpathy({ files, split, findPicture }) {
    const file = chooseFile(jsonFiles(files, isKarpathy), split, "captions");
    if (!file) return undefined;
    const parts = readKarpathy(file, split, findPicture);
    if (parts.captions?.items.length) return parts;
    throw new EvaluationError(
      "BAD_DATASET",
      `${file.name} has no picture of the split "${split}". Give another --split.`,
    );
  },
  vqa({ files, split, findPicture }) {
    const questions = chooseFile(jsonFiles(files, isQuestions), split, "questions");
    if (!questions) return undefined;
    return readVqa(questions, chooseFile(jsonFiles(files, isAnnotations), split, "annotations"), findPicture);
  },
  nocaps({ files, split, findPicture }) {
    const file = chooseFile(jsonFiles(files, isNocaps), split, "captions");
    return file && readNocaps(file, findPicture);
  },
  pairs({ files, findPicture }) {
    const lines = linesOf(files, isPairLine);
    return lines.length > 0 ? readPairs(lines, findPicture) : undefined;
  },
  classes({ files, findPicture }) {
    const lines = linesOf(files, isLabelLine);
    const classesFile = namedJson(files, CLASSES_FILE);
    if (!classesFile && lines.length === 0) return undefined;
    if (!classesFile) throw needsOther(lines[0]?.place.file, CLASSES_FILE);
    if (lines.length === 0) throw needsOther(CLASSES_FILE, 'a .jsonl file with {"image", "label"} lines');
    return readClasses(classesFile, lines, findPicture);
  },
  retrieval({ files, findPicture }) {
    const answered = files.filter(({ name }) => name !== UNANSWERED_FILE);
    const lines = linesOf(answered, isRetrievalLine);
    const unanswered = files.find(({ name }) => name === UNANSWERED_FILE)?.content;
    if (lines.length === 0) return undefined;
    const queries = unanswered?.kind === "lines" ? unanswered.records : [];
    return readRetrievalLines(lines, queries, namedJson(files, OBJECTS_FILE), findPicture);
  },
};

interface JsonFile {
  readonly name: string;
  readonly value: unknown;
}

function jsonFiles(files: readonly DatasetFile[], isWanted: (value: unknown) => boolean): JsonFile[] {
  return files.flatMap(({ name, content }) =>
    content.kind === "json" && isWanted(content.value) ? [{ name, value: content.value }] : [],
  );
}

function namedJson(files: readonly DatasetFile[], name: string): JsonFile | undefined {
  return jsonFiles(
    files.filter((file) => file.name === name),
    () => true,
  )[0];
}

/** All lines of the files whose first line is of the format: a bad line further down is an error and never left out. */
function linesOf(files: readonly DatasetFile[], isWanted: (line: FileRecord) => boolean): FileRecord[] {
  return files.flatMap(({ content }) => {
    const first = content.kind === "lines" ? content.records[0] : undefined;
    return content.kind === "lines" && first && isWanted(first) ? content.records : [];
  });
}

/** The only file of its kind, or the only one with the split in its name. */
function chooseFile(files: readonly JsonFile[], split: string, what: string): JsonFile | undefined {
  if (files.length <= 1) return files[0];
  const ofSplit = files.filter(({ name }) => name.includes(split));
  if (ofSplit.length === 1) return ofSplit[0];
  const names = files.map(({ name }) => `"${name}"`).join(", ");
  const sentence = `The folder has several files of ${what} (${names}), and the split "${split}" is in the names of ${ofSplit.length}.`;
  throw new EvaluationError("BAD_DATASET", `${sentence} Give the --split that is in the name of one.`);
}

function needsOther(file: string | undefined, other: string): EvaluationError {
  return new EvaluationError("BAD_DATASET", `${file ?? "The data set"} needs ${other} beside it, which is not there.`);
}

function unrecognised(folder: string, format: DatasetFormat | undefined, files: readonly DatasetFile[]) {
  const names = files.map(({ name }) => name).join(", ") || "no .json or .jsonl file";
  const wanted = format === undefined ? `none of the formats ${FORMATS.join(", ")}` : `not the format ${format}`;
  const sentence = `The folder "${folder}" holds ${names}, which is ${wanted}. docs/evaluation.md shows an example line of each.`;
  return new EvaluationError("BAD_DATASET", sentence);
}

function mergeParts(
  folder: string,
  found: readonly { readonly format: DatasetFormat; readonly parts: DatasetParts }[],
): DatasetParts {
  const owners = new Map<string, DatasetFormat>();
  for (const { format, parts } of found) {
    for (const part of Object.keys(parts)) {
      const owner = owners.get(part);
      owners.set(part, format);
      if (owner === undefined) continue;
      const sentence = `The folder "${folder}" holds ${part} in two formats, ${owner} and ${format}.`;
      throw new EvaluationError("BAD_DATASET", `${sentence} Choose one by --format.`);
    }
  }
  return Object.assign({}, ...found.map(({ parts }) => parts)) as DatasetParts;
}

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Settings } from "@medley/config";
import {
  chooseTasks,
  corpusDataset,
  type Dataset,
  type DatasetFormat,
  type EvaluationResult,
  evaluateDataset,
  type Picture,
  readDataset,
  renderReport,
  type TaskName,
} from "@medley/evaluation";
import type { AnswerMode, CaptionRequest, ImageInput, ModelInfo } from "@medley/inference-api";
import { makeThumbnail } from "@medley/media";
import { imagesWithHumanTexts } from "@medley/search";
import { openDatabase } from "@medley/storage";
import { openPictureStores } from "@medley/storage/picture-stores";
import { CliError } from "../cli-error.ts";
import { openEngine } from "../engine/open-engine.ts";
import { openPictureFolder } from "../engine/picture-folder.ts";
import { createProgressLine } from "../engine/progress-line.ts";
import { makeFolder } from "../make-folder.ts";
import type { PictureStores } from "../engine/worker-resources.ts";
import { note } from "../output.ts";
import { requireWritable } from "../require-writable.ts";
import { writeFigures } from "./evaluation-output.ts";

export interface EvaluateOptions {
  /** Either a folder or a corpus. */
  readonly dataset?: string;
  readonly corpus?: string;
  readonly format?: DatasetFormat;
  readonly pictures?: string;
  readonly split: string;
  readonly model?: string;
  readonly itmToken?: "enc" | "cls";
  readonly tasks?: readonly TaskName[];
  readonly limit?: number;
  readonly seed: number;
  readonly rerank: number;
  readonly itcWeight?: number;
  readonly captionRequest: CaptionRequest;
  readonly answerMode: AnswerMode;
  /** File of the HTML report. */
  readonly report?: string;
  /** Folder that captions and answers are written to in the form of the official evaluations. */
  readonly predictions?: string;
  readonly json: boolean;
  /** As it was given, for the report. */
  readonly commandLine: string;
}

/** Measures the models on a data set or on a corpus of this installation. */
export async function runEvaluate(settings: Settings, options: EvaluateOptions): Promise<void> {
  requireWritable(options.report);
  const dataset = await openDataset(settings, options);
  await using pictures = await openPictures(settings, options);
  await using inference = await openEngine(settings, {
    stores: pictures.stores,
    ...(options.model !== undefined && { model: options.model }),
    ...(options.itmToken !== undefined && { itmToken: options.itmToken }),
  });
  const models = await inference.models();
  const { tasks, notes } = chooseTasks(dataset, models, options.tasks);
  for (const sentence of notes) note(sentence);
  const itcWeight = options.itcWeight ?? models.find(({ role }) => role === "retrieval")?.itcWeight ?? 1;
  const { rerank, captionRequest, answerMode, seed } = options;
  const progress = createProgressLine({
    isTerminal: process.stderr.isTTY === true,
    write: (text) => process.stderr.write(text),
    clock: () => performance.now(),
  });
  const result = await evaluateDataset(
    {
      inference,
      openPicture: pictures.open,
      onProgress: ({ task, step, done, total }) => progress.show(`${task}: ${step}`, done, total),
      settings: { rerank, itcWeight, captionRequest, answerMode, seed },
    },
    dataset,
    { tasks, ...(options.limit !== undefined && { subset: { limit: options.limit, seed } }) },
  );
  await writeFigures(result, models, options.json);
  if (options.predictions !== undefined) await writePredictions(result, options.predictions);
  if (options.report !== undefined)
    await writeReport(result, models, itcWeight, options.report, options, pictures.read);
}

async function openDataset(settings: Settings, options: EvaluateOptions): Promise<Dataset> {
  const { dataset: folder, corpus, format, pictures, split } = options;
  if (folder !== undefined && corpus === undefined) {
    return readDataset({ folder, split, ...(format && { format }), ...(pictures !== undefined && { pictures }) });
  }
  if (corpus === undefined || folder !== undefined) {
    const given = folder === undefined ? "neither is given" : "both are given";
    const sentence = `Expected either --dataset FOLDER or --corpus NAME, but ${given}.`;
    throw new CliError("WRONG_USAGE", sentence, { exitCode: 2 });
  }
  await using db = await openDatabase({
    home: settings.home,
    maxConnections: settings.databaseMaxConnections,
    databaseUrl: settings.databaseUrl,
  });
  const images = await imagesWithHumanTexts(db, corpus);
  return corpusDataset(
    corpus,
    images.map(({ image, texts }) => ({
      name: image.origins[0] ?? image.sha256,
      sha256: image.sha256,
      captions: texts,
    })),
  );
}

interface OpenedPictures extends AsyncDisposable {
  readonly stores: PictureStores;
  readonly open: (picture: Picture) => Promise<ImageInput>;
  readonly read: (picture: Picture) => Promise<Uint8Array>;
}

/** A corpus's pictures and tokens are in the stores of this installation; those of a data set get stores for this run. */
async function openPictures(settings: Settings, options: EvaluateOptions): Promise<OpenedPictures> {
  const { blobDirectory, tokenDirectory, thumbnailDirectory, s3 } = settings;
  const place = { blobDirectory, thumbnailDirectory, ...(s3 && { s3 }) };
  const { blobs } = openPictureStores(place);
  const read = ({ place }: Picture) => ("path" in place ? readFile(place.path) : blobs.read(place.sha256));
  const folder = options.corpus === undefined ? await openPictureFolder(settings.home) : undefined;
  return {
    stores: folder?.stores ?? { ...place, tokenDirectory },
    read,
    async open({ place }) {
      if ("sha256" in place) return place;
      if (folder === undefined) throw new Error("Bug: a corpus has a picture that is named by its path");
      return folder.add(place.path);
    },
    async [Symbol.asyncDispose]() {
      await folder?.[Symbol.asyncDispose]();
    },
  };
}

/** Result files as the caption and VQA evaluations read them: captions.json, answers.json. */
async function writePredictions({ tasks }: EvaluationResult, folder: string): Promise<void> {
  await makeFolder(folder);
  const names: Readonly<Partial<Record<TaskName, string>>> = { captions: "captions.json", vqa: "answers.json" };
  for (const { task, predictions } of tasks) {
    const name = names[task];
    if (name === undefined || predictions.length === 0) continue;
    const path = join(folder, name);
    await writeFile(path, JSON.stringify(predictions));
    note(`${predictions.length} predictions: ${path}`);
  }
}

/** A picture of a report in device pixels; it is shown at half of that. */
const THUMBNAIL_PIXELS = 288;

async function writeReport(
  result: EvaluationResult,
  models: readonly ModelInfo[],
  itcWeight: number,
  path: string,
  { commandLine, rerank, itcWeight: given }: EvaluateOptions,
  read: (picture: Picture) => Promise<Uint8Array>,
): Promise<void> {
  const facts = {
    commandLine,
    date: new Date(),
    models,
    settings: [
      { name: "Re-ranked", value: rerank === 0 ? "nothing" : `the first ${rerank} by itcCosine` },
      { name: "Weight w", value: `${itcWeight}${given === undefined ? " (of the model set)" : ""}` },
    ],
  };
  const page = await renderReport(result, facts, async (picture) => {
    const { bytes } = await makeThumbnail(await read(picture), { maxSidePixels: THUMBNAIL_PIXELS });
    return `data:image/webp;base64,${Buffer.from(bytes).toString("base64")}`;
  });
  await writeFile(path, page);
  note(`Report: ${path}`);
}

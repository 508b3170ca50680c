import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, parse } from "node:path";
import { openBlip } from "@medley/blip";
import type { Settings } from "@medley/config";
import { CliError } from "../cli-error.ts";
import { createProgressLine } from "../engine/progress-line.ts";
import { downloadFile } from "../hub/download.ts";
import { authorization, checkpointFiles, findHubModel, type Hub, type HubFile } from "../hub/hub-model.ts";
import { isModelId, type ModelSource, pulledModelFolder, SOURCE_FILE } from "../hub/pulled-models.ts";
import { note, writeLine, writeRecord } from "../output.ts";

export interface PullOptions {
  /** Branch, tag or commit. */
  readonly revision: string;
  readonly json: boolean;
}

const ORIGINAL_CHECKPOINT = /^[A-Za-z0-9][\w.-]*\.(pth|safetensors|bin)$/;

/**
 * Brings a checkpoint into MEDLEY_HOME/models: a model of the hub by its id, or one file by its address. Run again it goes on
 * where it stopped; what is complete is checked and kept.
 */
export async function pullModel(settings: Settings, given: string, options: PullOptions): Promise<void> {
  const pulled = /^https?:\/\//.test(given)
    ? await pullFile(settings, new URL(given))
    : await pullFromHub(settings, given, options.revision);
  const model = await openBlip(pulled.path);
  const record = { model: given, ...pulled, layout: model.layout, abilities: [...model.abilities] };
  if (options.json) return writeRecord(record);
  await writeLine(`${given} lies in ${pulled.path} and can ${record.abilities.join(", ")}.`);
  await writeLine(
    `Use it with --model ${pulled.commit === null ? pulled.path : given}, or serve it: MEDLEY_MODELS=${pulled.path} npm start -- --no-demo`,
  );
}

interface Pulled {
  readonly path: string;
  readonly bytes: number;
  readonly commit: string | null;
}

async function pullFromHub(settings: Settings, id: string, revision: string): Promise<Pulled> {
  if (!isModelId(id)) {
    const expected = 'OWNER/NAME such as "Salesforce/blip-itm-base-coco", or the address of a checkpoint file';
    throw new CliError("WRONG_USAGE", `"${id}" is no name of a model, expected ${expected}.`, { exitCode: 2 });
  }
  const hub: Hub = { url: settings.hubUrl, ...(settings.hubToken !== undefined && { token: settings.hubToken }) };
  const model = await findHubModel(hub, id, revision);
  const wanted = checkpointFiles(model);
  const path = pulledModelFolder(settings, id);
  await mkdir(path, { recursive: true });
  for (const file of wanted) await pullHubFile(hub, model, file, path);
  const source: ModelSource = {
    id,
    hub: hub.url,
    commit: model.commit,
    files: Object.fromEntries(wanted.map(({ name, digest }) => [name, digest.hex])),
  };
  await writeFile(join(path, SOURCE_FILE), `${JSON.stringify(source, null, 2)}\n`);
  return { path, bytes: wanted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), commit: model.commit };
}

/** By commit and not by branch: the branch may move while the files come. */
async function pullHubFile(hub: Hub, { id, commit }: { id: string; commit: string }, file: HubFile, folder: string) {
  await downloadFile({
    url: `${hub.url}/${id}/resolve/${commit}/${file.name}`,
    headers: authorization(hub),
    path: join(folder, file.name),
    expected: file,
    onProgress: progressOf(file.name),
    onRetry: noteRetry(file.name),
  });
}

/** One file from anywhere, such as an original `.pth`. Nobody says what its digest should be, so it is said what it is. */
async function pullFile(settings: Settings, url: URL): Promise<Pulled> {
  const name = decodeURIComponent(url.pathname.split("/").at(-1) ?? "");
  if (!ORIGINAL_CHECKPOINT.test(name)) {
    const message = `${url} names no checkpoint file, expected one that ends in .pth, .safetensors or .bin.`;
    throw new CliError("WRONG_USAGE", message, { exitCode: 2 });
  }
  // A folder of its own, because a vocab.txt beside a checkpoint belongs to it.
  const path = join(settings.modelDirectory, parse(name).name, name);
  await mkdir(dirname(path), { recursive: true });
  let bytes = 0;
  const show = progressOf(name);
  const onProgress = (done: number, total: number) => {
    bytes = done;
    show(done, total);
  };
  const sha256 = await downloadFile({ url: url.href, headers: {}, path, onProgress, onRetry: noteRetry(name) });
  note(`SHA-256 of ${name}: ${sha256}`);
  return { path, bytes, commit: null };
}

function noteRetry(name: string): (reason: string, pauseMs: number) => void {
  return (reason, pauseMs) => note(`${name} broke off (${reason}); it goes on in ${pauseMs / 1000} s.`);
}

const MEGABYTE = 1_000_000;

function progressOf(name: string): (doneBytes: number, totalBytes: number) => void {
  const line = createProgressLine({
    isTerminal: process.stderr.isTTY === true,
    write: (text) => process.stderr.write(text),
    clock: () => performance.now(),
  });
  return (done, total) => {
    if (total >= MEGABYTE) line.show(`${name}, MB`, Math.floor(done / MEGABYTE), Math.floor(total / MEGABYTE));
  };
}

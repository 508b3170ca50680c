import { existsSync } from "node:fs";
import { type Blip, openBlip } from "@medley/blip";
import type { Settings } from "@medley/config";
import { openModelSet } from "@medley/inference";
import { readTensor } from "@medley/onnx";
import { CliError, errorRecord } from "../cli-error.ts";
import { findModel } from "../engine/open-engine.ts";
import { listRegisteredModels } from "../engine/registered-models.ts";
import { listPulledModels } from "../hub/pulled-models.ts";
import { note, writeLine, writeRecord } from "../output.ts";

/** The checkpoints of the model set, with the roles that each serves, and those that were pulled or registered and serve none. */
export async function listModels(settings: Settings, { json }: { json: boolean }): Promise<void> {
  const { roles } = await openModelSet(settings.modelsFile);
  const rolesOfModel = Map.groupBy(roles, ([, model]) => model.path);
  const idle = listPulledModels(settings).filter(({ path }) => !rolesOfModel.has(path));
  for (const [path, entries] of rolesOfModel) {
    const model = entries[0]?.[1];
    if (!model) continue;
    const record = { ...describeModel(model), path, roles: entries.map(([role]) => role) };
    if (json) await writeRecord(record);
    else await writeLine(`${record.name}\t${record.roles.join(", ")}\t${record.abilities.join(", ")}\t${path}`);
  }
  for (const { id, path } of idle) {
    const record = { ...describeModel(await openBlip(path)), name: id, path, roles: [] };
    if (json) await writeRecord(record);
    else await writeLine(`${id}\tno role\t${record.abilities.join(", ")}\t${path}`);
  }
  for (const { name, checkpoint, fingerprint } of await listRegisteredModels(settings)) {
    // Its path is that of the inference server, which may run on another machine.
    const model = existsSync(checkpoint) ? describeModel(await openBlip(checkpoint)) : null;
    const record = { ...model, name, path: checkpoint, roles: [], registered: fingerprint };
    if (json) await writeRecord(record);
    else await writeLine(`${name}\tregistered\t${model?.abilities.join(", ") ?? "not on this machine"}\t${checkpoint}`);
  }
}

/**
 * Validates a checkpoint: every tensor that the model needs is there with its shape, lies within its file, and holds finite
 * numbers. Resolves with the exit code.
 */
export async function checkModel(settings: Settings, given: string, { json }: { json: boolean }): Promise<number> {
  try {
    await reportCheckpoint(settings, given, json);
    return 0;
  } catch (error) {
    const record = errorRecord(error);
    note(record.message);
    if (json) await writeRecord({ model: given, error: record });
    return 1;
  }
}

/** Throws BlipError, CheckpointError or CliError that names the tensor. */
async function reportCheckpoint(settings: Settings, given: string, json: boolean): Promise<void> {
  const path = await findModel(settings, given);
  const model = await openBlip(path);
  let values = 0;
  for (const [name, tensor] of model.tensors) {
    const elements = await readTensor(tensor);
    values += elements.length;
    if (!(elements instanceof Float32Array) && !(elements instanceof Float64Array)) continue;
    const bad = elements.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) continue;
    const message = `Tensor "${name}" of "${path}" holds ${elements[bad]} at place ${bad}, expected finite numbers. Is the file damaged?`;
    throw new CliError("NOT_FINITE", message);
  }
  const { unexpected } = model;
  const record = { model: given, ok: true, ...describeModel(model), tensors: model.tensors.size, values, unexpected };
  if (json) return writeRecord(record);
  await writeLine(
    `${given} is a good checkpoint: ${record.tensors} tensors, ${values} values, ${record.layout} layout.`,
  );
  await writeLine(`It can ${record.abilities.join(", ")}; pictures of ${record.imageSizePixels} pixels.`);
  if (unexpected.length > 0) await writeLine(`Not used: ${unexpected.join(", ")}`);
}

function describeModel(model: Blip) {
  return {
    name: model.name,
    layout: model.layout,
    abilities: [...model.abilities],
    imageSizePixels: model.vision.imagePixels,
    embeddingDimensions: model.embeddingDimensions ?? null,
  };
}

import { basename, resolve } from "node:path";
import type { Settings } from "@medley/config";
import { openModelSet } from "@medley/inference";
import type { Inference, ModelInfo, ModelToLoad } from "@medley/inference-api";
import { registerModel, requestReindexTo, type SpaceComparison } from "@medley/search";
import {
  type Corpus,
  type Database,
  findCorpus,
  findOperation,
  findReindex,
  findSpace,
  type Operation,
  openDatabase,
  openReindexOf,
} from "@medley/storage";
import { CliError } from "../cli-error.ts";
import { databaseOptions } from "../database-options.ts";
import { findNamedModel } from "../engine/open-engine.ts";
import { note, writeLine, writeRecord } from "../output.ts";
import { withInference } from "../processes/with-inference.ts";
import { reindexCorpus } from "./ingest.ts";

export interface ReindexOptions {
  readonly corpus: string;
  /** Checkpoint, medley.models.json, or a name of `medley models list`. */
  readonly model: string;
  /** Under which it is registered; that of its folder when absent. */
  readonly name?: string;
  readonly itcWeight?: number;
  readonly force: boolean;
  readonly json: boolean;
}

/**
 * Moves a corpus into the space of another model: serves the model beside the others, asks for the change and does it, or waits for the worker that does.
 * Resolves with 0 when the corpus is searched in the new space.
 */
export async function runReindex(settings: Settings, options: ReindexOptions): Promise<number> {
  const { corpus: name, json } = options;
  const model = await modelToLoad(settings, options);
  return await withInference(settings, "wait", async ({ inference, url, lost }) => {
    const operation = await requestReindex(settings, inference, model, options);
    if (!json) note(`Corpus "${name}" is being moved into the space of "${model.name}" (operation ${operation.id}).`);
    const code = await reindexCorpus(settings, url, name, { json }, lost);
    await using db = await openDatabase(databaseOptions(settings));
    const ended = await findOperation(db, operation.id);
    if (code !== 0 && (await findCorpus(db, name))?.id !== operation.corpusId) {
      note(`Corpus "${name}" was deleted meanwhile; what was built for it goes with it.`);
    }
    const comparison = (await findReindex(db, operation.id))?.comparison as SpaceComparison | null | undefined;
    if (json) await writeRecord({ operation: ended, comparison: comparison ?? null });
    else for (const line of comparison ? describeComparison(comparison) : []) await writeLine(line);
    return code;
  });
}

/** What is registered: the checkpoint under its name and with its weight. Throws CliError. */
export async function modelToLoad(
  settings: Settings,
  { model, name, itcWeight }: Pick<ReindexOptions, "model" | "name" | "itcWeight">,
): Promise<ModelToLoad & { readonly name: string }> {
  const { path: found, registered } = await findNamedModel(settings, model);
  const path = resolve(found);
  if (!path.endsWith(".json")) {
    // Registered again it would get the name and the weight that it is given here.
    const weight = itcWeight ?? registered?.itcWeight;
    const checkpoint = { checkpoint: path, name: name ?? registered?.name ?? basename(path) };
    return { ...checkpoint, ...(weight !== undefined && { itcWeight: weight }) };
  }
  const set = await openModelSet(path);
  const retrieval = set.roles.get("retrieval");
  if (!retrieval) throw new CliError("MODEL_MISSING", `The model set "${model}" has no retrieval model.`);
  return { checkpoint: retrieval.path, name: name ?? set.name, itcWeight: itcWeight ?? set.itcWeight };
}

/** The operation that moves the corpus into the space of this model; one that is under way already is gone on with. */
async function requestReindex(
  settings: Settings,
  inference: Inference,
  model: ModelToLoad & { readonly name: string },
  { corpus: name, force }: ReindexOptions,
): Promise<Operation> {
  await using db = await openDatabase(databaseOptions(settings));
  const corpus = await findCorpus(db, name);
  if (corpus === null) throw new CliError("CORPUS_NOT_FOUND", `There is no corpus "${name}". Ingest into it first.`);
  const served = await registerModel({ db, inference }, model);
  const open = await openReindexInto(db, corpus, served);
  return open ?? (await requestReindexTo({ db }, { corpusId: corpus.id, model: served, forced: force }));
}

async function openReindexInto(db: Database, { id }: Corpus, { fingerprint }: ModelInfo): Promise<Operation | null> {
  const open = await openReindexOf(db, id);
  const space = open && (await findSpace(db, open.spaceId));
  return open && space?.fingerprint === fingerprint ? await findOperation(db, open.operationId) : null;
}

function describeComparison({ coverage, index, queries, before, after, judge, objections }: SpaceComparison): string[] {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`.padStart(8);
  const row = (what: string, key: keyof SpaceComparison["before"]) =>
    `${what.padEnd(34)}${percent(before[key])} before${percent(after[key])} after`;
  return [
    `${coverage.wanted - coverage.missing} of ${coverage.wanted} pictures are in the new space; its search finds ${percent(index.recall).trim()} of the nearest 10.`,
    `${queries} pictures asked for by their own texts:`,
    row("first by itcCosine", "recallAt1"),
    row("among the first 10", "recallAt10"),
    row("first after re-ranking", "rerankedAt1"),
    row("among the first 10 after it", "rerankedAt10"),
    `"${judge.modelName}" finds the first 10 better in ${judge.better} of them and worse in ${judge.worse}.`,
    ...objections.map(({ code, message }) => `${code}: ${message}`),
  ];
}

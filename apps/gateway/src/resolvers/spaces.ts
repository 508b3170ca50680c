import { resolve, sep } from "node:path";
import { InferenceError, type ModelInfo, type Role } from "@medley/inference-api";
import {
  registerModel as registerInSearch,
  requestReindexTo,
  rollBackSpace,
  SearchError,
  type SpaceComparison as Compared,
} from "@medley/search";
import {
  findReindex,
  listModels,
  type RegisteredModel,
  retireSpace as retireInStorage,
  StorageError,
} from "@medley/storage";
import type { GatewayContext } from "../context.ts";
import type {
  Model,
  MutationResolvers,
  OperationResolvers,
  QueryResolvers,
  SpaceComparison,
} from "../generated/schema-types.ts";
import { NAME_OF_CORPUS, requireCorpus } from "./named-corpus.ts";
import { requestUpkeepFor, requireMembersOfPurpose } from "./upkeep.ts";
import { answered, refuse, requireText } from "./user-errors.ts";

export const models: NonNullable<QueryResolvers["models"]> = async (_root, _query, { db, inference }) => {
  const [served, registered] = await Promise.all([inference.models(), listModels(db)]);
  const byPrint = Map.groupBy(served, ({ fingerprint }) => fingerprint);
  const known = new Map(registered.map((model) => [model.fingerprint, model]));
  const listed = [...byPrint.values()].map((entries) => modelOf(entries, known));
  const idle = registered.filter(({ fingerprint }) => !byPrint.has(fingerprint)).map(modelOfRow);
  return [...listed, ...idle];
};

/** The entries of one checkpoint. One that is served beside the set has an entry of its own with the role of retrieval, and none is its role. */
function modelOf(entries: readonly ModelInfo[], registered: ReadonlyMap<string, RegisteredModel>): Model {
  const [first] = entries;
  if (first === undefined) throw new Error("Bug: a group without entries.");
  const { fingerprint, name, embeddingDimensions: dimensions, itcWeight } = first;
  const isBeside = registered.has(fingerprint) && entries.length === 1;
  const roles = isBeside ? [] : entries.map(({ role }) => roleOf(role));
  return { fingerprint, name, roles, served: true, dimensions, itcWeight };
}

function modelOfRow({ fingerprint, name, itcWeight }: RegisteredModel): Model {
  return { fingerprint, name, roles: [], served: false, dimensions: null, itcWeight };
}

function roleOf(role: Role): Model["roles"][number] {
  return role.toUpperCase() as Uppercase<Role>;
}

/** As of a model set. */
const MOST_ITC_WEIGHT = 1000;

export const registerModel: NonNullable<MutationResolvers["registerModel"]> = (_root, { input }, context) =>
  answered({ model: null }, ["input", "checkpoint"], async () => {
    const name = requireText(input.name, ["input", "name"], NAME_OF_CORPUS);
    const { itcWeight = 1 } = input;
    if (!(itcWeight >= 0 && itcWeight <= MOST_ITC_WEIGHT)) {
      const expected = `expected a number from 0 to ${MOST_ITC_WEIGHT}`;
      refuse("INVALID_VALUE", `itcWeight is ${itcWeight}, ${expected}.`, ["input", "itcWeight"]);
    }
    const checkpoint = checkpointIn(context.modelDirectory, input.checkpoint);
    const loaded = await registerInSearch(context, { name, checkpoint, itcWeight }).catch((error: unknown) => {
      if (error instanceof StorageError && error.code === "CONFLICT") {
        return refuse("CONFLICT", error.message, ["input", "name"]);
      }
      if (!(error instanceof InferenceError) || error.retryable) throw error;
      const code = error.code === "MODEL_NOT_FOUND" ? "NOT_FOUND" : "INVALID_VALUE";
      return refuse(code, error.message, ["input", "checkpoint"]);
    });
    return { model: { ...modelOf([loaded], new Map()), roles: [] } };
  });

/** Callers name checkpoints of the installation only, and no other file of the machine. */
function checkpointIn(directory: string | undefined, given: string): string {
  const path = ["input", "checkpoint"];
  if (directory === undefined) return refuse("INVALID_VALUE", "This gateway registers no models.", path);
  const name = requireText(given, path, { most: 500, oneLine: true });
  const found = resolve(directory, name);
  if (found.startsWith(resolve(directory) + sep)) return found;
  const expected = 'expected a folder or file in the folder "models" of the installation';
  return refuse("INVALID_VALUE", `checkpoint is "${name}", ${expected}.`, path);
}

export const reindex: NonNullable<MutationResolvers["reindex"]> = (_root, { input }, context) =>
  answered({ operation: null }, ["input", "corpus"], async () => {
    const { id: corpusId } = await requireCorpus(context, input.corpus, ["input", "corpus"]);
    const { purpose = "MODEL", force = false } = input;
    requireMembersOfPurpose(purpose, input);
    if (purpose !== "MODEL") return { operation: await requestUpkeepFor(context, corpusId, purpose, input) };
    const named = input.model ?? refuse("INVALID_VALUE", "The purpose MODEL needs a model.", ["input", "model"]);
    const model = await requireEmbedder(context, named);
    return { operation: await requestReindexTo(context, { corpusId, model, forced: force }) };
  });

/** A served model by its name or fingerprint; one that is registered and not served is loaded. */
async function requireEmbedder({ db, inference }: GatewayContext, given: string): Promise<ModelInfo> {
  const isMeant = ({ name, fingerprint }: { readonly name: string; readonly fingerprint: string }) =>
    name === given || fingerprint === given;
  const embeds = (await inference.models()).filter(({ role }) => role === "retrieval");
  const served = embeds.find(isMeant);
  if (served) return served;
  const registered = await listModels(db);
  const idle = registered.find(isMeant);
  if (idle) return await inference.loadModel(idle);
  const known = [...new Set([...embeds, ...registered].map(({ name }) => `"${name}"`))].join(", ");
  const hint = "Register it with registerModel first";
  return refuse("NOT_FOUND", `There is no model "${given}" that embeds (there are: ${known}). ${hint}.`, [
    "input",
    "model",
  ]);
}

export const rollbackSpace: NonNullable<MutationResolvers["rollbackSpace"]> = (
  _root,
  { corpus: name, force },
  context,
) =>
  answered({ corpus: null }, ["corpus"], async () => {
    const corpus = await requireCorpus(context, name, ["corpus"]);
    const change = { corpusId: corpus.id, forced: force };
    const { space, switched, missing } = await rollBackSpace(context, change).catch((error: unknown) => {
      if (error instanceof SearchError) return refuse("CONFLICT", error.message, ["corpus"]);
      throw error;
    });
    if (switched) return { corpus };
    const found = `${missing} pictures have no vector in the space of "${space.name}" yet`;
    return refuse("INCOMPLETE", `${found}. Wait until they have, or force the change.`, ["corpus"]);
  });

export const retireSpace: NonNullable<MutationResolvers["retireSpace"]> = (_root, { corpus: name, spaceId }, context) =>
  answered({ vectorsRemoved: 0 }, ["spaceId"], async () => {
    const { id: corpusId } = await requireCorpus(context, name, ["corpus"]);
    return { vectorsRemoved: await context.db.transaction((tx) => retireInStorage(tx, { corpusId, spaceId })) };
  });

export const comparison: NonNullable<OperationResolvers["comparison"]> = async ({ id, kind }, _query, { db }) => {
  if (kind !== "REINDEX") return null;
  const found = (await findReindex(db, id))?.comparison as Compared | null | undefined;
  return found ? comparisonOf(found) : null;
};

function comparisonOf({ coverage, index, queries, before, after, judge, objections }: Compared): SpaceComparison {
  return {
    pictures: coverage.wanted,
    missing: coverage.missing,
    indexRecall: index.recall,
    queries,
    before,
    after,
    judgeName: judge.modelName,
    judgedBetter: judge.better,
    judgedWorse: judge.worse,
    objections: [...objections],
  };
}

import {
  deleteCorpus as deleteInStorage,
  ensureCorpus,
  findCorpus,
  listCorpora,
  pauseCorpus as pauseInStorage,
  resumeCorpus as resumeInStorage,
} from "@medley/storage";
import { visibleTo } from "../access/viewer.ts";
import type {
  AttributeDeclarationResolvers,
  AttributeType,
  CorpusResolvers,
  MutationResolvers,
  QueryResolvers,
  SpaceResolvers,
} from "../generated/schema-types.ts";
import { NAME_OF_CORPUS, requireCorpus } from "./named-corpus.ts";
import { answered, requireText } from "./user-errors.ts";

export const corpora: NonNullable<QueryResolvers["corpora"]> = async (_root, _query, context) =>
  visibleTo(context.viewer, await listCorpora(context.db));

export const corpus: NonNullable<QueryResolvers["corpus"]> = (_root, { name }, context) => findCorpus(context.db, name);

export const Corpus: CorpusResolvers = {
  imageCount: ({ id }, _query, { corpusReads }) => corpusReads.imageCount.load(id),
  activeSpace: ({ id }, _query, { corpusReads }) => corpusReads.activeSpace.load(id),
  spaces: ({ id }, _query, { corpusReads }) => corpusReads.spaces.load(id),
  attributes: async ({ id }, _query, { corpusReads }) => [...(await corpusReads.attributes.load(id))],
  coverage: ({ id }, _query, { coverageByCorpus }) => coverageByCorpus.load(id),
  questions: ({ id }, _query, { corpusReads }) => corpusReads.questions.load(id),
};

export const createCorpus: NonNullable<MutationResolvers["createCorpus"]> = (_root, { name }, { db }) =>
  answered({ corpus: null }, ["name"], async () => ({
    corpus: await ensureCorpus(db, { name: requireText(name, ["name"], NAME_OF_CORPUS) }),
  }));

export const deleteCorpus: NonNullable<MutationResolvers["deleteCorpus"]> = (_root, { corpus: name }, context) =>
  answered({ deletedCorpusId: null, operation: null }, ["corpus"], async () => {
    const { id } = await requireCorpus(context, name, ["corpus"]);
    return { deletedCorpusId: id, operation: await context.db.transaction((tx) => deleteInStorage(tx, id)) };
  });

export const pauseCorpus: NonNullable<MutationResolvers["pauseCorpus"]> = (_root, { corpus: name }, context) =>
  answered({ corpus: null }, ["corpus"], async () => {
    const corpus = await requireCorpus(context, name, ["corpus"]);
    return { corpus: { ...corpus, pausedAt: await pauseInStorage(context.db, corpus.id) } };
  });

export const resumeCorpus: NonNullable<MutationResolvers["resumeCorpus"]> = (_root, { corpus: name }, context) =>
  answered({ corpus: null }, ["corpus"], async () => {
    const corpus = await requireCorpus(context, name, ["corpus"]);
    await resumeInStorage(context.db, corpus.id);
    return { corpus: { ...corpus, pausedAt: null } };
  });

export const AttributeDeclaration: AttributeDeclarationResolvers = {
  type: ({ type }) => type.toUpperCase() as AttributeType,
  values: ({ values }) => values && [...values],
};

export const Space: SpaceResolvers = {
  modelFingerprint: (space) => space.fingerprint,
};

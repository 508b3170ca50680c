import {
  activeSpace,
  attributeSchemaOf,
  countImages,
  findCorpus,
  listCorpora,
  STEPS,
  stepCounts,
} from "@medley/storage";
import { visibleTo } from "../access/viewer.ts";
import type {
  AttributeDeclarationResolvers,
  AttributeType,
  CorpusResolvers,
  QueryResolvers,
  SpaceResolvers,
} from "../generated/schema-types.ts";

export const corpora: NonNullable<QueryResolvers["corpora"]> = async (_root, _query, context) =>
  visibleTo(context.viewer, await listCorpora(context.db));

export const corpus: NonNullable<QueryResolvers["corpus"]> = (_root, { name }, context) => findCorpus(context.db, name);

export const Corpus: CorpusResolvers = {
  imageCount: ({ id }, _query, { db }) => countImages(db, id),
  activeSpace: ({ id }, _query, { db }) => activeSpace(db, id),
  attributes: async ({ id }, _query, { db }) => [...(await attributeSchemaOf(db, id))],
  async coverage({ id }, _query, { db }) {
    const space = await activeSpace(db, id);
    const counts = await stepCounts(db, id, space?.id ?? null);
    return STEPS.map((step) => {
      const { pending, leased, ...settled } = counts[step];
      return { step, ...settled, waiting: pending + leased };
    });
  },
};

export const AttributeDeclaration: AttributeDeclarationResolvers = {
  type: ({ type }) => type.toUpperCase() as AttributeType,
  values: ({ values }) => values && [...values],
};

export const Space: SpaceResolvers = {
  modelFingerprint: (space) => space.fingerprint,
};

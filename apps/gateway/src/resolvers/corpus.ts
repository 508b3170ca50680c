import { activeSpace, countImages, findCorpus, listCorpora, type Queryable, STEPS, stepCounts } from "@medley/storage";
import type { CorpusResolvers, QueryResolvers, SpaceResolvers, StepCoverage } from "../generated/schema-types.ts";

export const corpora: NonNullable<QueryResolvers["corpora"]> = async (_root, _query, context) => [
  ...(await listCorpora(context.db)),
];

export const corpus: NonNullable<QueryResolvers["corpus"]> = (_root, { name }, context) => findCorpus(context.db, name);

export const Corpus: CorpusResolvers = {
  imageCount: ({ id }, _query, { db }) => countImages(db, id),
  activeSpace: ({ id }, _query, { db }) => activeSpace(db, id),
  coverage: ({ id }, _query, { db }) => coverageOf(db, id),
};

/** How far each step of a corpus is, in its active space. */
export async function coverageOf(db: Queryable, corpusId: string): Promise<StepCoverage[]> {
  const space = await activeSpace(db, corpusId);
  const counts = await stepCounts(db, corpusId, space?.id ?? null);
  return STEPS.map((step) => {
    const { pending, leased, ...settled } = counts[step];
    return { step, ...settled, waiting: pending + leased };
  });
}

export const Space: SpaceResolvers = {
  modelFingerprint: (space) => space.fingerprint,
};

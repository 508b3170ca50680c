import {
  declareQuestion as declareInStorage,
  requestRenewal,
  retireQuestion as retireInStorage,
} from "@medley/storage";
import type { GatewayContext } from "../context.ts";
import type { MutationResolvers, QuestionResolvers } from "../generated/schema-types.ts";
import { requireCorpus } from "./named-corpus.ts";
import { answered } from "./user-errors.ts";

export const declareQuestion: NonNullable<MutationResolvers["declareQuestion"]> = (_root, { input }, context) =>
  answered({ question: null }, ["input"], async () => {
    const { corpus, ...asked } = input;
    const { id } = await requireCorpus(context, corpus, ["input", "corpus"]);
    return { question: (await context.db.transaction((tx) => declareInStorage(tx, id, asked))).question };
  });

export const retireQuestion: NonNullable<MutationResolvers["retireQuestion"]> = (_root, { corpus, name }, context) =>
  answered({ question: null }, ["name"], async () => {
    const { id } = await requireCorpus(context, corpus, ["corpus"]);
    return { question: await retireInStorage(context.db, id, name) };
  });

export const renewAnswers: NonNullable<MutationResolvers["renewAnswers"]> = (_root, { corpus, name }, context) =>
  answered({ question: null }, ["name"], async () => {
    const { id } = await requireCorpus(context, corpus, ["corpus"]);
    return { question: await requestRenewal(context.db, id, name) };
  });

export const Question: QuestionResolvers = {
  answers: ({ answers }) => answers && [...answers],
  coverage: async (question, _query, context) => (await countsOf(question, context)) ?? NOTHING,
  models: async (question, _query, context) => [...((await countsOf(question, context))?.models ?? [])],
};

/** Of a question that was retired just now nothing is counted any more. */
const NOTHING = { images: 0, answered: 0, failed: 0, excluded: 0, pending: 0, counting: 0 };

async function countsOf({ id, corpusId }: { id: string; corpusId: string }, context: GatewayContext) {
  const all = await context.questionCoverageByCorpus.load(corpusId);
  return all.find(({ questionId }) => questionId === id);
}

import { explainCaption as explainInStorage } from "@medley/storage";
import type { CaptionExplanationResolvers, QueryResolvers } from "../generated/schema-types.ts";

export const explainCaption: NonNullable<QueryResolvers["explainCaption"]> = (_root, { captionId }, { db }) =>
  explainInStorage(db, captionId);

export const CaptionExplanation: CaptionExplanationResolvers = {
  scores: ({ scores }) => [...scores],
  decisions: ({ decisions }) => [...decisions],
  reviews: ({ reviews }) => [...reviews],
};

import type { Resolvers } from "../generated/schema-types.ts";
import { Corpus, corpora, corpus, Space } from "./corpus.ts";
import { CaptionExplanation, explainCaption } from "./explain-caption.ts";
import { Answer, ask, caption, Image, image } from "./image.ts";
import { SearchConnection, SearchEdge, SearchReport, search } from "./search.ts";

export const resolvers: Resolvers = {
  Query: { search, image, caption, ask, explainCaption, corpora, corpus },
  Answer,
  CaptionExplanation,
  Corpus,
  Image,
  SearchConnection,
  SearchEdge,
  SearchReport,
  Space,
};

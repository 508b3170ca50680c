import type { Resolvers } from "../generated/schema-types.ts";
import { Corpus, corpora, corpus, Space } from "./corpus.ts";
import { Classification, classify, DescribingText, describe, ImageDescription } from "./describe.ts";
import { CaptionExplanation, explainCaption } from "./explain-caption.ts";
import { Answer, ask, caption, Image, image } from "./image.ts";
import { SearchConnection, SearchEdge, SearchReport, search } from "./search.ts";

export const resolvers: Resolvers = {
  Query: { search, image, caption, ask, describe, classify, explainCaption, corpora, corpus },
  Answer,
  CaptionExplanation,
  Classification,
  Corpus,
  DescribingText,
  Image,
  ImageDescription,
  SearchConnection,
  SearchEdge,
  SearchReport,
  Space,
};

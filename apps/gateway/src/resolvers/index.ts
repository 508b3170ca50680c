import type { Resolvers } from "../generated/schema-types.ts";
import { AttributeDeclaration, Corpus, corpora, corpus, Space } from "./corpus.ts";
import { Classification, classify, DescribingText, describe, ImageDescription } from "./describe.ts";
import { CaptionExplanation, explainCaption } from "./explain-caption.ts";
import { Answer, ask, caption, Image, image, NearDuplicate } from "./image.ts";
import { SearchConnection, SearchEdge, SearchReport, search } from "./search.ts";

export const resolvers: Resolvers = {
  Query: { search, image, caption, ask, describe, classify, explainCaption, corpora, corpus },
  Answer,
  AttributeDeclaration,
  CaptionExplanation,
  Classification,
  Corpus,
  DescribingText,
  Image,
  ImageDescription,
  NearDuplicate,
  SearchConnection,
  SearchEdge,
  SearchReport,
  Space,
};

import type { Resolvers } from "../generated/schema-types.ts";
import { Corpus, corpora, corpus, Space } from "./corpus.ts";
import { Answer, ask, Caption, caption, Image, image } from "./image.ts";
import { JSONValue } from "./json.ts";
import { SearchConnection, SearchEdge, SearchReport, search } from "./search.ts";

export const resolvers: Resolvers = {
  Query: { search, image, caption, ask, corpora, corpus },
  Answer,
  Caption,
  Corpus,
  Image,
  JSON: JSONValue,
  SearchConnection,
  SearchEdge,
  SearchReport,
  Space,
};

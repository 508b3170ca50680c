import { searchImages } from "@medley/search";
import { badUserInput } from "../errors.ts";
import type {
  QueryResolvers,
  SearchConnectionResolvers,
  SearchEdgeResolvers,
  SearchReportResolvers,
} from "../generated/schema-types.ts";

export const search: NonNullable<QueryResolvers["search"]> = (_root, query, context) =>
  searchImages(context, { ...query, deadlineMs: context.searchDeadlineMs });

export const SearchConnection: SearchConnectionResolvers = {
  edges: (result) => [...result.hits],
};

export const SearchEdge: SearchEdgeResolvers = {
  rank: (hit) => hit.rankAfterRerank,
  async node(hit, _query, context) {
    const image = await context.imageById.load(hit.imageId);
    if (image === null) throw badUserInput(`Image "${hit.imageId}" was removed while the search ran. Search again.`);
    return image;
  },
};

export const SearchReport: SearchReportResolvers = {
  indexMode: (report) => (report.indexMode === "exact" ? "EXACT" : "HNSW"),
  stages: (report) => [...report.stages],
  degraded: (report) => [...report.degraded],
  matchFailures: (report) => [...report.matchFailures],
};

import type { EvidenceMapResolvers, EvidenceResolvers } from "../generated/schema-types.ts";
import { overlayParameter } from "../evidence-overlay.ts";

export const Evidence: EvidenceResolvers = {
  map: (evidence) => (evidence.map === null ? null : { ...evidence.map, image: evidence.image }),
};

export const EvidenceMap: EvidenceMapResolvers = {
  values: ({ rows, columns, values }) =>
    Array.from({ length: rows }, (_, row) =>
      Array.from(values.subarray(row * columns, (row + 1) * columns), (value) => Math.round(value * 10_000) / 10_000),
    ),
  method: ({ method }) => (method === "patchCosine" ? "PATCH_COSINE" : "CROSS_ATTENTION"),
  peakCosine: ({ peakCosine }) => peakCosine ?? null,
  overlayUrl({ image, ...map }, _query, { pictureLink }) {
    const link = pictureLink("evidence", image.id);
    return `${link}${link.includes("?") ? "&" : "?"}${overlayParameter(map)}`;
  },
};

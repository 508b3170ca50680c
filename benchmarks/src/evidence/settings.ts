/** A way of making maps: what `evidence` of a model set says. */
export interface Setting {
  readonly name: string;
  /** Absent: the default of a model set that says nothing. */
  readonly evidence?: Readonly<Record<string, unknown>> & { readonly method: string };
}

const COSINE: Setting = { name: "patch cosine", evidence: { method: "patchCosine" } };
const DEFAULT: Setting = { name: "cross-attention, default" };
/** Of the bundled model. */
const LAYERS = [0, 1, 2, 3];

function attention(layer: number, contrast: string, heads?: readonly number[]): Setting {
  const name = `cross-attention, layer ${layer}${heads ? `, heads ${heads.join(", ")}` : ""}, ${contrast}`;
  return { name, evidence: { method: "crossAttention", layer, contrast, ...(heads && { heads }) } };
}

export const SETTINGS = {
  shipped: [COSINE, DEFAULT],
  all: [
    COSINE,
    ...LAYERS.flatMap((layer) => [attention(layer, "ratio"), attention(layer, "difference")]),
    attention(1, "ratio", [0]),
    attention(1, "ratio", [10]),
  ],
} as const satisfies Record<string, readonly Setting[]>;

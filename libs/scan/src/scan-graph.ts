import { createGraph, type Graph, type GraphBuilder, int64, one, type StoredTensor, type Value } from "@medley/onnx";

/** What the graph's constants are; all but the scales lie in files and are mapped. */
export interface ScanTensors {
  readonly rows: number;
  readonly dimensions: number;
  /** float32 [rows, dimensions], for the exact order of the candidates. */
  readonly vectors: StoredTensor;
  /** uint8 [rows, 32], what is handed out beside a row's place. */
  readonly digests: StoredTensor;
  readonly segments: readonly Segment[];
}

/** Consecutive rows whose scores are held at once. */
export interface Segment {
  readonly first: number;
  readonly rows: number;
  /** int8 [dimensions, rows]; the runtime packs it into a copy of its own and lets go of the file. */
  readonly codes: StoredTensor;
  /** [rows]; a row's vector is its codes times this. */
  readonly scales: Float32Array;
}

/** Cosine that rows which may not be found are given: below every real one. */
export const BARRED = -4;

/** Added to the scores of rows that may not be found. Scores are up to sqrt(dimensions), 45 for 2,000. */
export const BAR = -1_000;

/**
 * Nearest rows of unit vectors: all rows in int8, then the best of them in float32.
 *
 *   query [Q, D] -> / largest -> DynamicQuantizeMatMul codes [D, S] + bars [S] -> TopK(candidates)   for each segment of S rows
 *                                                     all segments -> TopK(candidates) -> vectors @ query -> TopK(hits)
 *
 * Inputs: query float32 [Q, D], each of length 1; bars float32 [rows], 0 where a row may be found and BAR where not; candidates and hits int64 [1],
 * candidates no more than the rows of the smallest segment and no fewer than hits.
 * Outputs, best first: cosines float32 [Q, hits], BARRED where too few rows may be found; positions int32 [Q, hits]; digests uint8 [Q, hits, 32].
 */
export function buildScanGraph({ rows, dimensions, vectors, digests, segments }: ScanTensors): Graph {
  const g = createGraph("scan");
  const query = g.input("query", "float32", ["queries", dimensions]);
  const bars = g.input("bars", "float32", [rows]);
  const candidates = g.input("candidates", "int64", [1]);
  const hits = g.input("hits", "int64", [1]);

  // The runtime takes one scale for all queries of a run; with the largest number of each at 1 none is served worse beside another.
  const largest = one(g, "ReduceMax", [one(g, "Abs", [query], query.shape), int64(g, [1])], ["queries", 1], {
    keepdims: 1,
  });
  const scaled = one(g, "Div", [query, largest], query.shape);
  const best: Ranked[] = [];
  for (const segment of segments) {
    best.push(scanSegment(g, segment, { rows, scaled: after(g, scaled, best.at(-1)), bars, candidates }));
  }
  const [scores, places] = best.length === 1 ? (best[0] as Ranked) : joinSegments(g, best, candidates);

  const compared = one(g, "Gather", [g.external(vectors), places], ["queries", "candidates", dimensions], { axis: 0 });
  const column = one(g, "Unsqueeze", [query, int64(g, [2])], ["queries", dimensions, 1]);
  const product = one(g, "MatMul", [compared, column], ["queries", "candidates", 1]);
  const exact = one(g, "Squeeze", [product, int64(g, [2])], ["queries", "candidates"]);
  const bar = g.constant(Float32Array.of(BAR / 2), []);
  const isBarred = g.node("Less", [scores, bar], [{ elementType: "bool", shape: scores.shape }])[0] as Value;
  const cosines = g.node(
    "Where",
    [isBarred, g.constant(Float32Array.of(BARRED), []), exact],
    [{ elementType: "float32", shape: exact.shape }],
  )[0] as Value;
  const [nearest, order] = topK(g, cosines, hits, "hits");
  const positions = one(g, "GatherElements", [places, order], ["queries", "hits"], { axis: 1 });
  g.output("cosines", nearest);
  g.output(
    "positions",
    g.node("Cast", [positions], [{ elementType: "int32", shape: positions.shape }], { to: INT32 })[0] as Value,
  );
  g.output("digests", one(g, "Gather", [g.external(digests), positions], ["queries", "hits", 32], { axis: 0 }));
  return g.finish();
}

const INT32 = 6;

/** Scores or cosines, best first, and the rows that they are of. */
type Ranked = readonly [scores: Value, places: Value];

function scanSegment(
  g: GraphBuilder,
  { first, rows, codes, scales }: Segment,
  { rows: all, scaled, bars, candidates }: { rows: number; scaled: Value; bars: Value; candidates: Value },
): Ranked {
  const here =
    rows === all ? bars : one(g, "Slice", [bars, int64(g, [first]), int64(g, [first + rows]), int64(g, [0])], [rows]);
  // The bars go in as a bias, which the runtime adds while it scales the sums: in a step of its own it would write all scores a second time.
  const inputs = [scaled, g.external(codes), g.constant(scales, [rows]), undefined, here];
  const scores = one(g, "DynamicQuantizeMatMul", inputs, ["queries", rows], {}, "com.microsoft");
  const [best, places] = topK(g, scores, candidates, "candidates");
  return [best, first === 0 ? places : one(g, "Add", [places, int64(g, [first])], places.shape)];
}

/**
 * The same query, but not before a segment's best are known. Otherwise the runtime computes the scores of all segments first and holds them at once, which
 * took 128 bytes a row for 32 queries.
 */
function after(g: GraphBuilder, scaled: Value, done: Ranked | undefined): Value {
  if (done === undefined) return scaled;
  const first = one(g, "Slice", [done[0], int64(g, [0]), int64(g, [1]), int64(g, [1])], ["queries", 1]);
  const nothing = one(g, "Mul", [first, g.constant(Float32Array.of(0), [])], ["queries", 1]);
  return one(g, "Add", [scaled, nothing], scaled.shape);
}

function joinSegments(g: GraphBuilder, ranked: readonly Ranked[], candidates: Value): Ranked {
  const join = (values: readonly Value[]) => one(g, "Concat", values, ["queries", "joined"], { axis: 1 });
  const [scores, order] = topK(g, join(ranked.map(([one]) => one)), candidates, "candidates");
  const places = one(
    g,
    "GatherElements",
    [join(ranked.map(([, places]) => places)), order],
    ["queries", "candidates"],
    {
      axis: 1,
    },
  );
  return [scores, places];
}

/** The largest of the last axis, best first, and where they stood. */
function topK(g: GraphBuilder, values: Value, count: Value, size: string): Ranked {
  const shape = ["queries", size];
  const results = [
    { elementType: "float32" as const, shape },
    { elementType: "int64" as const, shape },
  ];
  return g.node("TopK", [values, count], results, { axis: -1, largest: 1, sorted: 1 }) as unknown as Ranked;
}

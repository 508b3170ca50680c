import { createGraph, writeModel } from "@medley/onnx";
import * as ort from "onnxruntime-node";
import { FULL_RANGE, SAFE_RANGE } from "../quantise.ts";

/**
 * The largest code that this processor multiplies without cutting sums off: the runtime itself is asked, with the largest numbers there are, in
 * a run of one query and in one of several, which it computes in different ways.
 */
export async function codeRange(dimensions: number): Promise<number> {
  const columns = 64;
  const g = createGraph("probe");
  const query = g.input("query", "uint8", ["queries", dimensions]);
  const codes = g.constant(new Uint8Array(columns * dimensions).fill(FULL_RANGE), [dimensions, columns]);
  const signed = g.node("Cast", [codes], [{ elementType: "int8", shape: codes.shape }], { to: 3 })[0];
  g.output(
    "products",
    g.node("MatMulInteger", [query, signed], [{ elementType: "int32", shape: ["queries", columns] }])[0] ?? query,
  );
  const session = await ort.InferenceSession.create(writeModel(g.finish(), "."), {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  try {
    for (const queries of [1, 5, 32]) {
      const largest = new Uint8Array(queries * dimensions).fill(255);
      const output = await session.run({ query: new ort.Tensor("uint8", largest, [queries, dimensions]) });
      const products = output["products"]?.data as Int32Array;
      if (products.some((product) => product !== dimensions * 255 * FULL_RANGE)) return SAFE_RANGE;
    }
    return FULL_RANGE;
  } finally {
    await session.release();
  }
}

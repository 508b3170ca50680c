import { describe, expect, test } from "vitest";
import type { StoredTensor } from "../checkpoint/stored-tensor.ts";
import { createGraph } from "./graph.ts";
import { add, gemm, matmul, softmax } from "./operators.ts";
import { externalFolder, writeModel } from "./write-model.ts";

function tensor(name: string, file: string, shape: readonly number[]): StoredTensor {
  const lengthBytes = shape.reduce((product, size) => product * size, 4);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  return { name, elementType: "float32", shape, strides, contiguous: true, file, offsetBytes: 64, lengthBytes };
}

describe("the graph builder", () => {
  test("refuses operands that do not fit and says both shapes", () => {
    const g = createGraph("test");
    const x = g.input("x", "float32", ["rows", 4]);
    const weight = g.external(tensor("w", "/models/a.safetensors", [3, 5]));
    expect(() => gemm(g, x, weight)).toThrow('"x" has shape [rows,4], which does not fit "w[3,5]" with [3,5]');
    expect(() => matmul(g, x, weight)).toThrow("does not fit");
    expect(() => add(g, x, g.constant(Float32Array.of(1, 2, 3), [3]))).toThrow("does not fit");
  });

  test("stores equal constants once and every weight by its place in the file", () => {
    const g = createGraph("test");
    const x = g.input("x", "float32", ["rows", 4]);
    const one = g.constant(Float32Array.of(1), []);
    expect(g.constant(Float32Array.of(1), [])).toBe(one);
    const weight = tensor("w", "/models/a.safetensors", [3, 4]);
    g.output("y", softmax(g, add(g, gemm(g, x, g.external(weight)), one)));
    const graph = g.finish();
    expect(graph.initializers).toHaveLength(2);
    const external = graph.initializers.find((initializer) => initializer.kind === "external");
    expect(external).toMatchObject({ tensor: weight });
    const bytes = writeModel(graph, "/models");
    expect(bytes.length).toBeLessThan(1000);
    expect(Buffer.from(bytes).includes("a.safetensors")).toBe(true);
  });

  test("names the deepest folder that holds every file of a graph", () => {
    const g = createGraph("test");
    g.external(tensor("a", "/cache/blobs/one", [2, 2]));
    g.external(tensor("b", "/cache/blobs/two", [2, 2]));
    expect(externalFolder(g.finish())).toBe("/cache/blobs");
    g.external(tensor("c", "/cache/snapshots/three", [2, 2]));
    expect(externalFolder(g.finish())).toBe("/cache");
    expect(externalFolder(createGraph("empty").finish())).toBeUndefined();
  });

  test("refuses to refer in place to a tensor with gaps", () => {
    const g = createGraph("test");
    expect(() => g.external({ ...tensor("t", "/a", [2, 2]), contiguous: false })).toThrow("cannot be referred to");
  });

  test("puts the path of scopes in front of node names", () => {
    const g = createGraph("test");
    const x = g.input("x", "float32", [1, 4]);
    g.output(
      "y",
      g.scope("layers.0", () => g.scope("attention", () => softmax(g, x))),
    );
    expect(g.finish().nodes[0]?.name).toMatch(/^layers\.0\/attention\/Softmax_\d+$/);
  });
});

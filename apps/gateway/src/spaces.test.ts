import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeFingerprint } from "@medley/inference-api/testing";
import { openSampleLibrary, type SampleLibrary } from "@medley/search/testing";
import {
  claimReindex,
  completeSteps,
  saveComparison,
  saveEmbeddings,
  switchSpace,
  updateOperation,
} from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServedGateway, serveGateway } from "./testing/serve.ts";

const modelDirectory = mkdtempSync(join(tmpdir(), "medley-models-"));
const FINGERPRINT = fakeFingerprint(join(modelDirectory, "second"));

let library: SampleLibrary;
let gateway: ServedGateway;
beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 4 });
  gateway = await serveGateway({ ...library, modelDirectory });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await library?.[Symbol.asyncDispose]();
});

const ERRORS = "userErrors { code message path }";

async function change(field: string, variables: object, result = "") {
  const input = "input" in variables;
  const type = { registerModel: "RegisterModelInput!", reindex: "ReindexInput!" }[field] ?? "";
  const [declared, passed] = input ? [`($input: ${type})`, "(input: $input)"] : ["", `(${inline(variables)})`];
  const reply = await gateway.graphql(`mutation${declared} { ${field}${passed} { ${result} ${ERRORS} } }`, variables);
  expect(reply.errors).toBeUndefined();
  return reply.data[field];
}

function inline(values: object): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .join(", ");
}

const spacesNow = async () => {
  const fields = "activeSpace { modelFingerprint } spaces { state vectorCount space { id modelFingerprint } }";
  return (await gateway.graphql(`{ corpus(name: "${library.corpus.name}") { ${fields} } }`)).data.corpus;
};

test("registers a checkpoint of the installation and no other file of the machine", async () => {
  const register = (checkpoint: string, name = "second", itcWeight = 2) =>
    change(
      "registerModel",
      { input: { name, checkpoint, itcWeight } },
      "model { name fingerprint roles served itcWeight }",
    );
  const { userErrors: outside } = await register("../second");
  expect(outside).toEqual([
    {
      code: "INVALID_VALUE",
      message: 'checkpoint is "../second", expected a folder or file in the folder "models" of the installation.',
      path: ["input", "checkpoint"],
    },
  ]);
  for (const path of ["/etc/passwd", "", "a\nb", "."]) {
    expect((await register(path)).userErrors).toMatchObject([{ code: "INVALID_VALUE" }]);
  }
  for (const weight of [-1, 1e308]) {
    const path = ["input", "itcWeight"];
    expect((await register("second", "second", weight)).userErrors).toMatchObject([{ code: "INVALID_VALUE", path }]);
  }
  expect((await register("missing")).userErrors).toMatchObject([{ code: "NOT_FOUND", path: ["input", "checkpoint"] }]);
  const model = { name: "second", fingerprint: FINGERPRINT, roles: [], served: true, itcWeight: 2 };
  expect(await register("second")).toEqual({ model, userErrors: [] });
  expect(await register("second")).toEqual({ model, userErrors: [] });
  expect((await register("third", "second")).userErrors).toMatchObject([{ code: "CONFLICT" }]);
  const { models } = (await gateway.graphql("{ models { name fingerprint roles served dimensions itcWeight } }")).data;
  expect(models).toContainEqual({ ...model, dimensions: 8 });
  expect(models[0]).toMatchObject({ name: "fake", roles: ["RETRIEVAL", "CAPTIONER", "ANSWERER"] });
});

test("moves a corpus, shows how both spaces compare, goes back and retires", async () => {
  const { db, corpus, space, imageIds } = library;
  const first = space.fingerprint;
  const ask = (input: object) =>
    change("reindex", { input: { corpus: corpus.name, ...input } }, "operation { id kind state }");
  expect((await ask({ model: "nobody" })).userErrors[0]).toMatchObject({ code: "NOT_FOUND", path: ["input", "model"] });
  expect((await ask({ model: first })).userErrors[0]).toMatchObject({ code: "CONFLICT" });
  const { operation } = await ask({ model: "second" });
  expect(operation).toMatchObject({ kind: "REINDEX", state: "QUEUED" });
  expect((await ask({ model: "second" })).userErrors[0].message).toContain(`by operation "${operation.id}"`);
  expect((await spacesNow()).spaces[0]).toMatchObject({ state: "BUILDING", vectorCount: 0 });

  // What a worker does, in short.
  const reindex = await claimReindex(db, { corpusId: corpus.id, worker: "test", leaseMs: 60_000 });
  if (reindex === null) throw new Error("Bug: the reindex is not open");
  const { spaceId } = reindex;
  const rows = imageIds.map((imageId) => ({ imageId, corpusId: corpus.id, embedding: new Float32Array(8).fill(1) }));
  await saveEmbeddings(db, { spaceId, rows });
  for (const step of ["embed", "caption-embed"] as const) await completeSteps(db, { step, spaceId, imageIds });
  const figures = { recallAt1: 0.5, recallAt10: 1, rerankedAt1: 0.75, rerankedAt10: 1 };
  const compared = {
    coverage: { wanted: 4, missing: 0, open: 0, failed: 0 },
    index: { mode: "exact", recall: 1 },
    queries: 4,
    before: figures,
    after: figures,
    judge: { modelName: "fake", modelFingerprint: first, better: 2, worse: 1 },
    objections: [{ code: "TOO_FEW_QUERIES", message: "Only 4." }],
  };
  const operationFields = `{ operation(id: "${operation.id}") { comparison {
    pictures missing indexRecall queries before { recallAt1 } after { rerankedAt1 } judgeName judgedBetter judgedWorse objections { code message }
  } } }`;
  expect((await gateway.graphql(operationFields)).data.operation.comparison).toBeNull();
  await saveComparison(db, { operationId: operation.id, comparison: compared });
  expect((await gateway.graphql(operationFields)).data.operation.comparison).toEqual({
    pictures: 4,
    missing: 0,
    indexRecall: 1,
    queries: 4,
    before: { recallAt1: 0.5 },
    after: { rerankedAt1: 0.75 },
    judgeName: "fake",
    judgedBetter: 2,
    judgedWorse: 1,
    objections: compared.objections,
  });
  await db.transaction((tx) => switchSpace(tx, { ...reindex, mayMiss: 0 }));
  await updateOperation(db, { operationId: operation.id, state: "SUCCEEDED" });
  const search = `{ search(input: { corpus: "${corpus.name}", all: [{ text: "dog" }] }) { report { modelFingerprint modelName itcWeight } edges { rank } } }`;
  const { data, errors } = await gateway.graphql(search);
  expect(errors).toBeUndefined();
  expect(data.search.report).toEqual({ modelFingerprint: FINGERPRINT, modelName: "second", itcWeight: 2 });
  expect(data.search.edges).toHaveLength(4);

  const retire = (id: string) => change("retireSpace", { corpus: corpus.name, spaceId: id }, "vectorsRemoved");
  expect((await retire(spaceId)).userErrors).toMatchObject([{ code: "CONFLICT" }]);
  expect(await change("rollbackSpace", { corpus: corpus.name }, "corpus { activeSpace { id } }")).toEqual({
    corpus: { activeSpace: { id: space.id } },
    userErrors: [],
  });
  expect((await spacesNow()).spaces.map((one: { state: string }) => one.state)).toEqual(["STANDBY", "ACTIVE"]);
  expect(await retire(spaceId)).toEqual({ vectorsRemoved: 4, userErrors: [] });
  expect((await retire("nothing")).userErrors).toMatchObject([{ code: "NOT_FOUND", path: ["spaceId"] }]);
  const { userErrors } = await change("rollbackSpace", { corpus: corpus.name });
  expect(userErrors).toMatchObject([{ code: "CONFLICT", message: expect.stringContaining("none stands by") }]);
});

import { openSampleLibrary, type SampleLibrary } from "@medley/search/testing";
import { findUpkeep, saveUpkeep, updateOperation } from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { firstEvent } from "./testing/first-event.ts";
import { type ServedGateway, serveGateway } from "./testing/serve.ts";

let library: SampleLibrary;
let gateway: ServedGateway;
beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 2 });
  gateway = await serveGateway(library);
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await library?.[Symbol.asyncDispose]();
});

const REINDEX = `mutation ($input: ReindexInput!) {
  reindex(input: $input) { operation { id kind state dryRun } userErrors { code message path } }
}`;
async function ask(input: object) {
  const reply = await gateway.graphql(REINDEX, { input: { corpus: library.corpus.name, ...input } });
  expect(reply.errors).toBeUndefined();
  return reply.data.reindex;
}
const cancel = (id: string) =>
  gateway.graphql("mutation ($id: ID!) { cancelOperation(operationId: $id) { operation { state } } }", { id });

test("opens an operation for each purpose, one at a time, and it can be cancelled", async () => {
  for (const purpose of ["REBUILD_INDEX", "REFILL", "RECAPTION", "REFILTER"]) {
    const { operation, userErrors } = await ask({ purpose });
    expect([operation, userErrors]).toMatchObject([{ kind: purpose, state: "QUEUED", dryRun: false }, []]);
    expect(await ask({ purpose, dryRun: true })).toMatchObject({
      operation: null,
      userErrors: [{ code: "CONFLICT", message: expect.stringContaining(`"${operation.id}"`) }],
    });
    expect((await cancel(operation.id)).data.cancelOperation.operation.state).toBe("CANCELLED");
    const dry = await ask({ purpose, dryRun: true });
    expect(dry.operation).toMatchObject({ kind: purpose, dryRun: true });
    await cancel(dry.operation.id);
  }
});

test("refuses what does not belong to the purpose, says what is wrong and where, and changes nothing", async () => {
  const refused = async (input: object) => (await ask(input)).userErrors[0];
  expect(await refused({})).toEqual({
    code: "INVALID_VALUE",
    message: "The purpose MODEL needs a model.",
    path: ["input", "model"],
  });
  expect(await refused({ purpose: "REFILL", model: "fake" })).toEqual({
    code: "INVALID_VALUE",
    message: "model does not belong to the purpose REFILL, but to MODEL.",
    path: ["input", "model"],
  });
  for (const [input, member] of [
    [{ purpose: "RECAPTION", force: true }, "force"],
    [{ model: "fake", dryRun: true }, "dryRun"],
    [{ purpose: "REFILL", filter: { format: ["png"] } }, "filter"],
    [{ purpose: "RECAPTION", all: true }, "all"],
    [{ purpose: "REFILTER", spaceId: library.space.id }, "spaceId"],
  ] as const) {
    expect(await refused(input)).toMatchObject({ code: "INVALID_VALUE", path: ["input", member] });
  }
  expect(await refused({ corpus: "nowhere", purpose: "REFILL" })).toMatchObject({
    code: "NOT_FOUND",
    path: ["input", "corpus"],
  });
  expect(await refused({ purpose: "REBUILD_INDEX", spaceId: "nothing" })).toMatchObject({
    code: "NOT_FOUND",
    path: ["input", "spaceId"],
    message: expect.stringContaining('no space "nothing"'),
  });
  expect(await refused({ purpose: "RECAPTION", filter: { and: [] } })).toMatchObject({
    code: "INVALID_VALUE",
    path: ["input", "filter"],
    message: expect.stringContaining(`filter's "and" is empty`),
  });
  expect(await refused({ purpose: "RECAPTION", filter: { question: { name: "who", exists: true } } })).toMatchObject({
    code: "INVALID_VALUE",
    path: ["input", "filter"],
    message: expect.stringContaining('no question "who"'),
  });
  const open = await gateway.graphql(`{ operations(corpus: "${library.corpus.name}") { state } }`);
  expect(open.data.operations.every(({ state }: { state: string }) => state === "CANCELLED")).toBe(true);
});

test("shows what was measured of an index and which run was begun, also to subscribers", async () => {
  const { db, space } = library;
  const { operation } = await ask({ purpose: "REBUILD_INDEX" });
  const fields = `{ kind indexRebuild { space { id } vectorCount indexed queries recallBefore recallAfter sizeBytesBefore sizeBytesAfter } captionRunId }`;
  const show = async (id: string) => (await gateway.graphql(`{ operation(id: "${id}") ${fields} }`)).data.operation;
  expect(await show(operation.id)).toEqual({ kind: "REBUILD_INDEX", indexRebuild: null, captionRunId: null });
  const figures = { queries: 100, recallBefore: 0.9, recallAfter: 0.99, sizeBytesBefore: 5e9, sizeBytesAfter: 2e9 };
  const measured = { spaceId: space.id, vectors: 2, indexed: true, ...figures, builds: [] };
  await saveUpkeep(db, { operationId: operation.id, measured });
  const expected = { space: { id: space.id }, vectorCount: 2, indexed: true, ...figures };
  expect(await show(operation.id)).toMatchObject({ indexRebuild: expected });
  const event = await firstEvent(gateway.url, `subscription { operationUpdated(id: "${operation.id}") ${fields} }`, {});
  expect(event.data.operationUpdated).toMatchObject({ kind: "REBUILD_INDEX", indexRebuild: expected });
  await updateOperation(db, { operationId: operation.id, state: "SUCCEEDED" });
  const filtered = await ask({ purpose: "RECAPTION", filter: { addedAt: { from: "2026-01-31" } } });
  expect((await findUpkeep(db, filtered.operation.id))?.filter).toMatchObject({
    addedAt: { from: new Date("2026-01-31") },
  });
});

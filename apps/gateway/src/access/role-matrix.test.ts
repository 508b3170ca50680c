import { join } from "node:path";
import { ROLES, type AccessRole } from "@medley/storage";
import { openPartFiles } from "@medley/storage/part-files";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { firstEvent } from "../testing/first-event.ts";
import { type GraphqlReply, type ServedGateway, serveGateway } from "../testing/serve.ts";
import { type NamedThings, openTwoCorpora, type TwoCorpora } from "../testing/two-corpora.ts";
import { includes } from "./viewer.ts";
import { RIGHTS } from "./rights.ts";

const ERRORS = "userErrors { code message }";

/** How each root field is asked about something. Whoever adds a root field adds its row: the last test counts them. */
const OPERATIONS: Readonly<Record<string, (about: NamedThings) => string>> = {
  "Query.search": ({ corpus }) =>
    `{ search(input: { corpus: "${corpus.name}", all: [{ text: "dog" }] }, first: 2) { edges { rank } } }`,
  "Query.image": ({ imageId }) => `{ image(id: "${imageId}") { id captions { text } } }`,
  "Query.caption": ({ imageId }) => `{ caption(imageId: "${imageId}") { text } }`,
  "Query.ask": ({ imageId }) => `{ ask(imageId: "${imageId}", question: "what?") { text } }`,
  "Query.describe": ({ imageId }) => `{ describe(imageId: "${imageId}") { modelName } }`,
  "Query.classify": ({ imageId }) => `{ classify(imageId: "${imageId}", labels: ["dog"]) { modelName } }`,
  "Query.explainCaption": ({ captionId }) => `{ explainCaption(captionId: "${captionId}") { words } }`,
  "Query.models": () => "{ models { name } }",
  "Query.corpora": () => "{ corpora { name } }",
  "Query.corpus": ({ corpus }) => `{ corpus(name: "${corpus.name}") { name imageCount coverage { step } } }`,
  "Query.upload": ({ uploadId }) => `{ upload(id: "${uploadId}") { state url } }`,
  "Query.operation": ({ operationId }) => `{ operation(id: "${operationId}") { kind coverage { step } } }`,
  "Query.operations": ({ corpus }) => `{ operations(corpus: "${corpus.name}") { kind state } }`,
  "Mutation.createCorpus": ({ corpus }) => `mutation { createCorpus(name: "${corpus.name}") { ${ERRORS} } }`,
  // Where a role may do it there is nothing of that name: both corpora are asked about further on.
  "Mutation.deleteCorpus": () => `mutation { deleteCorpus(corpus: "nowhere") { ${ERRORS} } }`,
  "Mutation.registerModel": () =>
    `mutation { registerModel(input: { name: "other", checkpoint: "missing" }) { ${ERRORS} } }`,
  "Mutation.reindex": ({ corpus }) =>
    `mutation { reindex(input: { corpus: "${corpus.name}", model: "other" }) { ${ERRORS} } }`,
  "Mutation.rollbackSpace": ({ corpus }) => `mutation { rollbackSpace(corpus: "${corpus.name}") { ${ERRORS} } }`,
  "Mutation.retireSpace": ({ corpus }) =>
    `mutation { retireSpace(corpus: "${corpus.name}", spaceId: "${UNKNOWN_ID}") { ${ERRORS} } }`,
  "Mutation.createUpload": ({ corpus }) =>
    `mutation { createUpload(input: { corpus: "${corpus.name}" }) { upload { state } ${ERRORS} } }`,
  "Mutation.completeUpload": ({ uploadId }) => `mutation { completeUpload(uploadId: "${uploadId}") { ${ERRORS} } }`,
  "Mutation.deleteImage": ({ imageId }) => `mutation { deleteImage(imageId: "${imageId}") { bytesRemoved ${ERRORS} } }`,
  "Mutation.cancelOperation": ({ operationId }) =>
    `mutation { cancelOperation(operationId: "${operationId}") { operation { state } ${ERRORS} } }`,
  "Mutation.pauseCorpus": ({ corpus }) => `mutation { pauseCorpus(corpus: "${corpus.name}") { ${ERRORS} } }`,
  "Mutation.resumeCorpus": ({ corpus }) => `mutation { resumeCorpus(corpus: "${corpus.name}") { ${ERRORS} } }`,
  "Mutation.retryFailed": ({ corpus }) => `mutation { retryFailed(corpus: "${corpus.name}") { steps ${ERRORS} } }`,
  "Mutation.declareQuestion": ({ corpus }) =>
    `mutation { declareQuestion(input: { corpus: "${corpus.name}", name: "is it", question: "is it?", type: BOOLEAN }) { ${ERRORS} } }`,
  "Mutation.retireQuestion": ({ corpus }) =>
    `mutation { retireQuestion(corpus: "${corpus.name}", name: "is it") { ${ERRORS} } }`,
  "Mutation.renewAnswers": ({ corpus }) =>
    `mutation { renewAnswers(corpus: "${corpus.name}", name: "is it") { ${ERRORS} } }`,
  "Mutation.correctCaption": ({ captionId }) =>
    `mutation { correctCaption(captionId: "${captionId}", text: "a dog", author: "Ada") { ${ERRORS} } }`,
  "Mutation.reviewCaption": ({ captionId }) =>
    `mutation { reviewCaption(captionId: "${captionId}", verdict: KEPT, reviewer: "Ada") { ${ERRORS} } }`,
  "Mutation.addCaption": ({ imageId }) =>
    `mutation { addCaption(imageId: "${imageId}", text: "a cat", author: "Ada") { ${ERRORS} } }`,
  "Mutation.revertCaptionRun": ({ runId }) => `mutation { revertCaptionRun(runId: "${runId}") { captions ${ERRORS} } }`,
  "Subscription.operationUpdated": ({ operationId }) =>
    `subscription { operationUpdated(id: "${operationId}") { kind coverage { step } } }`,
  "Subscription.uploadUpdated": ({ uploadId }) => `subscription { uploadUpdated(id: "${uploadId}") { state url } }`,
  "Subscription.searchRefined": ({ corpus }) =>
    `subscription { searchRefined(input: { corpus: "${corpus.name}", all: [{ text: "dog" }] }, first: 2) { page { edges { rank } } } }`,
};

/** Ids and names that nothing has, of the same form as real ones. */
const UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";
const UNKNOWN = {
  corpus: { id: UNKNOWN_ID, name: "nowhere", createdAt: new Date(0), pausedAt: null },
  imageId: UNKNOWN_ID,
  captionId: UNKNOWN_ID,
  runId: UNKNOWN_ID,
  uploadId: UNKNOWN_ID,
  operationId: UNKNOWN_ID,
};

let library: TwoCorpora;
let gateway: ServedGateway;
const keys = new Map<AccessRole, { authorization: string }>();
beforeAll(async () => {
  library = await openTwoCorpora();
  const parts = openPartFiles({ directory: join(library.library.home, "uploads") });
  gateway = await serveGateway({ ...library.library, parts, protection: { ratePerKey: 0, ratePerAddress: 0 } });
  for (const role of ROLES) keys.set(role, await library.bearer(role, [library.mine.corpus]));
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await library?.[Symbol.asyncDispose]();
});

async function ask(field: string, about: NamedThings, headers: Record<string, string> = {}): Promise<GraphqlReply> {
  // Whoever may delete a picture does.
  const isGone = field === "Mutation.deleteImage" && about === library.mine;
  const subject = isGone ? { ...about, imageId: await library.addImage(about.corpus) } : about;
  const query = OPERATIONS[field]?.(subject) ?? "";
  if (!field.startsWith("Subscription.")) return await gateway.graphql(query, {}, headers);
  return await firstEvent(gateway.url, query, headers);
}
const codeOf = ({ errors }: GraphqlReply) => errors?.[0]?.extensions["code"] ?? null;
/** Names and ids are what the caller wrote himself: they may differ, nothing else. */
const withoutNames = (reply: GraphqlReply, { corpus, ...ids }: NamedThings) => {
  const { extensions: _cost, ...answer } = reply as GraphqlReply & { extensions?: unknown };
  const text = Object.values(ids).reduce((shown, id) => shown.replaceAll(id, "ID"), JSON.stringify(answer));
  return JSON.parse(text.replaceAll(corpus.name, "NAME"));
};

describe.each(Object.keys(OPERATIONS))("%s", (field) => {
  test.each(ROLES)("%s of the corpus: as the table of rights says", async (role) => {
    const reply = await ask(field, library.mine, keys.get(role));
    const allowed = includes(role, RIGHTS[field]?.least ?? "ADMIN") && RIGHTS[field]?.where !== "all";
    if (allowed) expect(codeOf(reply)).toBeNull();
    else expect(codeOf(reply)).toBe("FORBIDDEN");
    if (allowed) expect(JSON.stringify(reply.data)).not.toMatch(/^\{"\w+":null\}$/);
  });

  test.each(ROLES)("%s of another corpus: the answer is that of something unknown", async (role) => {
    if (RIGHTS[field]?.where !== "named") return;
    const foreign = await ask(field, library.foreign, keys.get(role));
    const unknown = await ask(field, UNKNOWN, keys.get(role));
    expect(withoutNames(foreign, library.foreign)).toEqual(withoutNames(unknown, UNKNOWN));
    expect(JSON.stringify(foreign.data ?? null)).not.toMatch(
      /foreign picture|"rank"|"words"|"imageCount"|"state"|"kind"/,
    );
  });

  test.each([
    ["no key", {}],
    ["a key that nobody made", { authorization: `Bearer medley_${"A".repeat(43)}` }],
    ["a password", { authorization: "Basic bWU6bWU=" }],
    ["no key behind the word", { authorization: "Bearer " }],
    ["SQL", { authorization: "Bearer medley_'or'1'='1" }],
  ])("%s: nothing, before the query is even read", async (_what, headers) => {
    const reply = await ask(field, library.mine, headers);
    expect(reply.status).toBe(401);
    expect(codeOf(reply)).toBe("UNAUTHENTICATED");
    expect(reply.data).toBeUndefined();
  });

  test("VIEWER everywhere: both corpora, as far as a VIEWER may", async () => {
    const everywhere = await library.bearer("VIEWER");
    const expected = RIGHTS[field]?.least === "VIEWER" ? null : "FORBIDDEN";
    expect(codeOf(await ask(field, library.mine, everywhere))).toBe(expected);
    expect(codeOf(await ask(field, library.foreign, everywhere))).toBe(expected);
  });
});

test("lists to each caller the corpora that exist for him", async () => {
  const names = async (headers: object) =>
    (await gateway.graphql("{ corpora { name } }", {}, headers as Record<string, string>)).data.corpora
      .map(({ name }: { name: string }) => name)
      .sort();
  const { mine, foreign } = library;
  expect(await names(keys.get("VIEWER") ?? {})).toEqual([mine.corpus.name]);
  expect(await names(await library.bearer("VIEWER", [foreign.corpus]))).toEqual([foreign.corpus.name]);
  expect(await names(await library.bearer("VIEWER"))).toEqual(
    expect.arrayContaining([mine.corpus.name, foreign.corpus.name]),
  );
});

test("asks the database as often for what a caller may not see as for what does not exist", async () => {
  let statements = 0;
  const { db } = library.library;
  const counting = await serveGateway({
    ...library.library,
    db: {
      ...db,
      query: (text, values) => {
        if (!text.includes("api_keys")) statements += 1;
        return db.query(text, values);
      },
    },
  });
  const count = async (field: string, about: NamedThings) => {
    statements = 0;
    await counting.graphql(OPERATIONS[field]?.(about) ?? "", {}, keys.get("VIEWER"));
    return statements;
  };
  for (const field of Object.keys(OPERATIONS).filter((name) => RIGHTS[name]?.where === "named")) {
    expect(await count(field, library.foreign), field).toBe(await count(field, UNKNOWN));
  }
  await counting[Symbol.asyncDispose]();
});

test("has a row for every field of the table of rights", () => {
  expect(Object.keys(OPERATIONS).sort()).toEqual(Object.keys(RIGHTS).sort());
});

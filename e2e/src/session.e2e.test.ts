import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { demoRows } from "./support/demo.ts";
import { createHome, REPOSITORY, until } from "./support/medley.ts";
import { askGraphql, type Stack, startStack } from "./support/stack.ts";
import { subscribe } from "./support/subscribe.ts";

const FOLDER = join(REPOSITORY, "assets/demo");
const MODEL = join(REPOSITORY, "assets/model/medley-small");
const CORPUS = "session";
const PICTURES = 50;
const SEARCHES = 200;
const SEARCHES_AFTER = 10;
const WAIT_MS = 300_000;
/** Every eighth picture of the demo corpus, so that all of its kinds are there. */
const rows = demoRows(FOLDER)
  .filter((_, index) => index % 8 === 0)
  .slice(0, PICTURES);
const home = createHome();
let stack: Stack;

beforeAll(async () => {
  writeSecondModel(join(home.path, "models/second"));
  stack = await startStack({ home: home.path, empty: true });
}, WAIT_MS);
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

/** The weights of the bundled model behind another filter that resizes pictures: as good, and with other vectors. */
function writeSecondModel(folder: string): void {
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(MODEL, "config.json"), join(folder, "config.json"));
  symlinkSync(join(MODEL, "pytorch_model.bin"), join(folder, "pytorch_model.bin"));
  const preprocessor = JSON.parse(readFileSync(join(MODEL, "preprocessor_config.json"), "utf8")) as object;
  const bilinear = { ...preprocessor, resample: 2 };
  writeFileSync(join(folder, "preprocessor_config.json"), JSON.stringify(bilinear));
}

const graphql = <Data>(query: string, variables?: object) => stack.graphql<Data>(query, variables);
const ERRORS = "userErrors { code message path }";

interface Hit {
  readonly rank: number;
  readonly node: {
    readonly id: string;
    readonly captions: readonly { readonly id: string; readonly source: string }[];
  };
}

interface Found {
  readonly search: {
    readonly edges: readonly Hit[];
    readonly report: { readonly spaceId: string; readonly degraded: readonly object[] };
  };
}

function search(input: string, first = 5): Promise<Found> {
  return graphql<Found>(`{ search(input: { corpus: "${CORPUS}", ${input} }, first: ${first}) {
    edges { rank node { id captions { id source } } } report { spaceId degraded { code message } } } }`);
}

async function upload(row: (typeof rows)[number]): Promise<string> {
  const bytes = readFileSync(join(FOLDER, row.path));
  const { createUpload } = await graphql<{
    createUpload: { upload: { id: string; url: string }; userErrors: object[] };
  }>(`mutation($input: CreateUploadInput!) { createUpload(input: $input) { upload { id url } ${ERRORS} } }`, {
    input: { corpus: CORPUS, name: row.path, text: row.text, sizeBytes: bytes.length },
  });
  expect(createUpload.userErrors).toEqual([]);
  const sent = await fetch(`${stack.url}${createUpload.upload.url}`, { method: "PUT", body: new Uint8Array(bytes) });
  expect(sent.status).toBe(201);
  return createUpload.upload.id;
}

interface Watched {
  readonly state: string;
  readonly counts: readonly { readonly name: string; readonly value: string }[];
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly comparison: { readonly queries: number; readonly objections: readonly object[] } | null;
}

test("a session from an empty database: fifty uploads, four ways to search, a question, a correction, another model under load, and the way back", {
  timeout: WAIT_MS,
}, async () => {
  await graphql(`mutation { createCorpus(name: "${CORPUS}") { ${ERRORS} } }`);
  for (const row of rows) await upload(row);

  interface Work {
    readonly operations: readonly { readonly id: string; readonly state: string; readonly kind: string }[];
    readonly corpus: {
      readonly imageCount: number;
      readonly coverage: readonly { readonly step: string; readonly done: number }[];
    };
  }
  const work = () =>
    graphql<Work>(`{ operations(corpus: "${CORPUS}") { id state kind }
        corpus(name: "${CORPUS}") { imageCount coverage { step done } } }`);
  await until(async () => (await work()).operations.length > 0, WAIT_MS, "an operation begins");
  const { id: operationId } = (await work()).operations.at(-1) ?? { id: "" };
  const events = await subscribe<Watched>(stack.url, "operationUpdated", operationId, "state");
  expect(events.at(-1)?.state).toBe("SUCCEEDED");
  const filtered = async () => (await work()).corpus.coverage.find(({ step }) => step === "filter")?.done === PICTURES;
  await until(filtered, WAIT_MS, "every caption is judged");

  // By text, by a stored picture, by a picture that is sent, and by a picture and a text without another one.
  const target = rows[7] as (typeof rows)[number];
  const byText = await search(`all: [{ text: ${JSON.stringify(target.text)} }]`);
  const imageId = byText.search.edges[0]?.node.id ?? "";
  const byImage = await search(`all: [{ imageId: "${imageId}" }]`);
  expect(byImage.search.edges.map(({ node }) => node.id)).not.toContain(imageId);
  const picture = readFileSync(join(FOLDER, target.path)).toString("base64");
  const byPicture = await search(`all: [{ picture: "${picture}" }]`);
  expect(byPicture.search.edges[0]?.node.id).toBe(imageId);
  const composed = await search(`all: [{ imageId: "${imageId}" }, { text: "an animal" }], none: [{ text: "a car" }]`);
  for (const { search: found } of [byText, byImage, byPicture, composed]) {
    expect(found.edges).toHaveLength(5);
    expect(found.report.degraded).toEqual([]);
  }

  const { ask } = await graphql<{ ask: { text: string; logProbability: number } }>(
    `{ ask(imageId: "${imageId}", question: "what is in the picture?") { text logProbability } }`,
  );
  expect(ask.text).not.toBe("");
  const caption = byText.search.edges[0]?.node.captions.find(({ source }) => source === "SYNTHETIC");
  const { correctCaption } = await graphql<{ correctCaption: { caption: { source: string }; userErrors: object[] } }>(
    `mutation { correctCaption(captionId: "${caption?.id}", text: "a zeppelin made of cheese", author: "Ada") {
        caption { source } ${ERRORS} } }`,
  );
  expect(correctCaption).toEqual({ caption: { source: "HUMAN" }, userErrors: [] });
  await until(
    async () => (await search(`all: [{ text: "a zeppelin made of cheese" }]`)).search.edges[0]?.node.id === imageId,
    WAIT_MS,
    "the correction is found",
  );

  const { registerModel } = await graphql<{ registerModel: { model: { served: boolean }; userErrors: object[] } }>(
    `mutation { registerModel(input: { name: "second", checkpoint: "second", itcWeight: 30 }) { model { served } ${ERRORS} } }`,
  );
  expect(registerModel).toEqual({ model: { served: true }, userErrors: [] });
  const before = byText.search.report.spaceId;
  const { reindex } = await graphql<{ reindex: { operation: { id: string }; userErrors: object[] } }>(
    `mutation { reindex(input: { corpus: "${CORPUS}", model: "second" }) { operation { id } ${ERRORS} } }`,
  );
  expect(reindex.userErrors).toEqual([]);
  const fields = "state counts { name value } error { code message } comparison { queries objections { code } }";
  const moving = subscribe<Watched>(stack.url, "operationUpdated", reindex.operation.id, fields);
  const under = searchUntil(moving);
  const ended = (await moving).at(-1);
  expect(ended).toMatchObject({ state: "SUCCEEDED", error: null, comparison: { objections: [] } });
  expect(ended?.comparison?.queries).toBeGreaterThanOrEqual(20);
  const { spaces, failures, asked } = await under;
  expect(failures).toEqual([]);
  expect(asked).toBeGreaterThanOrEqual(SEARCHES);
  expect(spaces[0]).toBe(before);
  const after = spaces.at(-1);
  expect(after).not.toBe(before);
  // No search went back and forth.
  expect(new Set(spaces).size).toBe(2);

  // What comes now goes into both, so that the way back loses nothing.
  const late = demoRows(FOLDER)[1] as (typeof rows)[number];
  await upload(late);
  interface Spaces {
    readonly corpus: { readonly spaces: readonly { readonly state: string; readonly vectorCount: number }[] };
  }
  const spacesNow = async () =>
    (await graphql<Spaces>(`{ corpus(name: "${CORPUS}") { spaces { state vectorCount } } }`)).corpus.spaces;
  await until(
    async () => (await spacesNow()).every(({ vectorCount }) => vectorCount === PICTURES + 1),
    WAIT_MS,
    "the new picture is in both spaces",
  );
  const { rollbackSpace } = await graphql<{ rollbackSpace: { userErrors: object[] } }>(
    `mutation { rollbackSpace(corpus: "${CORPUS}") { ${ERRORS} } }`,
  );
  expect(rollbackSpace.userErrors).toEqual([]);
  const again = await search(`all: [{ text: ${JSON.stringify(target.text)} }]`);
  expect(again.search.report.spaceId).toBe(before);
  expect(again.search.edges[0]?.node.id).toBe(imageId);
  expect((await spacesNow()).map(({ state }) => state)).toEqual(["STANDBY", "ACTIVE"]);
});

/**
 * Searches two at a time until at least so many were asked, and a few more after the operation has ended: on a fast machine the
 * last search of before may have begun before the switch. Spaces in the order of the questions.
 */
async function searchUntil(ended: Promise<unknown>) {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  ended.then(over, over);
  const failures: string[] = [];
  const spaces: string[] = [];
  let asked = 0;
  let askedAfter = 0;
  const ask = async (): Promise<void> => {
    while (askedAfter < SEARCHES_AFTER || asked < SEARCHES) {
      const place = asked;
      asked += 1;
      if (isOver) askedAfter += 1;
      const row = rows[place % rows.length];
      const query = `{ search(input: { corpus: "${CORPUS}", all: [{ text: ${JSON.stringify(row?.text)} }], rerank: { candidates: 8 } }, first: 5) {
        edges { rank } report { spaceId degraded { message } } } }`;
      try {
        const { search: found } = await askGraphql<Found>(stack.url, query);
        spaces[place] = found.report.spaceId;
        if (found.edges.length < 5 || found.report.degraded.length > 0) failures.push(JSON.stringify(found));
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  await Promise.all([ask(), ask()]);
  return { failures, spaces, asked };
}

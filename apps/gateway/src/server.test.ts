import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { InferenceError } from "@medley/inference-api";
import { openSampleLibrary, type SampleLibrary } from "@medley/search/testing";
import {
  activateFilterPolicy,
  decideCaptions,
  ensureCorpus,
  ensureFilterPolicy,
  saveCaptionScores,
} from "@medley/storage";
import { openBlobStore } from "@medley/storage/blobs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type ServedGateway, serveGateway } from "./testing/serve.ts";

let library: SampleLibrary;
let gateway: ServedGateway;
let corpus: string;
let imageId: string;

beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 12 });
  corpus = library.corpus.name;
  imageId = library.imageIds[0] ?? "";
  const siteDirectory = join(library.home, "site");
  await mkdir(join(siteDirectory, "assets"), { recursive: true });
  await writeFile(join(siteDirectory, "index.html"), "<!doctype html><title>Medley</title>");
  await writeFile(join(siteDirectory, "assets/index-1234.js"), "");
  gateway = await serveGateway({ ...library, siteDirectory });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await library?.[Symbol.asyncDispose]();
});
afterEach(() => {
  for (const method of ["models", "embedTexts", "matchImages", "captionImages", "answerQuestions"])
    library.interrupt(method, null);
  gateway.lines.length = 0;
});

const SEARCH = `query Search($corpus: String!, $text: String!, $first: Int, $candidates: Int) {
  search(input: { corpus: $corpus, all: [{ text: $text }], rerank: { candidates: $candidates } }, first: $first) {
    edges {
      node { id sha256 url thumbnailUrl width height origins attributes captions { text source } }
      itcCosine itmLogit matchProbability rerankScore textShare textCosine textScore fusedScore rankBeforeRerank rank
    }
    report {
      milliseconds indexMode spaceId modelFingerprint itcWeight textWeight
      stages { stage milliseconds }
      candidates { requested retrieved byText reranked }
      degraded { stage code message images }
      matchFailures { imageId code }
    }
  }
}`;
const search = (variables: object = {}) =>
  gateway.graphql(SEARCH, { corpus, text: "a dog on a beach", first: 5, candidates: 128, ...variables });

describe("search", () => {
  test("returns pictures with the scores and ranks of both stages, best first", async () => {
    const { status, data, errors } = await search();
    expect(errors).toBeUndefined();
    expect(status).toBe(200);
    const { edges, report } = data.search;
    expect(edges).toHaveLength(5);
    const [best] = edges;
    expect(best).toMatchObject({ rank: 1, matchProbability: null });
    expect(best.rerankScore).toBeCloseTo(best.itmLogit + best.itcCosine, 9);
    expect(best.node).toMatchObject({
      url: `/images/${best.node.id}`,
      thumbnailUrl: `/thumbnails/${best.node.id}`,
      width: 640,
      height: 480,
      origins: [`/pictures/${best.node.attributes.number}.png`],
      captions: [{ text: `the picture with number ${best.node.attributes.number}`, source: "WEB" }],
    });
    expect(report).toMatchObject({
      indexMode: "EXACT",
      spaceId: library.space.id,
      candidates: { requested: 128, retrieved: 12, byText: 0, reranked: 12 },
      degraded: [],
      matchFailures: [],
    });
    expect(report.stages.map(({ stage }: { stage: string }) => stage)).toEqual([
      "EMBED_QUERY",
      "RETRIEVE",
      "MATCH_TEXTS",
      "RERANK",
    ]);
  });

  test("has defaults for first and candidates", async () => {
    const { data } = await gateway.graphql(
      `query($corpus: String!) { search(input: { corpus: $corpus, all: [{ text: "dog" }] }) { edges { rank } report { candidates { requested } } } }`,
      { corpus },
    );
    expect(data.search.edges).toHaveLength(12);
    expect(data.search.report.candidates.requested).toBe(128);
  });

  test("reads the captions of all hits with one statement", async () => {
    let statements = 0;
    const db = { ...library.db, query: library.db.query };
    const counting = await serveGateway({
      ...library,
      db: {
        ...db,
        query: (text, values) => {
          if (text.includes("from captions")) statements += 1;
          return library.db.query(text, values);
        },
      },
    });
    await counting.graphql(SEARCH, { corpus, text: "dog", first: 12, candidates: 0 });
    await counting[Symbol.asyncDispose]();
    expect(statements).toBe(1);
  });

  test("still answers, and says in what it is less, when re-ranking fails", async () => {
    library.interrupt("matchImages", () => {
      throw new InferenceError("DEADLINE_EXCEEDED", "The model did not answer within 5 ms.");
    });
    const { data, errors } = await search();
    expect(errors).toBeUndefined();
    expect(data.search.edges.map(({ rankBeforeRerank }: { rankBeforeRerank: number }) => rankBeforeRerank)).toEqual([
      1, 2, 3, 4, 5,
    ]);
    expect(data.search.report.degraded).toMatchObject([{ stage: "RERANK", code: "DEADLINE_EXCEEDED", images: 12 }]);
    expect(data.search.report.matchFailures).toHaveLength(12);
  });

  test("names the one picture whose bytes are gone and re-ranks the others", async () => {
    const { data } = await search({ first: 12 });
    const lost = data.search.edges[0].node;
    const path = openBlobStore({ directory: join(library.home, "blobs") }).pathOf(lost.sha256);
    const bytes = await readFile(path);
    const { rm } = await import("node:fs/promises");
    await rm(path);
    const after = await search({ first: 12 });
    await writeFile(path, bytes);
    expect(after.data.search.edges[11].node.id).toBe(lost.id);
    expect(after.data.search.report.matchFailures).toEqual([{ imageId: lost.id, code: "IMAGE_NOT_FOUND" }]);
    expect(after.data.search.report.candidates.reranked).toBe(11);
  });

  test.each([
    [{ text: "   " }, "INVALID_QUERY", "all[0].text is empty"],
    [{ first: 0 }, "INVALID_QUERY", "first is 0"],
    [{ first: 501 }, "INVALID_QUERY", "first is 501"],
    [{ candidates: 1001 }, "INVALID_QUERY", "candidates is 1001"],
    [{ candidates: -1 }, "INVALID_QUERY", "candidates is -1"],
    [{ corpus: "nowhere" }, "CORPUS_NOT_FOUND", 'no corpus "nowhere"'],
  ])("refuses %o as bad input", async (variables, reason, message) => {
    const { errors } = await search(variables);
    expect(errors?.[0]?.extensions).toMatchObject({ code: "BAD_USER_INPUT", reason });
    expect(errors?.[0]?.message).toContain(message);
  });

  test("refuses values of the wrong type as bad input", async () => {
    const { errors } = await search({ first: "many" });
    expect(errors?.[0]?.extensions["code"]).toBe("BAD_USER_INPUT");
  });

  test("answers by the words of texts, and says so, when the models cannot be reached", async () => {
    library.interrupt("embedTexts", () => {
      throw new InferenceError("UNAVAILABLE", "The inference server is not reachable at http://127.0.0.1:1.");
    });
    const { data, errors } = await search({ text: "number 3" });
    expect(errors).toBeUndefined();
    expect(data.search.edges[0]).toMatchObject({
      itcCosine: null,
      itmLogit: null,
      node: { attributes: { number: 3 } },
    });
    expect(data.search.report.degraded).toMatchObject([{ stage: "EMBED_QUERY", code: "UNAVAILABLE" }]);
  });

  test("says that the models cannot be reached where nothing else can answer, and logs why", async () => {
    library.interrupt("answerQuestions", () => {
      throw new InferenceError("UNAVAILABLE", "The inference server is not reachable at http://127.0.0.1:1.");
    });
    const { data, errors } = await gateway.graphql(
      `query($id: ID!) { ask(imageId: $id, question: "what is it") { text } }`,
      { id: imageId },
    );
    expect(data).toBeNull();
    expect(errors?.[0]?.extensions).toEqual({ code: "INFERENCE_UNAVAILABLE", reason: "UNAVAILABLE", retryable: true });
    expect(gateway.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  test("keeps the text of unforeseen errors for the log", async () => {
    library.interrupt("embedTexts", () => {
      throw new Error("secret of the engine");
    });
    const { errors } = await search();
    expect(JSON.stringify(errors)).not.toContain("secret");
    expect(errors?.[0]?.extensions["code"]).toBe("INTERNAL_SERVER_ERROR");
    expect(gateway.lines.some(({ fields }) => String(fields["err"]).includes("secret of the engine"))).toBe(true);
  });

  test("writes one line for each request", async () => {
    await search();
    expect(gateway.lines).toMatchObject([{ level: "info", message: "graphql", fields: { operation: "Search" } }]);
  });
});

describe("pictures, captions and questions", () => {
  test("finds a picture by its id and says null for an unknown one", async () => {
    const { data } = await gateway.graphql(
      "query($id: ID!) { image(id: $id) { id attributes } none: image(id: 7) { id } }",
      {
        id: imageId,
      },
    );
    expect(data).toEqual({ image: { id: imageId, attributes: { number: 0 } }, none: null });
  });

  test("captions a picture once and reads it from the ledger afterwards", async () => {
    const query = `query($id: ID!) { caption(imageId: $id) { text stored modelName image { captions { text source } } } }`;
    const first = (await gateway.graphql(query, { id: imageId })).data.caption;
    const second = (await gateway.graphql(query, { id: imageId })).data.caption;
    expect(first.stored).toBe(false);
    expect(second).toMatchObject({ stored: true, text: first.text, modelName: "fake" });
    expect(second.image.captions).toContainEqual({ text: first.text, source: "SYNTHETIC" });
  });

  test("explains a caption's verdict with every number, and says null for an unknown caption", async () => {
    const { db } = library;
    const found = await gateway.graphql("query($id: ID!) { image(id: $id) { captions { id text verdict reason } } }", {
      id: imageId,
    });
    const [web] = found.data.image.captions;
    expect(web).toMatchObject({ text: "the picture with number 0", verdict: null, reason: null });
    const filter = { filterFingerprint: "filter", filterName: "f" };
    const keepFrom = { WEB: 0.9, SYNTHETIC: 0.5, IMPORTED: 0.5 };
    const rule = { slope: 1, offset: 0, keepFrom, leastDistinctWords: 0.5, bestOf: null, languages: ["en"] };
    const policy = await db.transaction((tx) =>
      ensureFilterPolicy(tx, { corpusId: library.corpus.id, ...filter, rule }),
    );
    const scores = { itcCosine: 0.25, itmLogit: 1, itmNoMatchLogit: 0 };
    await saveCaptionScores(db, [{ captionId: web.id, filterFingerprint: "filter", ...scores }]);
    await decideCaptions(db, { policyId: policy.id, imageIds: null });
    await activateFilterPolicy(db, policy.id);
    const { data } = await gateway.graphql(
      `query($id: ID!) { explainCaption(captionId: $id) {
        caption { verdict reason } words distinctWords reviews { verdict reviewer note }
        scores { filterFingerprint itcCosine itmLogit itmNoMatchLogit }
        decisions { version active filterFingerprint rule verdict reason matchProbability } }
        none: explainCaption(captionId: 7) { words } }`,
      { id: web.id },
    );
    expect(data).toEqual({
      explainCaption: {
        caption: { verdict: "REJECTED", reason: "BELOW_THRESHOLD" },
        words: 5,
        distinctWords: 1,
        reviews: [],
        scores: [{ filterFingerprint: "filter", ...scores }],
        decisions: [
          {
            version: 1,
            active: true,
            filterFingerprint: "filter",
            rule,
            verdict: "REJECTED",
            reason: "BELOW_THRESHOLD",
            matchProbability: expect.closeTo(1 / (1 + Math.exp(-1)), 6),
          },
        ],
      },
      none: null,
    });
  });

  test("captions with the decoding that is asked for", async () => {
    const query = `query($id: ID!, $decoding: DecodingInput) { caption(imageId: $id, decoding: $decoding) { text stored } }`;
    const caption = async (decoding: object) => (await gateway.graphql(query, { id: imageId, decoding })).data.caption;
    const nucleus = await caption({ nucleus: { seed: 3 } });
    expect(nucleus.stored).toBe(false);
    expect(await caption({ nucleus: { seed: 3, topP: 0.9, topK: null } })).toEqual({ ...nucleus, stored: true });
    expect((await caption({ greedy: {} })).stored).toBe(false);
    const both = await gateway.graphql(query, { id: imageId, decoding: { greedy: {}, beam: {} } });
    expect(both.errors?.[0]?.extensions["code"]).toBe("BAD_USER_INPUT");
    const wrong = await gateway.graphql(query, { id: imageId, decoding: { beam: { beams: 0 } } });
    expect(wrong.errors?.[0]?.message).toContain("decoding.beams is 0");
  });

  test("tells the n best captions with their probabilities", async () => {
    const query = `query($id: ID!, $decoding: DecodingInput, $alternatives: Int!) {
      caption(imageId: $id, decoding: $decoding, alternatives: $alternatives) {
        text logProbability alternatives { text logProbability }
      }
    }`;
    const decoding = { beam: { beams: 5 } };
    const { data } = await gateway.graphql(query, { id: imageId, decoding, alternatives: 4 });
    expect(data.caption.alternatives).toHaveLength(4);
    for (const one of [data.caption, ...data.caption.alternatives]) {
      expect(one.text).not.toBe("");
      expect(one.logProbability).toBeLessThanOrEqual(0);
    }
    const byNull = query.replace("$alternatives: Int!", "$alternatives: Int");
    const none = await gateway.graphql(byNull, { id: imageId, decoding, alternatives: null });
    expect(none.errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" }, path: ["caption"] }]);
    expect(none.errors?.[0]?.message).toContain('"alternatives"');
    const wrong = await gateway.graphql(query, { id: imageId, decoding, alternatives: 5 });
    expect(wrong.errors?.[0]).toMatchObject({ extensions: { code: "BAD_USER_INPUT" } });
    expect(wrong.errors?.[0]?.message).toContain("beam search with 5 beams finds 4 beside the caption");
  });

  test("answers questions, freely or from a list", async () => {
    const query = `query($id: ID!, $mode: AnswerModeInput) {
      ask(imageId: $id, question: "what is it?", mode: $mode) { text question mode modelName logProbability }
    }`;
    const free = (await gateway.graphql(query, { id: imageId })).data.ask;
    expect(free).toMatchObject({ question: "what is it?", mode: "GENERATE", modelName: "fake" });
    const ranked = (await gateway.graphql(query, { id: imageId, mode: { rank: { answers: ["yes", "no"] } } })).data.ask;
    expect(ranked.mode).toBe("RANK");
    expect(["yes", "no"]).toContain(ranked.text);
    const greedy = await gateway.graphql(query, { id: imageId, mode: { generate: { greedy: {} } } });
    expect(greedy.errors).toBeUndefined();
  });

  test("names an unknown picture and an empty question", async () => {
    const unknown = await gateway.graphql('{ ask(imageId: "x", question: "what?") { text } }');
    expect(unknown.errors?.[0]).toMatchObject({
      message: 'There is no image "x".',
      extensions: { code: "BAD_USER_INPUT" },
    });
    const empty = await gateway.graphql(`{ ask(imageId: "${imageId}", question: "") { text } }`);
    expect(empty.errors?.[0]?.message).toContain("question is empty");
  });
});

test("lists corpora with their space and coverage", async () => {
  const fields =
    "name imageCount activeSpace { name dimensions modelFingerprint } coverage { step done waiting total }";
  const { data, errors } = await gateway.graphql(
    `query($name: String!) { corpora { name } corpus(name: $name) { ${fields} } none: corpus(name: "nowhere") { name } }`,
    { name: corpus },
  );
  expect(errors).toBeUndefined();
  expect(data.corpora).toContainEqual({ name: corpus });
  expect(data.none).toBeNull();
  expect(data.corpus).toMatchObject({
    name: corpus,
    imageCount: 12,
    activeSpace: { name: "fake", dimensions: 8, modelFingerprint: library.space.fingerprint },
  });
  expect(data.corpus.coverage.map(({ step }: { step: string }) => step)).toContain("embed");
});

describe("bytes", () => {
  test("gives the original bytes to keep forever", async () => {
    const reply = await fetch(`${gateway.url}/images/${imageId}`);
    expect(reply.status).toBe(200);
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      "content-type": "image/png",
      "cache-control": "public, max-age=31536000, immutable",
      "x-content-type-options": "nosniff",
    });
    expect(reply.headers.get("etag")).toMatch(/^"[0-9a-f]{64}"$/);
    expect(Buffer.from(await reply.arrayBuffer()).toString("latin1")).toContain("picture 0");
    const again = await fetch(`${gateway.url}/images/${imageId}`, {
      headers: { "if-none-match": reply.headers.get("etag") ?? "" },
    });
    expect(again.status).toBe(304);
  });

  test("answers HEAD with the size and no bytes", async () => {
    const reply = await fetch(`${gateway.url}/images/${imageId}`, { method: "HEAD" });
    expect(Number(reply.headers.get("content-length"))).toBe(17);
    expect(await reply.text()).toBe("");
  });

  test("gives the original while there is no thumbnail, and the thumbnail from then on", async () => {
    const before = await fetch(`${gateway.url}/thumbnails/${imageId}`);
    expect(before.headers.get("content-type")).toBe("image/png");
    expect(before.headers.get("cache-control")).toBe("no-cache");
    const sha256 = (before.headers.get("etag") ?? "").replaceAll('"', "");
    await library.thumbnails.write(sha256, "320.webp", Buffer.from("small"));
    const after = await fetch(`${gateway.url}/thumbnails/${imageId}`, {
      headers: { "if-none-match": before.headers.get("etag") ?? "" },
    });
    expect(after.status).toBe(200);
    expect(after.headers.get("content-type")).toBe("image/webp");
    expect(await after.text()).toBe("small");
  });

  test.each(["/images/x", "/thumbnails/x", "/images/00000000-0000-0000-0000-000000000000", "/images/..%2f..%2fetc"])(
    "says 404 for %s",
    async (path) => {
      const reply = await fetch(`${gateway.url}${path}`);
      expect(reply.status).toBe(404);
      expect(await reply.json()).toMatchObject({ error: expect.stringContaining("There is no image") });
    },
  );
});

describe("page", () => {
  test("comes at /, with a search in its address, and its assets for good", async () => {
    const page = await fetch(`${gateway.url}/?q=dog`);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain("<title>Medley</title>");
    expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
    const asset = await fetch(`${gateway.url}/assets/index-1234.js`);
    expect(asset.headers.get("cache-control")).toContain("immutable");
  });
});

describe("readiness", () => {
  const readiness = async (served = gateway) => {
    const reply = await fetch(`${served.url}/readyz`);
    return { status: reply.status, ...((await reply.json()) as Record<string, unknown>) };
  };

  test("is there when database, models and a corpus that they can search are", async () => {
    const report = await readiness();
    expect(report).toMatchObject({
      status: 200,
      ready: true,
      database: { ok: true },
      inference: { ok: true },
      corpus: { ok: true },
    });
  });

  test("names the models when they cannot be reached", async () => {
    library.interrupt("models", () => {
      throw new InferenceError("UNAVAILABLE", "The inference server is not reachable at http://127.0.0.1:1.");
    });
    expect(await readiness()).toMatchObject({
      status: 503,
      ready: false,
      database: { ok: true },
      inference: { ok: false, reason: expect.stringContaining("not reachable") },
    });
  });

  test("names the corpora that cannot be searched", async () => {
    const served = await serveGateway({ ...library, db: { ...library.db, query: onlyCorpus("empty") } });
    await ensureCorpus(library.db, { name: "empty" });
    expect(await readiness(served)).toMatchObject({
      status: 503,
      corpus: { ok: false, reason: 'Corpus "empty" has no active space yet.' },
    });
    await served[Symbol.asyncDispose]();
  });

  test("names the database when it cannot be reached", async () => {
    const query = async () => {
      throw new Error("no connection");
    };
    const served = await serveGateway({ ...library, db: { ...library.db, query } });
    expect(await readiness(served)).toMatchObject({
      status: 503,
      database: { ok: false, reason: "no connection" },
      inference: { ok: true },
      corpus: { ok: false },
    });
    await served[Symbol.asyncDispose]();
  });

  /** The database as it would be if it held this corpus alone. */
  function onlyCorpus(name: string): typeof library.db.query {
    return async <Row>(text: string, values?: readonly unknown[]) => {
      const rows = await library.db.query<Row>(text, values);
      return text.includes("from corpora where deleted_at is null order by")
        ? rows.filter((row) => (row as { name: string }).name === name)
        : rows;
    };
  }
});

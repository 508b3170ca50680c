import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Inference, InferenceError, type ModelInfo } from "@medley/inference-api";
import { createFakeInference } from "@medley/inference-api/testing";
import {
  addCaption,
  captionsOf,
  type Database,
  ensureCorpus,
  ensureSpace,
  openDatabase,
  registerImage,
  saveEmbeddings,
} from "@medley/storage";
import { openBlobStore } from "@medley/storage/blobs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { changePolicy, ensureActivePolicy } from "./active-policy.ts";
import { calibrateFilter } from "./calibrate-filter.ts";
import { beginCaptionRun, type CaptionRunSettings, decodingsOf } from "./caption-run.ts";
import { DEFAULT_FILTER_RULE, filterRuleOf } from "./filter-rule.ts";
import { judgeCaptions } from "./judge-captions.ts";
import { captionerOf, confirmationBias, filterOf } from "./models.ts";

const home = mkdtempSync(join(tmpdir(), "medley-capfilt-"));
const blobs = openBlobStore({ directory: join(home, "blobs") });
let db: Database;
beforeAll(async () => {
  db = await openDatabase({ home, databaseUrl: process.env.TEST_DATABASE_URL });
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
});

const engine = createFakeInference({ readBlob: blobs.read });
const modelOf = async (role: ModelInfo["role"], changes: Partial<ModelInfo> = {}): Promise<ModelInfo> => {
  const found = (await engine.models()).find((model) => model.role === role);
  if (!found) throw new Error(`Bug: the fake engine has no ${role}`);
  return { ...found, ...changes };
};

let pictures = 0;
async function newPicture(webText: string) {
  pictures += 1;
  const { id: corpusId } = await ensureCorpus(db, { name: `capfilt-${process.pid}-${Date.now()}-${pictures}` });
  const bytes = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.from(`picture ${pictures}`)]);
  const sha256 = await blobs.put(bytes);
  const { imageId } = await registerImage(db, { corpusId, sha256, origin: "/a.png", attributes: {}, webText });
  const filter = await modelOf("filter");
  const judge = async (inference: Inference = engine) => {
    const policy = await ensureActivePolicy(db, corpusId, filter);
    return await judgeCaptions({ db, inference }, [{ imageId, sha256 }], { filter, policy });
  };
  const captions = async () => (await captionsOf(db, [imageId])).get(imageId) ?? [];
  return { corpusId, imageId, sha256, judge, captions };
}

test("scores each caption once and decides by both logits of the matching head", async () => {
  const { imageId, sha256, judge, captions } = await newPicture("a striped square");
  await addCaption(db, { imageId, text: "our own square", source: "HUMAN" });
  expect(await judge()).toMatchObject([{ imageId, ok: true, seen: [expect.any(String), expect.any(String)] }]);
  const [match] = await engine.matchTexts({ sha256 }, ["a striped square"], { role: "filter" });
  if (!match?.ok) throw new Error("Bug: the fake engine refused a text");
  const verdict = match.value.itmLogit >= match.value.itmNoMatchLogit ? "KEPT" : "REJECTED";
  expect((await captions()).map((caption) => [caption.text, caption.verdict])).toEqual([
    ["a striped square", verdict],
    ["our own square", "KEPT"],
  ]);
  let calls = 0;
  const counting = createFakeInference({ readBlob: blobs.read, before: () => void (calls += 1) });
  expect(await judge(counting)).toMatchObject([{ ok: true, seen: [] }]);
  expect(calls).toBe(0);
});

test("judges a long web text by its sentences, and leaves what it cannot judge unjudged", async () => {
  const page =
    "Welcome to our shop, which has been open since the spring of last year. A red apple lies on a wooden table by the window.";
  const { judge, captions } = await newPicture(page);
  await judge();
  expect((await captions()).map(({ text, verdict, reason }) => [text.slice(0, 20), verdict, reason])).toEqual([
    ["Welcome to our shop,", "UNJUDGED", "JUDGED_BY_SENTENCES"],
    ["Welcome to our shop,", expect.stringMatching("KEPT|REJECTED"), expect.any(String)],
    ["A red apple lies on ", expect.stringMatching("KEPT|REJECTED"), expect.any(String)],
  ]);
  const german = await newPicture("eine grüne Wiese am Morgen");
  await german.judge();
  expect(await german.captions()).toMatchObject([{ language: "de", verdict: "UNJUDGED", reason: "OTHER_LANGUAGE" }]);
  const wordless = await newPicture("2019-04-01");
  await wordless.judge();
  expect(await wordless.captions()).toMatchObject([{ language: "zxx", verdict: "UNJUDGED", reason: "WORDLESS" }]);
});

test("decides nothing for a picture that the engine failed on, and says why", async () => {
  const { imageId, judge, captions } = await newPicture("a striped square");
  const error = new InferenceError("ENGINE_FAILED", "The worker ended.");
  const failing: Inference = { ...engine, matchTexts: async (_, texts) => texts.map(() => ({ ok: false, error })) };
  expect(await judge(failing)).toEqual([{ imageId, ok: false, error }]);
  expect(await captions()).toMatchObject([{ verdict: null }]);
});

test("decides what a worker judged by the rule before while another rule was made the one that counts", async () => {
  const { corpusId, imageId, judge, captions } = await newPicture("a striped square");
  await judge();
  let transactions = 0;
  const interrupted: Database = {
    ...db,
    transaction: async (work) => {
      transactions += 1;
      // The verdicts are there and do not count yet.
      if (transactions === 2) {
        await addCaption(db, { imageId, text: "a text that comes meanwhile", source: "WEB" });
        await judge();
      }
      return await db.transaction(work);
    },
  };
  const rule = filterRuleOf({ keepFrom: { WEB: 1 } });
  const { policy } = await changePolicy(interrupted, { corpusId, filter: await modelOf("filter"), rule });
  expect(policy.version).toBe(2);
  expect((await captions()).map(({ reason }) => reason)).toEqual(["BELOW_THRESHOLD", "BELOW_THRESHOLD"]);
});

test("goes on with the same rule when another filter is served, as a new version of the policy", async () => {
  const { corpusId } = await newPicture("a striped square");
  const rule = filterRuleOf({ keepFrom: { WEB: 0.8 } });
  const { policy: first } = await changePolicy(db, { corpusId, filter: await modelOf("filter"), rule });
  expect(first).toMatchObject({ version: 1, rule: { ...DEFAULT_FILTER_RULE, keepFrom: { WEB: 0.8, SYNTHETIC: 0.5 } } });
  const other = await ensureActivePolicy(db, corpusId, await modelOf("filter", { fingerprint: "f".repeat(64) }));
  expect(other).toMatchObject({ version: 2, rule, filterFingerprint: "f".repeat(64) });
  expect((await ensureActivePolicy(db, corpusId, await modelOf("filter"))).version).toBe(1);
});

test("calibrates on texts of people and the web only, never on a neighbour's equal text, and names a corpus that has too few", async () => {
  const { id: corpusId } = await ensureCorpus(db, { name: `calibration-${process.pid}-${Date.now()}` });
  const filter = await modelOf("filter");
  const dimensions = filter.embeddingDimensions ?? 0;
  const space = { fingerprint: `calibration-${corpusId}`, name: "m", dimensions, preprocessing: {} };
  const { id: spaceId } = await ensureSpace(db, space);
  const owners = new Map<string, string>();
  for (let number = 0; number < 24; number += 1) {
    const bytes = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.from(`calibration ${number}`)]);
    const sha256 = await blobs.put(bytes);
    const webText = number < 4 ? "the same text" : `text of picture ${number}`;
    const { imageId } = await registerImage(db, { corpusId, sha256, origin: `/${number}`, attributes: {}, webText });
    await addCaption(db, { imageId, text: "what a machine saw", source: "SYNTHETIC", modelFingerprint: "f" });
    owners.set(sha256, webText);
    const [outcome] = await engine.embedImages([{ sha256 }]);
    if (!outcome?.ok) throw new Error("Bug: the fake engine refused a picture");
    await saveEmbeddings(db, { spaceId, rows: [{ imageId, corpusId, embedding: outcome.value }] });
  }
  const asked: { own: string; texts: readonly string[] }[] = [];
  const telling: Inference = {
    ...engine,
    matchTexts: async (image, texts) => {
      const own = owners.get("sha256" in image ? image.sha256 : "") ?? "";
      asked.push({ own, texts });
      return texts.map((text) => ({ ok: true, value: { itmLogit: text === own ? 2 : -2, itmNoMatchLogit: 0 } }));
    },
  };
  const draw = { images: 100, seed: 1 };
  const fitted = await calibrateFilter({ db, inference: telling }, { corpusId, spaceId }, filter, draw);
  expect(fitted.examples.filter(({ matches }) => matches)).toHaveLength(24);
  expect(fitted.examples.filter(({ matches }) => !matches)).toHaveLength(48);
  expect(fitted.slope).toBeGreaterThan(0);
  for (const { own, texts } of asked) {
    expect(texts.filter((text) => text === own)).toEqual([own]);
    expect(texts).not.toContain("what a machine saw");
  }
  const { corpusId: small } = await newPicture("a striped square");
  const few = calibrateFilter({ db, inference: telling }, { corpusId: small, spaceId }, filter, draw);
  await expect(few).rejects.toThrow(/^Only 1 pictures .* Bring in pictures with texts/);
});

test("refuses a rule that cannot be meant, naming the member", () => {
  expect(() => filterRuleOf({ keepFrom: { WEB: 1.5 } })).toThrow('at "keepFrom.WEB"');
  expect(() => filterRuleOf({ slope: 0 })).toThrow('at "slope"');
  expect(() => filterRuleOf({ bestOf: 0 })).toThrow('at "bestOf"');
  expect(() => filterRuleOf({ languages: ["English"] })).toThrow("such as en or de");
  expect(() => filterRuleOf({ tresholds: 1 })).toThrow("does not fit");
});

test("refuses several captions from a decoding that writes the same each time", async () => {
  const { corpusId } = await newPicture("a striped square");
  const captioner = await modelOf("captioner");
  const beam = { decoding: { method: "beam", beams: 3 }, prompt: null, captionsPerImage: 2 } as const;
  await expect(beginCaptionRun(db, corpusId, captioner, beam)).rejects.toThrow("writes the same each time");
  const nucleus: CaptionRunSettings = {
    decoding: { method: "nucleus", topP: 0.9, seed: 0 },
    prompt: null,
    captionsPerImage: 3,
  };
  const many = { ...nucleus, captionsPerImage: 21 };
  await expect(beginCaptionRun(db, corpusId, captioner, many)).rejects.toThrow("21, expected 1 to 20");
  const run = await beginCaptionRun(db, corpusId, captioner, nucleus);
  expect(decodingsOf(run).map((decoding) => "seed" in decoding && decoding.seed)).toEqual([0, 1, 2]);
});

test("warns of confirmation bias when one checkpoint writes captions and judges them", async () => {
  const models = await engine.models();
  const [captioner, filter] = [captionerOf(models), filterOf(models)];
  if (!captioner || !filter) throw new Error("Bug: the fake engine lacks a role");
  expect(confirmationBias(captioner, filter)).toContain("Confirmation bias");
  expect(confirmationBias(captioner, { ...filter, fingerprint: "other" })).toBeNull();
  expect(filterOf(models.filter(({ role }) => role !== "filter"))?.role).toBe("retrieval");
});

test("a filter that is served again decides what it has scored before, also under a rule of the time between", async () => {
  const { corpusId, judge, captions } = await newPicture("a striped square");
  await judge();
  const first = await captions();
  const [filter, between] = [await modelOf("filter"), await modelOf("filter", { fingerprint: "e".repeat(64) })];
  const other = await ensureActivePolicy(db, corpusId, between);
  const rule = filterRuleOf({ keepFrom: { WEB: 0 } }, other.rule);
  await changePolicy(db, { corpusId, filter: between, rule });
  const policy = await ensureActivePolicy(db, corpusId, filter);
  expect(policy).toMatchObject({ filterFingerprint: filter.fingerprint, rule });
  expect(first).toMatchObject([{ verdict: expect.any(String) }]);
  expect(await captions()).toMatchObject([{ verdict: "KEPT", reason: "MATCHES" }]);
});

import type { Inference } from "@medley/inference-api";
import { addCaption, ensureCorpus, newestCalibration } from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { calibrateSearch, fitQueries } from "./calibrate-search.ts";
import { loadSearchCalibration, matchProbabilityOf } from "./calibration.ts";
import { openSampleLibrary, type SampleLibrary } from "./testing/sample-library.ts";

const PICTURES = 40;
let library: SampleLibrary;
beforeAll(async () => {
  library = await openSampleLibrary({ pictures: PICTURES });
  const [imageId = ""] = library.imageIds;
  await addCaption(library.db, { imageId, text: "what a machine saw", source: "SYNTHETIC", modelFingerprint: "f" });
});
afterAll(() => library?.[Symbol.asyncDispose]());

/** An engine whose matching head knows which text is whose; how sure it is differs from picture to picture. */
async function tellingEngine(): Promise<{ inference: Inference; asked: string[] }> {
  const { db, imageIds } = library;
  const rows = await db.query<{ sha256: string; text: string; number: number }>(
    `select i.sha256, c.text, (i.attributes ->> 'number')::integer as number from images i
     join captions c on c.image_id = i.id and c.source = 'WEB' where i.id = any ($1::uuid[])`,
    [imageIds],
  );
  const ofPicture = new Map(rows.map((row) => [row.sha256, row]));
  const asked: string[] = [];
  const logit = (sha256: string, text: string) => {
    const { text: own, number } = ofPicture.get(sha256) ?? { text: "", number: 0 };
    return (own === text ? 3 : -3) + (number % 7) / 2;
  };
  const match = (sha256: string, text: string) => {
    asked.push(text);
    return { ok: true, value: { itmLogit: logit(sha256, text), itmNoMatchLogit: 0, itcCosine: 0.1 } } as const;
  };
  const shaOf = (image: object) => ("sha256" in image ? String(image.sha256) : "");
  const inference: Inference = {
    ...library.inference,
    matchTexts: async (image, texts) => texts.map((text) => match(shaOf(image), text)),
    matchImages: async (text, images) => images.map((image) => match(shaOf(image), text)),
  };
  return { inference, asked };
}

const requestOf = () => ({ corpusId: library.corpus.id, spaceId: library.space.id, images: 200, seed: 0 });

test("fits both curves to texts of people and of the web, saves them and counts them from then on", async () => {
  const { inference, asked } = await tellingEngine();
  const { calibration, pairs, images } = await calibrateSearch({ db: library.db, inference }, requestOf());
  expect(images).toBe(PICTURES);
  expect(pairs.filter(({ matches }) => matches)).toHaveLength(PICTURES);
  expect(pairs.filter(({ matches }) => !matches)).toHaveLength(2 * PICTURES);
  expect(asked).not.toContain("what a machine saw");
  expect(matchProbabilityOf(calibration, 4.5)).toBeGreaterThan(0.8);
  expect(matchProbabilityOf(calibration, -1.5)).toBeLessThan(0.2);
  expect(calibration.measured.pair?.expectedCalibrationError).toBeLessThan(0.2);
  const target = { corpusId: library.corpus.id, spaceId: library.space.id };
  expect(await loadSearchCalibration(library.db, target)).toEqual(calibration);
  expect(await loadSearchCalibration(library.db, { ...target, itcWeight: 30 })).toBeNull();
  expect(await newestCalibration(library.db, target)).toMatchObject({ corpusImages: PICTURES, itcWeight: 1 });
});

test("loses at most one in fifty queries with an answer to NONE", () => {
  const examples = Array.from({ length: 100 }, (_, index) => [
    { score: 2 + index / 20, matches: true },
    { score: -2 + index / 25, matches: false },
  ]).flat();
  const fitted = fitQueries(examples);
  if (!fitted) throw new Error("Bug: separable scores were not fitted");
  const probability = (score: number) => 1 / (1 + Math.exp(-(fitted.slope * score + fitted.offset)));
  const shareBelow = (matches: boolean) =>
    examples.filter((each) => each.matches === matches && probability(each.score) < fitted.noneBelow).length / 100;
  expect(shareBelow(true)).toBe(0.02);
  expect(shareBelow(false)).toBeGreaterThan(0.9);
  expect(fitted.noneBelow).toBeLessThanOrEqual(fitted.strongFrom);
  expect(fitQueries(examples.map(({ score, matches }) => ({ score: -score, matches })))).toBeNull();
});

test("says in a sentence why a corpus cannot be calibrated, and saves nothing", async () => {
  const { db, inference } = library;
  const { id: corpusId } = await ensureCorpus(db, { name: `empty-${process.pid}-${Date.now()}` });
  const empty = calibrateSearch({ db, inference }, { ...requestOf(), corpusId });
  await expect(empty).rejects.toMatchObject({
    code: "TOO_FEW_TEXTS",
    message: expect.stringMatching(/^Only 0 .*Bring in pictures with texts/),
  });
  const constant: Inference = {
    ...inference,
    matchTexts: async (_, texts) =>
      texts.map(() => ({ ok: true, value: { itmLogit: 1, itmNoMatchLogit: 0, itcCosine: 0 } })),
  };
  await expect(calibrateSearch({ db, inference: constant }, requestOf())).rejects.toMatchObject({
    code: "NOT_SEPARABLE",
  });
  const models = async () => (await inference.models()).map((model) => ({ ...model, fingerprint: "another" }));
  const other = calibrateSearch({ db, inference: { ...inference, models } }, requestOf());
  await expect(other).rejects.toMatchObject({ code: "MODEL_MISMATCH" });
  expect(await newestCalibration(db, { corpusId, spaceId: library.space.id })).toBeNull();
});

test("stops when it is told to", async () => {
  const signal = AbortSignal.abort();
  await expect(calibrateSearch(library, { ...requestOf(), signal })).rejects.toThrow("aborted");
});

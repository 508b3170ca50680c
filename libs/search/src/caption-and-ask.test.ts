import { succeeded } from "@medley/inference-api";
import { captionsOf } from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { askImage } from "./ask-image.ts";
import { CAPTION_DECODING, captionOf } from "./caption-image.ts";
import { openSampleLibrary, type SampleLibrary } from "./testing/sample-library.ts";

let library: SampleLibrary;
let imageId: string;
beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 3 });
  imageId = library.imageIds[0] ?? "";
});
afterAll(() => library?.[Symbol.asyncDispose]());

test("writes a caption once and reads it from the ledger afterwards", async () => {
  const first = await captionOf(library, { imageId });
  const second = await captionOf(library, { imageId });
  expect(first).toMatchObject({ stored: false, decoding: CAPTION_DECODING, modelName: "fake" });
  expect(second).toMatchObject({ stored: true, text: first.text });
  const ledger = (await captionsOf(library.db, [imageId])).get(imageId) ?? [];
  expect(ledger.map(({ source }) => source)).toEqual(["WEB", "SYNTHETIC"]);
  expect(ledger[1]).toMatchObject({ text: first.text, modelFingerprint: first.modelFingerprint, seed: null });
});

test("keeps captions of different decodings apart", async () => {
  const decoding = { method: "nucleus", topP: 0.9, seed: 7 } as const;
  expect(await captionOf(library, { imageId, decoding })).toMatchObject({ stored: false, decoding });
  expect(await captionOf(library, { imageId, decoding })).toMatchObject({ stored: true });
  expect(await captionOf(library, { imageId, decoding: { ...decoding, seed: 8 } })).toMatchObject({ stored: false });
});

test("finds alternatives beside a caption, stored or not, and stores none of them", async () => {
  const imageId = library.imageIds[2] ?? "";
  const decoding = { method: "beam", beams: 4 } as const;
  const fresh = await captionOf(library, { imageId, decoding, alternatives: 3 });
  expect(fresh).toMatchObject({ stored: false });
  expect(fresh.alternatives.map(({ text }) => text)).not.toContain(fresh.text);
  expect(new Set(fresh.alternatives.map(({ text }) => text)).size).toBe(3);
  const again = await captionOf(library, { imageId, decoding, alternatives: 2 });
  expect(again).toEqual({ ...fresh, alternatives: fresh.alternatives.slice(0, 2), stored: true });
  // A machine that finds another text a little likelier.
  const other = { text: "another text", tokenIds: [1], logProbability: -0.1 };
  const inference = { ...library.inference, captionImages: async () => [succeeded({ ...other, alternatives: [] })] };
  const elsewhere = await captionOf({ ...library, inference }, { imageId, decoding, alternatives: 3 });
  expect(elsewhere).toEqual({ ...fresh, alternatives: [other], stored: true });
  const old = { ...library.inference, captionImages: async () => [succeeded(other)] };
  const asked = captionOf({ ...library, inference: old }, { imageId, decoding, alternatives: 3 });
  await expect(asked).rejects.toThrow("does not tell alternatives");
  const alone = await captionOf(library, { imageId, decoding });
  expect(alone).toEqual({ ...fresh, alternatives: [], stored: true });
  const ledger = (await captionsOf(library.db, [imageId])).get(imageId) ?? [];
  expect(ledger.map(({ source, text }) => [source, text]).slice(1)).toEqual([["SYNTHETIC", fresh.text]]);
  expect(ledger[1]?.logProbability).toBe(fresh.logProbability);
});

test("refuses more alternatives than a decoding can find", async () => {
  const caption = (alternatives: number, decoding?: Parameters<typeof captionOf>[1]["decoding"]) =>
    captionOf(library, { imageId, alternatives, ...(decoding && { decoding }) });
  await expect(caption(3)).rejects.toThrow(
    "alternatives is 3, but beam search with 3 beams finds 2 beside the caption",
  );
  await expect(caption(1, { method: "greedy" })).rejects.toThrow("greedy decoding finds the caption only");
  await expect(caption(-1)).rejects.toThrow("alternatives is -1, expected a whole number from 0 to 15");
  await expect(caption(16, { method: "nucleus", topP: 0.9, seed: 1 })).rejects.toThrow("alternatives is 16");
});

test("refuses decodings that no engine could run", async () => {
  const caption = (decoding: Parameters<typeof captionOf>[1]["decoding"] & object) =>
    captionOf(library, { imageId, decoding });
  await expect(caption({ method: "beam", beams: 0 })).rejects.toThrow("decoding.beams is 0");
  await expect(caption({ method: "nucleus", topP: 1.5, seed: 1 })).rejects.toThrow("decoding.topP is 1.5");
  await expect(caption({ method: "greedy", maxLength: 0 })).rejects.toThrow("decoding.maxLength is 0");
  await expect(caption({ method: "greedy", repetitionPenalty: 0.01 })).rejects.toThrow(
    "decoding.repetitionPenalty is 0.01",
  );
  await expect(caption({ method: "nucleus", topP: 1, topK: -1, seed: 1 })).rejects.toThrow("decoding.topK is -1");
});

test("answers a question with the model that gave it, and stores nothing", async () => {
  const answer = await askImage(library, { imageId, question: "  what is it? " });
  expect(answer).toMatchObject({ question: "what is it?", mode: "generate", modelName: "fake" });
  expect(answer.text).not.toBe("");
  const ledger = (await captionsOf(library.db, [library.imageIds[1] ?? ""])).get(library.imageIds[1] ?? "") ?? [];
  expect(ledger).toHaveLength(1);
});

test("chooses among the answers that it is given", async () => {
  const mode = { mode: "rank", answers: ["yes", "no"] } as const;
  const answer = await askImage(library, { imageId, question: "is it red?", mode });
  expect(mode.answers).toContain(answer.text);
  expect(answer.mode).toBe("rank");
});

test("names what is wrong with a question", async () => {
  await expect(askImage(library, { imageId, question: " " })).rejects.toThrow("question is empty");
  await expect(askImage(library, { imageId: "no-such-id", question: "?" })).rejects.toThrow('no image "no-such-id"');
  const mode = { mode: "rank", answers: ["yes", " "] } as const;
  await expect(askImage(library, { imageId, question: "?", mode })).rejects.toThrow("answers holds");
});

import { captionsOf } from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { askImage } from "./ask-image.ts";
import { CAPTION_DECODING, captionOf } from "./caption-image.ts";
import { openSampleLibrary, type SampleLibrary } from "./testing/sample-library.ts";

let library: SampleLibrary;
let imageId: string;
beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 2 });
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

test("refuses decodings that no engine could run", async () => {
  const caption = (decoding: Parameters<typeof captionOf>[1]["decoding"] & object) =>
    captionOf(library, { imageId, decoding });
  await expect(caption({ method: "beam", beams: 0 })).rejects.toThrow("decoding.beams is 0");
  await expect(caption({ method: "nucleus", topP: 1.5, seed: 1 })).rejects.toThrow("decoding.topP is 1.5");
  await expect(caption({ method: "greedy", maxLength: 0 })).rejects.toThrow("decoding.maxLength is 0");
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

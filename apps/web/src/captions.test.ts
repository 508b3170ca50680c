import { expect, test } from "vitest";
import { captionsToShow } from "./captions.ts";

const web = { text: "two dogs", source: "WEB" } as const;
const written = { text: "two dogs on a beach", source: "SYNTHETIC" } as const;
const textsOf = (shown: ReturnType<typeof captionsToShow>) => shown.map(({ text }) => text);

test("shows a caption that is stored already once, as the answer", () => {
  const shown = captionsToShow([web, written], { text: written.text, stored: true, modelName: "small" });
  expect(textsOf(shown)).toEqual(["two dogs", "two dogs on a beach"]);
  expect(shown[1]).toEqual({ text: written.text, origin: "stored by small", isAnswer: true });
});

test("adds a caption that was just written at the end", () => {
  const shown = captionsToShow([web], { text: written.text, stored: false, modelName: "small" });
  expect(textsOf(shown)).toEqual(["two dogs", "two dogs on a beach"]);
  expect(shown[1]).toMatchObject({ origin: "just written by small", isAnswer: true });
});

test("keeps a model's caption apart from the same words that came with the picture", () => {
  expect(captionsToShow([web], { text: web.text, stored: false, modelName: "small" })).toHaveLength(2);
});

test("shows what is stored while nothing was asked for", () => {
  expect(captionsToShow([web, written], undefined).every(({ isAnswer }) => !isAnswer)).toBe(true);
});

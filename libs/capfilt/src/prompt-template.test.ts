import { expect, test } from "vitest";
import { checkPrompt, fillPrompt } from "./prompt-template.ts";

test("puts a picture's attributes into the prompt, and keeps those that the caption goes on from", () => {
  const attributes = { category: "rain  coat", colour: "red", sizes: ["S", "M"], year: 2026 };
  expect(fillPrompt("a picture of {category}", attributes)).toEqual({
    prompt: "a picture of rain coat",
    kept: "rain coat",
  });
  expect(fillPrompt("a picture of { colour } {category} ", attributes)).toEqual({
    prompt: "a picture of red rain coat ",
    kept: "red rain coat",
  });
  expect(fillPrompt("{category}, {year}, {sizes}: a picture of ", attributes)).toEqual({
    prompt: "rain coat, 2026, S and M: a picture of ",
    kept: "",
  });
});

test("falls back to the model set's own prompt for a picture that lacks an attribute or has no short text there", () => {
  const plain = { prompt: null, kept: "" };
  for (const category of [undefined, null, "", " \n", [], {}, true, "long ".repeat(20)]) {
    expect(fillPrompt("a picture of {category}", { category })).toEqual(plain);
  }
  expect(fillPrompt("a picture of {colour} {category}", { colour: "red" })).toEqual(plain);
  // Not as a pattern of its own, and not as a placeholder of a second round.
  expect(fillPrompt("a {category}", { category: "$& {colour}" }).prompt).toBe("a $& {colour}");
});

test("leaves a prompt without attributes as it is", () => {
  expect(fillPrompt("a photo of ", { category: "coat" })).toEqual({ prompt: "a photo of ", kept: "" });
  expect(fillPrompt(null, {})).toEqual({ prompt: null, kept: "" });
});

test("refuses braces that name no attribute", () => {
  for (const prompt of ["a {", "a }", "a {}", "a { }", "a {{b}}", "a {b} c}"]) {
    expect(() => checkPrompt(prompt), prompt).toThrow(
      `The prompt "${prompt}" has a brace that belongs to no attribute.`,
    );
  }
  for (const prompt of [null, "", "a photo of ", "a {b}", "{a}{b} c"]) expect(() => checkPrompt(prompt)).not.toThrow();
});

import { expect, test } from "vitest";
import { attributeProblem } from "./flat-attributes.ts";

test("takes what a filter can reach: single values and lists of them", () => {
  const attributes = { price: 12.5, sale: true, note: null, sizes: ["S", "M"], empty: [], "größe in cm": "a\nb\u001b" };
  expect(attributeProblem(attributes)).toBeNull();
  const questions = [{ question: "What is it?", answers: { apple: 3, pear: 1 } }];
  expect(attributeProblem({ questions }), "which an export passes on").toBeNull();
});

test.each([
  [{ "": 1 }, 'The attribute name "" is empty, expected 1 to 200 characters.'],
  [{ ["x".repeat(201)]: 1 }, "has 201 characters"],
  [{ "a\0": 1 }, 'The attribute name "a\\u0000" holds U+0000, which nobody can see'],
  [{ "a\ud800": 1 }, "holds half of a character"],
  [{ "a\u200b": 1 }, "holds U+200B"],
  [
    { size: { width: 3 } },
    'The attribute "size" holds {"width":3}, expected a text, a number, true, false, null or a list of these. Give each part a name of its own, such as "size.width".',
  ],
  [{ sizes: ["S", ["M"]] }, 'The attribute "sizes" holds ["M"], expected a text'],
  [{ questions: [{ question: "What\0?" }] }, 'The attribute "questions" is "What\\u0000?" with U+0000'],
  [{ note: "a\0b" }, 'The attribute "note" is "a\\u0000b" with U+0000, which the database cannot keep. Leave it out.'],
  [{ note: ["ok", "\udc00"] }, 'The attribute "note" is "\\udc00" with half of a character, expected Unicode text.'],
])("says what is wrong with %j", (attributes, message) => {
  expect(attributeProblem(attributes)).toContain(message);
});

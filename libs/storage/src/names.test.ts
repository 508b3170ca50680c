import { expect, test } from "vitest";
import { requireName } from "./names.ts";

test.each([
  "demo",
  "Ferien 2026",
  "q\u0308",
  "犬と猫",
  "نامه\u200cای",
  "👩\u200d👩\u200d👧\u200d👦",
  "❤\ufe0f\u200d🔥",
  "x".repeat(200),
])("takes the name %s", (name) => {
  expect(requireName("The name", name, 200)).toBe(name);
});

test.each([
  ["", 'The name "" is empty, expected 1 to 200 characters.'],
  [" \t", "is empty"],
  ["x".repeat(201), "has 201 characters, expected 1 to 200"],
  ["de\u200bmo", 'The name "de<U+200B>mo" holds U+200B, which nobody can see'],
  ["de\u200dmo", "holds U+200D"],
  ["\ufeffdemo", "holds U+FEFF"],
  ["a\u202eb", "holds U+202E"],
  ["a\u00adb", "holds U+00AD"],
  ["a\u3164", "holds U+3164"],
  ["a\u001b[31mb", 'The name "a<U+001B>[31mb" holds U+001B'],
  ["a\0b", "holds U+0000"],
  ["a\nb", "holds U+000A"],
  ["a\u2028b", "holds U+2028"],
  ["a\ud800b", 'The name "a\ufffdb" holds half of a character (a lone surrogate), expected Unicode text.'],
  [" demo", "begins or ends with white space"],
])("refuses the name %j and says why", (name, message) => {
  expect(() => requireName("The name", name, 200)).toThrow(message);
});

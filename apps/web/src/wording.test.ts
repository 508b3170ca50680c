import { expect, test } from "vitest";
import {
  countOf,
  describeMilliseconds,
  describeMove,
  fileNameOf,
  formatCosine,
  formatLogit,
  formatRerankScore,
} from "./wording.ts";

test("shows scores with as many places as they are worth", () => {
  expect(formatCosine(0.41234)).toBe("0.412");
  expect(formatCosine(-0.2)).toBe("−0.200");
  expect(formatLogit(3.456)).toBe("+3.46");
  expect(formatLogit(-0.5)).toBe("−0.50");
});

test("gives no sign to a score that rounds to zero", () => {
  expect([-0.004, 0, 0.004].map(formatLogit)).toEqual(["0.00", "0.00", "0.00"]);
  expect(formatCosine(-0.0004)).toBe("0.000");
  expect(formatRerankScore(-0.004)).toBe("0.00");
});

test("names a file without where it lies", () => {
  expect(fileNameOf("/home/me/pictures/red apple.webp")).toBe("red apple.webp");
  expect(fileNameOf("C:\\pictures\\apple.webp")).toBe("apple.webp");
  expect(fileNameOf("https://example.org/pictures/")).toBe("pictures");
  expect(fileNameOf("apple.webp")).toBe("apple.webp");
});

test("says in words what re-ranking did", () => {
  expect(describeMove(9, 1)).toBe("up from 9");
  expect(describeMove(1, 9)).toBe("down from 1");
  expect(describeMove(4, 4)).toBe("same place");
});

test("counts and times in words", () => {
  expect(countOf(1, "picture")).toBe("1 picture");
  expect(countOf(1234, "picture")).toBe("1,234 pictures");
  expect([0.42, 42.4, 4200].map(describeMilliseconds)).toEqual(["0.4 ms", "42 ms", "4.2 s"]);
});

import { expect, test } from "vitest";
import { parseImageFilter } from "./parse-image-filter.ts";

test("reads every condition, with moments as moments, also after it was kept as JSON", () => {
  const filter = {
    and: [
      { not: { attribute: { name: "category", in: ["coat", 3, true] } } },
      { or: [{ question: { name: "person", exists: true, minimumProbability: 0.5 } }, { format: ["png"] }] },
      { addedAt: { from: new Date("2026-01-31T12:00:00Z") } },
      { origin: { startsWith: "a/" } },
      { width: { from: 10, to: 20 } },
      { height: { to: 5 } },
    ],
  };
  expect(parseImageFilter(JSON.parse(JSON.stringify(filter)))).toEqual(filter);
});

test.each([
  ["[]", '"filter" of the filter is [], expected an object.'],
  ["{}", "A part of the filter has 0 members, expected one of and, or, not"],
  ['{"format":["png"],"not":{}}', "A part of the filter has 2 members"],
  ['{"constructor":1}', 'The filter has "constructor", expected one of and'],
  ['{"and":{}}', '"and" of the filter is {}, expected a list.'],
  ['{"attribute":{"in":["a"]}}', '"name of the attribute" of the filter is undefined, expected a string.'],
  ['{"attribute":{"name":"a","is":"b"}}', '"attribute" of the filter has "is", expected name, in, from, to, exists.'],
  ['{"attribute":{"name":"a","in":[null]}}', '"in" of the filter is null, expected a text, a number, true or false.'],
  ['{"addedAt":{"from":"yesterday"}}', '"addedAt" of the filter is "yesterday", expected a moment'],
  [
    '{"addedAt":{"from":"2026-02-31T00:00:00Z"}}',
    '"addedAt" of the filter is "2026-02-31T00:00:00Z", expected a moment',
  ],
  ['{"width":{"from":"10"}}', '"from" of the filter is "10", expected a number.'],
])("says what is wrong with %s", (text, message) => {
  expect(() => parseImageFilter(JSON.parse(text))).toThrow(message);
});

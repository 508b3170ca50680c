import { expect, test } from "vitest";
import { EVERYWHERE, formatAddress, parseAddress } from "./address.ts";

test("searches every collection at an address that no name of one can be mistaken for", () => {
  const everywhere = { text: "dogs", corpus: EVERYWHERE, imageId: "7" };
  expect(formatAddress(everywhere)).toBe("/?q=dogs&all=1&image=7");
  expect(parseAddress("?q=dogs&all=1&image=7")).toEqual(everywhere);
});

test("reads query, corpus and open picture from the address", () => {
  expect(parseAddress("?q=two+dogs%20on+a+beach&corpus=demo&image=7")).toEqual({
    text: "two dogs on a beach",
    corpus: "demo",
    imageId: "7",
  });
});

test("takes missing and empty parameters for none", () => {
  expect(parseAddress("")).toEqual({ text: "", corpus: null, imageId: null });
  expect(parseAddress("?q=%20&corpus=&image=")).toEqual({ text: "", corpus: null, imageId: null });
});

test("writes an address that it reads back", () => {
  const address = { text: "50% of “a & b” = ?", corpus: "ma collection", imageId: "x/y" };
  expect(parseAddress(formatAddress(address).slice(1))).toEqual(address);
});

test("keeps the address of an empty page short", () => {
  expect(formatAddress({ text: "", corpus: null, imageId: null })).toBe("/");
});

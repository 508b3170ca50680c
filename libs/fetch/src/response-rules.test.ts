import { expect, test } from "vitest";
import { contentEncoding, readRetryAfter, refuseOptedOut, refuseStatus, refuseType } from "./response-rules.ts";

const url = new URL("https://a.org/1.jpg");

test.each([
  { tag: "noai", refused: true },
  { tag: "NoImageAI", refused: true },
  { tag: "index, noindex", refused: true },
  { tag: "none", refused: true },
  { tag: "noimageindex", refused: true },
  { tag: "medley: noindex", refused: true },
  { tag: ["nofollow", "noai"], refused: true },
  { tag: "otherbot: noindex, nofollow", refused: false },
  { tag: "otherbot: nofollow, medley: none", refused: true },
  { tag: "unavailable_after: 25 Jun 2030 15:00:00 GMT, noarchive", refused: false },
  { tag: "max-image-preview: none, nofollow", refused: false },
  { tag: "nofollow, noarchive", refused: false },
  { tag: undefined, refused: false },
])("reads X-Robots-Tag $tag: opted out $refused", ({ tag, refused }) => {
  expect(refuseOptedOut(url, { "x-robots-tag": tag })?.code).toBe(refused ? "OPTED_OUT" : undefined);
});

test.each([
  { status: 404, retryable: false },
  { status: 403, retryable: false },
  { status: 410, retryable: false },
  { status: 204, retryable: false },
  { status: 206, retryable: false },
  { status: 304, retryable: false },
  { status: 408, retryable: true },
  { status: 429, retryable: true },
  { status: 500, retryable: true },
  { status: 503, retryable: true },
])("takes status $status for an error that may go away: $retryable", ({ status, retryable }) => {
  expect(refuseStatus(url, status, {})).toMatchObject({ code: "HTTP_STATUS", retryable });
});

test("reads Retry-After in seconds and as a date, and nothing else", () => {
  const now = Date.parse("2026-11-25T10:00:00Z");
  expect(readRetryAfter("120", now)).toBe(120_000);
  expect(readRetryAfter("Wed, 25 Nov 2026 10:00:30 GMT", now)).toBe(30_000);
  expect(readRetryAfter("Wed, 25 Nov 2026 09:00:00 GMT", now)).toBe(0);
  expect(readRetryAfter("soon", now)).toBeUndefined();
  expect(readRetryAfter(undefined, now)).toBeUndefined();
});

test.each([
  { type: "image/jpeg", refused: false },
  { type: "IMAGE/PNG; charset=binary", refused: false },
  { type: "application/octet-stream", refused: false },
  { type: "binary/octet-stream", refused: false },
  { type: "", refused: false },
  { type: undefined, refused: false },
  { type: "text/html; charset=utf-8", refused: true },
  { type: "application/json", refused: true },
  { type: "video/mp4", refused: true },
])("takes Content-Type $type for no picture: $refused", ({ type, refused }) => {
  expect(refuseType(url, { "content-type": type })?.code).toBe(refused ? "WRONG_TYPE" : undefined);
});

test("knows a body that is sent as it is", () => {
  expect(contentEncoding({ "content-encoding": "identity" })).toBeUndefined();
  expect(contentEncoding({ "content-encoding": ["gzip", "br"] })).toBe("gzip,br");
});

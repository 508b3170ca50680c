import { expect, test } from "vitest";
import { followRedirect, parsePictureUrl } from "./picture-url.ts";

const chain = (...urls: string[]) => urls.map((url) => new URL(url));

test("follows a relative redirect and one from http to https", () => {
  expect(followRedirect(chain("http://a.org/x/1.jpg"), "../2.jpg?v=1#top", 5).href).toBe("http://a.org/2.jpg?v=1");
  expect(followRedirect(chain("http://a.org/1.jpg"), "https://a.org/1.jpg", 5).href).toBe("https://a.org/1.jpg");
});

test.each([
  { what: "from https to http", from: "https://a.org/1.jpg", to: "http://a.org/1.jpg", code: "SCHEME_REFUSED" },
  { what: "to a file", from: "http://a.org/1.jpg", to: "file:///etc/passwd", code: "SCHEME_REFUSED" },
  { what: "with a password", from: "http://a.org/1.jpg", to: "http://me:secret@a.org/", code: "URL_INVALID" },
  { what: "to itself", from: "http://a.org/1.jpg", to: "#again", code: "TOO_MANY_REDIRECTS" },
])("does not follow a redirect $what", ({ from, to, code }) => {
  expect(() => followRedirect(chain(from), to, 5)).toThrow(expect.objectContaining({ code }));
});

test("counts redirects, not requests, against the limit", () => {
  const passed = chain("http://a.org/0", "http://a.org/1");
  expect(followRedirect(passed, "/2", 2).pathname).toBe("/2");
  expect(() => followRedirect(passed, "/2", 1)).toThrow("more than 1 times");
});

test("leaves the fragment out of what is asked for", () => {
  expect(parsePictureUrl("https://a.org/1.jpg#x").href).toBe("https://a.org/1.jpg");
});

import { expect, test } from "vitest";
import { createPictureFetcher } from "./picture-fetcher.ts";
import { parseRanges, refuseAddress } from "./address-rule.ts";
import { defaultFetchPolicy } from "./fetch-policy.ts";

/** URL, the code that refuses it, and words of the rule. None of these hosts is asked for anything. */
const REFUSED_URLS: readonly (readonly [url: string, code: string, rule: string])[] = [
  ["http://127.0.0.1/1.jpg", "ADDRESS_REFUSED", "a loopback address"],
  ["http://127.255.255.254:8080/", "ADDRESS_REFUSED", "a loopback address"],
  ["http://2130706433/", "ADDRESS_REFUSED", '"127.0.0.1" is a loopback address'],
  ["http://0x7f.1/", "ADDRESS_REFUSED", '"127.0.0.1" is a loopback address'],
  ["http://017700000001/", "ADDRESS_REFUSED", '"127.0.0.1" is a loopback address'],
  ["http://0177.0.0.01/", "ADDRESS_REFUSED", '"127.0.0.1" is a loopback address'],
  ["http://127.1./", "ADDRESS_REFUSED", '"127.0.0.1" is a loopback address'],
  ["http://①②⑦.⓪.⓪.①/", "ADDRESS_REFUSED", '"127.0.0.1" is a loopback address'],
  ["http://%31%32%37.0.0.1/", "ADDRESS_REFUSED", '"127.0.0.1" is a loopback address'],
  ["http://localhost/", "ADDRESS_REFUSED", "a loopback address"],
  ["http://LOCALHOST./", "ADDRESS_REFUSED", "a loopback address"],
  ["http://pictures.localhost/", "ADDRESS_REFUSED", "a loopback address"],
  ["https://10.0.0.1/", "ADDRESS_REFUSED", "a private address"],
  ["http://172.31.255.255/", "ADDRESS_REFUSED", "a private address"],
  ["http://192.168.1.1/", "ADDRESS_REFUSED", "a private address"],
  ["http://169.254.169.254/latest/meta-data/", "ADDRESS_REFUSED", "a link-local address"],
  ["http://100.64.0.1/", "ADDRESS_REFUSED", "provider's own network"],
  ["http://0.0.0.0/", "ADDRESS_REFUSED", "an unspecified address"],
  ["http://0.1.2.3/", "ADDRESS_REFUSED", "an unspecified address"],
  ["http://0/", "ADDRESS_REFUSED", '"0.0.0.0" is an unspecified address'],
  ["http://224.0.0.1/", "ADDRESS_REFUSED", "a multicast address"],
  ["http://255.255.255.255/", "ADDRESS_REFUSED", "the broadcast address"],
  ["http://240.0.0.1/", "ADDRESS_REFUSED", "for special use"],
  ["http://192.0.2.1/", "ADDRESS_REFUSED", "for special use"],
  ["http://198.51.100.7/", "ADDRESS_REFUSED", "for special use"],
  ["http://203.0.113.9/", "ADDRESS_REFUSED", "for special use"],
  ["http://198.18.0.1/", "ADDRESS_REFUSED", "for special use"],
  ["http://192.0.0.8/", "ADDRESS_REFUSED", "for special use"],
  ["http://192.88.99.1/", "ADDRESS_REFUSED", "for special use"],
  ["http://[::]/", "ADDRESS_REFUSED", "an unspecified address"],
  ["http://[::1]/", "ADDRESS_REFUSED", "a loopback address"],
  ["http://[0:0:0:0:0:0:0:1]/", "ADDRESS_REFUSED", "a loopback address"],
  ["http://[fe80::1]/", "ADDRESS_REFUSED", "a link-local address"],
  ["http://[febf::1]/", "ADDRESS_REFUSED", "a link-local address"],
  ["http://[fc00::1]/", "ADDRESS_REFUSED", "a private address"],
  ["http://[fd12:3456::1]/", "ADDRESS_REFUSED", "a private address"],
  ["http://[fec0::1]/", "ADDRESS_REFUSED", "for special use"],
  ["http://[ff02::1]/", "ADDRESS_REFUSED", "a multicast address"],
  ["http://[2001:db8::1]/", "ADDRESS_REFUSED", "for special use"],
  ["http://[3fff::1]/", "ADDRESS_REFUSED", "for special use"],
  ["http://[2001:2::1]/", "ADDRESS_REFUSED", "for special use"],
  ["http://[100::1]/", "ADDRESS_REFUSED", "for special use"],
  ["http://[4000::1]/", "ADDRESS_REFUSED", "for special use"],
  ["http://[::ffff:127.0.0.1]/", "ADDRESS_REFUSED", "a loopback address"],
  ["http://[::ffff:a9fe:a9fe]/", "ADDRESS_REFUSED", "a link-local address"],
  ["http://[::ffff:0:7f00:1]/", "ADDRESS_REFUSED", "a translated address"],
  ["http://[::127.0.0.1]/", "ADDRESS_REFUSED", "for special use"],
  ["http://[::a00:1]/", "ADDRESS_REFUSED", "for special use"],
  ["http://[64:ff9b::10.0.0.1]/", "ADDRESS_REFUSED", "a private address"],
  ["http://[64:ff9b:1::a00:1]/", "ADDRESS_REFUSED", "for special use"],
  ["http://[2002:7f00:1::]/", "ADDRESS_REFUSED", "a 6to4 address"],
  ["http://[2001:0:a00:1::]/", "ADDRESS_REFUSED", "a Teredo address"],
  ["http://[fe80::1%25eth0]/", "URL_INVALID", "is no URL"],
  ["http://127.0.0.1.999/", "URL_INVALID", "is no URL"],
  ["http:///", "URL_INVALID", "is no URL"],
  ["pictures/1.jpg", "URL_INVALID", "is no URL"],
  [`http://example.org/${"x".repeat(9000)}`, "URL_INVALID", "is no URL"],
  ["https://user:secret@example.org/1.jpg", "URL_INVALID", "user:***@example.org"],
  ["https://user@example.org/1.jpg", "URL_INVALID", "carries a user name or password"],
  ["file:///etc/passwd", "SCHEME_REFUSED", 'begins with "file:"'],
  ["ftp://example.org/1.jpg", "SCHEME_REFUSED", 'begins with "ftp:"'],
  ["gopher://127.0.0.1:6379/_FLUSHALL", "SCHEME_REFUSED", 'begins with "gopher:"'],
  ["data:image/gif;base64,R0lGODlhAQABAAAAACw=", "SCHEME_REFUSED", 'begins with "data:"'],
  ["javascript:alert(1)", "SCHEME_REFUSED", 'begins with "javascript:"'],
];

test.each(REFUSED_URLS)("refuses %s with %s: %s", async (url, code, rule) => {
  await using fetcher = createPictureFetcher(defaultFetchPolicy);
  const { signal } = new AbortController();
  await expect(fetcher.fetch(url, { signal })).rejects.toMatchObject({
    code,
    retryable: false,
    message: expect.stringContaining(rule),
  });
});

test.each(["93.184.215.14", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])(
  "takes the public address %s",
  (address) => expect(refuseAddress(address, [])).toBeUndefined(),
);

test("takes what configuration allows and nothing beside it, also where it is embedded in IPv6", () => {
  const allowed = parseRanges(["10.1.0.0/16", "::1/128"]);
  for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "::1"]) expect(refuseAddress(address, allowed)).toBeUndefined();
  for (const address of ["10.2.0.1", "127.0.0.1", "::", "::2"]) expect(refuseAddress(address, allowed)).toBeDefined();
});

test("says which allowed range is none, before anything is fetched", () => {
  expect(() => createPictureFetcher({ ...defaultFetchPolicy, allowedRanges: ["10.0.0.0/33"] })).toThrow(
    '"10.0.0.0/33" is no range of addresses',
  );
});

import { expect, test } from "vitest";
import { addressGroup, createRateLimit } from "./rate-limits.ts";

test("lets a minute's share through at once, then as many as time brings, for each caller by itself", () => {
  let now = 0;
  const limit = createRateLimit(60, () => now);
  for (let sent = 0; sent < 60; sent += 1) limit("ann");
  expect(() => limit("ann")).toThrow("ann has sent more than 60 requests within a minute. Try again in 1 s.");
  expect(() => limit("bob")).not.toThrow();
  now += 2000;
  limit("ann");
  limit("ann");
  expect(() => limit("ann")).toThrow(expect.objectContaining({ code: "RATE_LIMITED", retryAfterSeconds: 1 }));
});

test("does not let refused requests push the next chance away", () => {
  let now = 0;
  const limit = createRateLimit(1, () => now);
  limit("ann");
  for (now = 0; now < 60_000; now += 1000) expect(() => limit("ann")).toThrow();
  expect(() => limit("ann")).not.toThrow();
});

test("remembers the busy among more callers than it can hold", () => {
  let now = 0;
  const limit = createRateLimit(2, () => now);
  limit("busy");
  limit("busy");
  for (let number = 0; number < 9_000; number += 1) limit(`guest ${number}`);
  now += 100;
  expect(() => limit("busy")).toThrow();
  for (let number = 0; number < 30_000; number += 1) limit(`crowd ${number}`);
  expect(() => limit("crowd 29999")).not.toThrow();
});

test("is no limit at 0", () => {
  const limit = createRateLimit(0);
  for (let sent = 0; sent < 5000; sent += 1) limit("ann");
});

test("counts an IPv6 network as one caller and an IPv4 address as itself, however it is written", () => {
  expect(addressGroup("10.0.0.1")).toBe("10.0.0.1");
  expect(addressGroup("::ffff:10.0.0.1")).toBe("10.0.0.1");
  expect(addressGroup("2001:db8:1:2::1")).toBe(addressGroup("2001:0db8:1:2:ffff:ffff:ffff:ffff"));
  expect(addressGroup("2001:db8:1:2::1")).not.toBe(addressGroup("2001:db8:1:3::1"));
  expect(addressGroup("fe80::1%eth0")).toBe("fe80:0:0:0::/64");
  expect(addressGroup("::1")).toBe("0:0:0:0::/64");
});

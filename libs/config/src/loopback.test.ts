import { expect, test } from "vitest";
import { isLoopbackAddress, isLoopbackHost } from "./loopback.ts";

test("knows the names and addresses of this machine, and takes nothing else for it", () => {
  for (const host of ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "::1", "[::1]", "::ffff:127.0.0.1"]) {
    expect(isLoopbackHost(host), host).toBe(true);
  }
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.evil.example", "localhost.evil.example", "1127.0.0.1", ""]) {
    expect(isLoopbackHost(host), host).toBe(false);
  }
  expect(isLoopbackAddress("::ffff:127.0.0.1")).toBe(true);
  expect(isLoopbackAddress("::ffff:10.0.0.1")).toBe(false);
  expect(isLoopbackAddress("localhost")).toBe(false);
});

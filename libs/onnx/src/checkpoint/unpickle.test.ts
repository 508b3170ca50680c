import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readFixture } from "./fixture-files.ts";
import { hasKind } from "./pickle-values.ts";
import { unpickle } from "./unpickle.ts";

interface HostilePickle {
  readonly pickle: string;
  readonly code: string;
  readonly names: string;
}

const hostile: Record<string, HostilePickle> = JSON.parse(readFixture("hostile-pickles.json").toString());
const cases = Object.entries(hostile).map(([title, pickle]) => ({ title, ...pickle }));

const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part))));
const refusalOf = (pickle: Buffer) => {
  try {
    unpickle(pickle);
    return undefined;
  } catch (error) {
    return error;
  }
};

describe("refusing", () => {
  it.each(cases)("$title: $code", ({ pickle, code, names }) => {
    const error = refusalOf(Buffer.from(pickle, "base64"));

    expect(error).toMatchObject({ name: "CheckpointError", code });
    expect((error as Error).message).toContain(names);
    expect(existsSync("/tmp/medley-was-here")).toBe(false);
  });

  it("stops a pickle that grows its stack without end", () => {
    expect(refusalOf(bytes([0x80, 2], "N".repeat(1_100_000), "."))).toMatchObject({ code: "TOO_LARGE" });
  });

  it("stops a pickle that remembers without end", () => {
    const puts = Buffer.alloc(5 * 1_000_002, 0x72); // LONG_BINPUT
    for (let index = 0; index < 1_000_002; index++) puts.writeUInt32LE(index, index * 5 + 1);

    expect(refusalOf(Buffer.concat([bytes([0x80, 2], "N"), puts, bytes(".")]))).toMatchObject({ code: "TOO_LARGE" });
  });

  it("stops a pickle of more steps than any checkpoint needs", () => {
    expect(refusalOf(bytes([0x80, 2], "N0".repeat(10_000_001), "N."))).toMatchObject({ code: "TOO_LARGE" });
  });
});

describe("reading", () => {
  it("holds a list that contains itself", () => {
    const list = unpickle(bytes([0x80, 2], "]q\x00h\x00a."));

    expect(hasKind(list, "list") && list.items[0] === list).toBe(true);
  });

  it("spends on a list of lists of lists no more than its own bytes", () => {
    // Each level holds the one before ten times: ten to the power of 5,000 leaves, one reference each.
    const levels = `](${"h\x00".repeat(10)}eq\x000`.repeat(5_000);

    expect(hasKind(unpickle(bytes([0x80, 2], "]q\x000", levels, "h\x00.")), "list")).toBe(true);
  });

  it.each([
    ["a long zero", [0x8a, 0], 0],
    ["minus one", [0x8a, 1, 0xff], -1],
    ["2 ** 31", [0x8a, 5, 0, 0, 0, 0x80, 0], 2 ** 31],
    ["-(2 ** 63)", [0x8a, 8, 0, 0, 0, 0, 0, 0, 0, 0x80], -(2n ** 63n)],
    ["2 ** 64 in the long form", [0x8b, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 2n ** 64n],
    ["a negative four-byte integer", [0x4a, 0xfe, 0xff, 0xff, 0xff], -2],
    ["a float", [0x47, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], 1.5],
    ["text in UTF-8", [0x58, 2, 0, 0, 0, 0xc3, 0xa9], "é"],
    ["a Python 2 string", [0x55, 1, 0xe9], "é"],
  ])("%s", (_, opcodes, value) => {
    expect(unpickle(bytes([0x80, 2], opcodes, "."))).toEqual(value);
  });

  it("accepts the ordered pairs of Python 2", () => {
    const value = unpickle(bytes([0x80, 2], "ccollections\nOrderedDict\n](](U\x01aK\x01ee\x85R."));

    expect(hasKind(value, "dict") && [...value.entries]).toEqual([["a", 1]]);
  });
});

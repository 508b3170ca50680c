import { describe, expect, it } from "vitest";
import { difference, fixtureResizes } from "./fixture-pictures.ts";
import { resize, resizeBicubic } from "./resize.ts";

describe("resize beside Pillow", () => {
  it.each(fixtureResizes())("is bit-exact: $name", ({ source, expected, filter, passOrder }) => {
    const resized = resize(source, expected.width, expected.height, filter, passOrder);
    expect(difference(resized.data, expected.data)).toEqual({ max: 0, mean: 0 });
  });

  it("has fixtures in which the pass order shows", () => {
    const bytes = (order: string) =>
      fixtureResizes()
        .filter(({ passOrder }) => passOrder === order)
        .map(({ expected }) => Buffer.from(expected.data).toString("base64"));
    expect(bytes("pillow-13")).not.toEqual(bytes("pillow-12"));
  });
});

describe("resize", () => {
  const pixel = { width: 1, height: 1, data: Uint8Array.of(10, 200, 30) };

  it("returns the picture itself when the size fits", () => {
    expect(resizeBicubic(pixel, 1, 1)).toBe(pixel);
  });

  it("keeps a plain colour plain at any size", () => {
    const plain = { width: 37, height: 11, data: new Uint8Array(37 * 11 * 3).fill(251) };
    for (const [width, height] of [
      [384, 384],
      [5, 3],
      [37, 200],
    ] as const) {
      expect(new Set(resizeBicubic(plain, width, height).data)).toEqual(new Set([251]));
    }
  });

  it("takes extreme shapes", () => {
    const line = { width: 20_000, height: 1, data: new Uint8Array(60_000).fill(7) };
    expect(new Set(resizeBicubic(line, 384, 384).data)).toEqual(new Set([7]));
    expect(resizeBicubic({ ...line, width: 1, height: 20_000 }, 384, 384).data).toHaveLength(384 * 384 * 3);
  });

  it("refuses sizes and data that make no picture", () => {
    expect(() => resizeBicubic(pixel, 0, 5)).toThrow("Bug: resize to 0 x 5");
    expect(() => resizeBicubic(pixel, 1.5, 5)).toThrow("Bug");
    expect(() => resizeBicubic({ ...pixel, width: 2 }, 5, 5)).toThrow("3 bytes for 2 x 1");
  });

  it("resizes 12 megapixels to 384 x 384 in well under a second of processor time", () => {
    const large = { width: 4000, height: 3000, data: new Uint8Array(36_000_000).fill(90) };
    const before = process.threadCpuUsage();
    resizeBicubic(large, 384, 384);
    const { user, system } = process.threadCpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(900); // 0.16 s on a quiet core (2026-11-23); a slow one may take longer
  });
});

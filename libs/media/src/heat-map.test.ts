import sharp from "sharp";
import { expect, test } from "vitest";
import { renderHeatMap } from "./heat-map.ts";

async function pixelsOf(png: Buffer) {
  const { data, info } = await sharp(png).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return {
    info,
    at: (x: number, y: number) => [...data.subarray(4 * (y * info.width + x), 4 * (y * info.width + x) + 4)],
  };
}
const levels = (...values: number[]) => Uint8Array.from(values);

test("is a PNG of the asked size that other software reads, transparent where nothing is to be seen", async () => {
  const png = await renderHeatMap({ rows: 2, columns: 2, levels: levels(0, 255, 0, 0) }, { width: 40, height: 30 });
  const { info, at } = await pixelsOf(png);
  expect(info).toMatchObject({ width: 40, height: 30, channels: 4 });
  expect(at(0, 29)[3]).toBe(0);
  expect(at(39, 0)).toEqual([255, 240, 130, 190]);
});

test("lays each level over its own part, by rows from the top left", async () => {
  const grid = { rows: 2, columns: 3, levels: levels(0, 0, 0, 0, 0, 255) };
  const { at } = await pixelsOf(await renderHeatMap(grid, { width: 60, height: 40 }));
  expect(at(50, 30)[3]).toBeGreaterThan(180);
  for (const [x, y] of [
    [10, 10],
    [30, 10],
    [50, 10],
    [10, 30],
    [30, 30],
  ] as const)
    expect(at(x, y)[3]).toBe(0);
});

test("never gets darker or less opaque as a level rises", async () => {
  const shown = await Promise.all(
    Array.from({ length: 64 }, async (_, step) => {
      const png = await renderHeatMap({ rows: 1, columns: 1, levels: levels(step * 4) }, { width: 1, height: 1 });
      const [red = 0, green = 0, blue = 0, alpha = 0] = (await pixelsOf(png)).at(0, 0);
      return { luminance: 0.2126 * red + 0.7152 * green + 0.0722 * blue, alpha };
    }),
  );
  for (const [index, { luminance, alpha }] of shown.entries()) {
    const before = shown[index - 1] ?? { luminance: 0, alpha: 0 };
    expect(alpha).toBeGreaterThanOrEqual(before.alpha);
    expect(luminance).toBeGreaterThanOrEqual(before.luminance);
  }
});

test("stays small enough to be loaded beside every hit", async () => {
  const grid = { rows: 24, columns: 24, levels: Uint8Array.from({ length: 576 }, (_, place) => (place * 97) % 256) };
  expect((await renderHeatMap(grid, { width: 320, height: 320 })).length).toBeLessThan(60_000);
});

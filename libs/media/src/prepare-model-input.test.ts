import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeImage } from "./decode-image.ts";
import { difference, fixturePictures, sourceBytes } from "./fixture-pictures.ts";
import type { ImageHeader } from "./libvips.ts";
import { prepareModelInput, reductionFor } from "./prepare-model-input.ts";
import { resize } from "./resize.ts";

const TARGET = { sizePixels: 32, filter: "bicubic" } as const;
const jpeg: ImageHeader = {
  format: "jpeg",
  storedWidth: 4000,
  storedHeight: 3000,
  orientation: 1,
  pages: 1,
  hasAlpha: false,
  isCmyk: false,
  isWideGamut: false,
};

async function exactInput(bytes: Uint8Array): Promise<Uint8Array> {
  return resize(await decodeImage(bytes), TARGET.sizePixels, TARGET.sizePixels, TARGET.filter).data;
}

describe("prepareModelInput", () => {
  let pixels: Uint8Array;
  // Colours that change slowly, fine grain and hard edges; another one in each corner, so that a wrong turn shows.
  const [width, height] = [2400, 1800];
  beforeAll(() => {
    pixels = Uint8Array.from({ length: width * height * 3 }, (_, index) => {
      const [x, y] = [Math.trunc(index / 3) % width, Math.trunc(index / (3 * width))];
      const grain = Math.imul(index + 1, 2654435761) >>> 28;
      const edge = (x >> 7) % 3 === 0 && y > 300 ? 90 : 0;
      return ([x / 18, y / 13, (x + 2 * y) / 45][index % 3] as number) + grain + edge;
    });
  });
  const save = (orientation: number, changes: { quality?: number; grey?: boolean; progressive?: boolean } = {}) => {
    const picture = sharp(pixels, { raw: { width, height, channels: 3 } }).withMetadata({ orientation });
    return (changes.grey ? picture.greyscale() : picture)
      .jpeg({ quality: changes.quality ?? 90, progressive: changes.progressive ?? false })
      .toBuffer();
  };

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "stays within 3 of 255 of the exact pixels for a large JPEG of orientation %i",
    async (orientation) => {
      const bytes = await save(orientation);
      const { max, mean } = difference(await prepareModelInput(bytes, TARGET), await exactInput(bytes));
      expect(max).toBeGreaterThan(0); // The quick way was taken.
      expect(max).toBeLessThanOrEqual(3);
      expect(mean).toBeLessThan(0.5);
    },
  );

  it.each([
    ["greyscale", { grey: true }],
    ["progressive", { progressive: true }],
    ["strongly compressed", { quality: 30 }],
  ])("does so for a %s one", async (_, changes) => {
    const bytes = await save(1, changes);
    expect(difference(await prepareModelInput(bytes, TARGET), await exactInput(bytes)).max).toBeLessThanOrEqual(3);
  });

  it("refuses a large JPEG that is cut off", async () => {
    const bytes = await save(1);
    await expect(prepareModelInput(bytes.subarray(0, bytes.length * 0.6), TARGET)).rejects.toMatchObject({
      code: "TRUNCATED",
    });
  });

  it.each(fixturePictures())("gives Pillow's own pixels for $file", async ({ file }) => {
    const bytes = sourceBytes(file);
    expect(difference(await prepareModelInput(bytes, TARGET), await exactInput(bytes))).toEqual({ max: 0, mean: 0 });
  });
});

describe("reductionFor", () => {
  it.each([
    ["12 megapixels for a small model", 4000, 3000, 112, 9],
    ["12 megapixels for a large one", 4000, 3000, 384, 3],
    ["sides that 8 does not divide", 4000, 2996, 112, 5],
    ["sides that nothing divides", 4001, 3000, 112, null],
    ["a panorama that is low", 12_000, 640, 112, null],
    ["a picture of 2 megapixels", 1600, 1200, 112, null],
    ["a picture not much larger than the model", 640, 480, 384, null],
  ])("of %s", (_, storedWidth, storedHeight, sizePixels, expected) => {
    expect(reductionFor({ ...jpeg, storedWidth, storedHeight }, sizePixels)).toBe(expected);
  });

  it("leaves every format but JPEG, and CMYK, to the exact way", () => {
    expect(reductionFor({ ...jpeg, isCmyk: true }, 112)).toBeNull();
    for (const format of ["png", "webp", "gif", "tiff", "heif"] as const) {
      expect(reductionFor({ ...jpeg, format }, 112)).toBeNull();
    }
  });
});

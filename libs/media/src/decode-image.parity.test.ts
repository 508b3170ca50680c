import { describe, expect, it } from "vitest";
import { decodeImage } from "./decode-image.ts";
import { difference, EXPECTED_SIDE, everyRow, fixturePictures, sourceBytes } from "./fixture-pictures.ts";
import { resizeBicubic } from "./resize.ts";

/**
 * AVIF goes through another decoder (libheif here, libavif in Pillow): the colour matrix rounds differently, and libheif
 * doubles 4:2:0 chroma by repetition where libavif interpolates. The fixture is a drawing with saturated edges, the worst case.
 */
const OTHER_DECODER: Readonly<Record<string, { full: number; resizedMean: number }>> = {
  "avif.avif": { full: 1, resizedMean: 0.25 },
  "avif-420.avif": { full: 160, resizedMean: 4 },
};
/** libvips gives transparent GIF pixels no colour, so only "drop" differs, and only there. */
const NO_COLOUR_UNDER_ALPHA = "gif-transparent.gif";

const pictures = fixturePictures();

describe("decodeImage beside Pillow 13", () => {
  for (const alpha of ["white", "drop"] as const) {
    it.each(pictures)(`gives the same upright pixels for $file, transparency: ${alpha}`, async (picture) => {
      const image = await decodeImage(sourceBytes(picture.file), { alpha });
      expect([image.width, image.height]).toEqual([picture.width, picture.height]);
      if (alpha === "drop" && picture.file === NO_COLOUR_UNDER_ALPHA) return;
      const full = difference(everyRow(image, picture.rowStep), picture.rows[alpha].data);
      const resized = difference(resizeBicubic(image, EXPECTED_SIDE, EXPECTED_SIDE).data, picture.resized[alpha].data);
      const tolerance = OTHER_DECODER[picture.file];
      if (tolerance === undefined) {
        expect({ full, resized }).toEqual({ full: { max: 0, mean: 0 }, resized: { max: 0, mean: 0 } });
      } else {
        expect(full.max).toBeLessThanOrEqual(tolerance.full);
        expect(resized.mean).toBeLessThan(tolerance.resizedMean);
      }
    });
  }

  it("covers at least eight formats and all eight EXIF orientations", () => {
    const kinds = new Set(pictures.map(({ file }) => file.split(/[-.]/).slice(0, 2).join(" ")));
    expect(kinds.size).toBeGreaterThanOrEqual(8);
    expect(pictures.filter(({ file }) => file.startsWith("jpeg-exif-"))).toHaveLength(8);
  });

  it("says which orientation was undone and how many pages there are", async () => {
    expect(await decodeImage(sourceBytes("jpeg-exif-6.jpg"))).toMatchObject({ format: "jpeg", orientationApplied: 6 });
    expect(await decodeImage(sourceBytes("gif-animated.gif"))).toMatchObject({ format: "gif", pages: 2 });
    expect(await decodeImage(sourceBytes("png-rgb.png"))).toMatchObject({ orientationApplied: 1, pages: 1 });
  });
});

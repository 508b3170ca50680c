import { describe, expect, it } from "vitest";
import { sha256Hex } from "./content-hash.ts";
import { decodeImage } from "./decode-image.ts";
import { describeImage } from "./describe-image.ts";
import { fixturePictures, sourceBytes } from "./fixture-pictures.ts";
import { makeThumbnail } from "./make-thumbnail.ts";

describe("makeThumbnail", () => {
  it("fits the longer side, keeps the aspect ratio and turns the picture upright", async () => {
    const thumbnail = await makeThumbnail(sourceBytes("jpeg-exif-6.jpg"), { maxSidePixels: 30 });
    expect([thumbnail.width, thumbnail.height]).toEqual([21, 30]);
    expect(await describeImage(thumbnail.bytes)).toMatchObject({
      format: "webp",
      width: 21,
      height: 30,
      orientation: 1,
    });
  });

  it("never enlarges", async () => {
    expect(await makeThumbnail(sourceBytes("png-small.png"), { maxSidePixels: 300 })).toMatchObject({
      width: 31,
      height: 29,
    });
  });

  it("shows white where the picture is transparent", async () => {
    const thumbnail = await makeThumbnail(sourceBytes("png-rgba.png"), { maxSidePixels: 84 });
    expect((await describeImage(thumbnail.bytes)).hasAlpha).toBe(false);
    const { data } = await decodeImage(thumbnail.bytes);
    for (const value of data.subarray(0, 3)) expect(value).toBeGreaterThan(245);
  });

  it("works for every fixture", async () => {
    for (const { file } of fixturePictures()) {
      expect((await makeThumbnail(sourceBytes(file), { maxSidePixels: 24 })).bytes.length).toBeGreaterThan(50);
    }
  });
});

describe("describeImage", () => {
  it("gives the size that decodeImage gives", async () => {
    for (const { file, width, height } of fixturePictures()) {
      expect(await describeImage(sourceBytes(file))).toMatchObject({ width, height });
    }
  });

  it("names format, pages, orientation and transparency", async () => {
    expect(await describeImage(sourceBytes("webp-animated.webp"))).toMatchObject({ format: "webp", pages: 2 });
    expect(await describeImage(sourceBytes("jpeg-exif-5.jpg"))).toMatchObject({ format: "jpeg", orientation: 5 });
    expect(await describeImage(sourceBytes("png-palette-transparency.png"))).toMatchObject({ hasAlpha: true });
  });
});

describe("sha256Hex", () => {
  it("is the standard digest in lower case", () => {
    expect(sha256Hex(Buffer.from("abc"))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});

import sharp, { type Sharp } from "sharp";
import { beforeAll, expect, it } from "vitest";
import { decodeImage } from "./decode-image.ts";
import { difference, fixturePictures, sourceBytes } from "./fixture-pictures.ts";
import { makeThumbnail } from "./make-thumbnail.ts";
import { prepareModelInput } from "./prepare-model-input.ts";
import { modelInputVariant, preparePicture } from "./prepare-picture.ts";

const MODEL_INPUT = { sizePixels: 32, filter: "bicubic" } as const;
const OPTIONS = { maxSidePixels: 100, modelInput: MODEL_INPUT };
const [width, height] = [2400, 1800];

let photograph: Sharp;
beforeAll(() => {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, index) => {
    const [x, y] = [Math.trunc(index / 3) % width, Math.trunc(index / (3 * width))];
    return [x / 10, y / 8, (x + y) / 17][index % 3] as number;
  });
  photograph = sharp(data, { raw: { width, height, channels: 3 } });
});

it.each([1, 6])(
  "makes model input and thumbnail of a large JPEG of orientation %i from one decode",
  async (orientation) => {
    const bytes = await photograph.clone().withMetadata({ orientation }).jpeg().toBuffer();
    const { thumbnail, modelInput } = await preparePicture(bytes, OPTIONS);
    expect(modelInput).toEqual(await prepareModelInput(bytes, MODEL_INPUT));
    const usual = await makeThumbnail(bytes, OPTIONS);
    expect([thumbnail.width, thumbnail.height]).toEqual([usual.width, usual.height]);
    const [ours, theirs] = [await decodeImage(thumbnail.bytes), await decodeImage(usual.bytes)];
    expect(difference(ours.data, theirs.data).mean).toBeLessThan(2);
  },
);

it.each(fixturePictures())(
  "leaves the model input of $file to whoever needs it, because a second decode is cheap",
  async ({ file }) => {
    const bytes = sourceBytes(file);
    expect(await preparePicture(bytes, OPTIONS)).toEqual({
      thumbnail: await makeThumbnail(bytes, OPTIONS),
      modelInput: null,
    });
  },
);

it("shows the colours of a wide-gamut picture, whose model input ignores its profile", async () => {
  const bytes = await photograph.clone().withIccProfile("p3").jpeg().toBuffer();
  expect((await preparePicture(bytes, OPTIONS)).modelInput).toBeNull();
  const plain = await photograph.clone().withIccProfile("srgb").jpeg().toBuffer();
  expect((await preparePicture(plain, OPTIONS)).modelInput).not.toBeNull();
});

it("makes no thumbnail from fewer pixels than it has", async () => {
  const bytes = await photograph.clone().jpeg().toBuffer();
  const { thumbnail, modelInput } = await preparePicture(bytes, { ...OPTIONS, maxSidePixels: 320 });
  expect(modelInput).toBeNull();
  expect(thumbnail.width).toBe(320);
});

it("refuses a picture that is cut off, as its parts alone do", async () => {
  const bytes = await photograph.clone().jpeg().toBuffer();
  await expect(preparePicture(bytes.subarray(0, bytes.length / 2), OPTIONS)).rejects.toMatchObject({
    code: "TRUNCATED",
  });
});

it("names a model input by all that makes it", () => {
  expect(modelInputVariant(MODEL_INPUT)).toBe("32-bicubic.rgb");
});

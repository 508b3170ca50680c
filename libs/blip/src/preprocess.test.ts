import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { defaultPreprocessor, normalisePixels, preprocessorFromConfig } from "./preprocess.ts";

const CLIP = {
  filter: "bicubic",
  rescaleFactor: 1 / 255,
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};

describe("preprocessor_config.json", () => {
  it("has BLIP's defaults for whatever it leaves out", () => {
    expect(preprocessorFromConfig({}, 384)).toEqual({ sizePixels: 384, ...CLIP });
    expect(defaultPreprocessor(480)).toEqual({ sizePixels: 480, ...CLIP });
  });

  it("is read as public BLIP checkpoints write it", () => {
    const config = {
      do_normalize: true,
      do_rescale: true,
      do_resize: true,
      image_mean: CLIP.mean,
      image_processor_type: "BlipImageProcessor",
      image_std: CLIP.std,
      resample: 3,
      rescale_factor: 0.00392156862745098,
      size: { height: 384, width: 384 },
    };
    expect(preprocessorFromConfig(config, 224)).toEqual({ sizePixels: 384, ...CLIP });
  });

  it("gives the size as a number, a square or a shortest edge", () => {
    for (const size of [224, { height: 224, width: 224 }, { shortest_edge: 224 }]) {
      expect(preprocessorFromConfig({ size }, 384).sizePixels).toBe(224);
    }
  });

  it("turns rescaling and normalising off", () => {
    const off = preprocessorFromConfig({ do_rescale: false, do_normalize: false }, 384);
    expect([off.rescaleFactor, off.mean, off.std]).toEqual([1, [0, 0, 0], [1, 1, 1]]);
  });

  it("names Pillow's filters by their codes", () => {
    const filters = [1, 2, 3, 4, 5].map((resample) => preprocessorFromConfig({ resample }, 384).filter);
    expect(filters).toEqual(["lanczos", "bilinear", "bicubic", "box", "hamming"]);
  });

  it.each([
    [{ resample: 0 }, "resample 0"],
    [{ resample: "cubic" }, 'resample "cubic"'],
    [{ size: { height: 384, width: 200 } }, "expected a square"],
    [{ size: 0 }, "size 0"],
    [{ size: 1e9 }, "size 1000000000"],
    [{ size: "384" }, 'size "384"'],
    [{ image_mean: [0.5, 0.5] }, "image_mean [0.5,0.5]"],
    [{ image_std: [0.2, 0, 0.2] }, "none of them 0"],
    [{ do_center_crop: true }, "do_center_crop"],
    [{ do_resize: false }, "do_resize"],
    [null, "not a JSON object"],
    [[], "not a JSON object"],
  ])("names what does not fit in %j", (config, message) => {
    expect(() => preprocessorFromConfig(config, 384)).toThrow(message);
  });
});

describe("normalisePixels", () => {
  it("matches the reference's float32 arithmetic for every byte in every channel", async () => {
    const file = await readFile(new URL("../fixtures/text/expected.json", import.meta.url), "utf8");
    const expected: [number, number, number][] = JSON.parse(file).normalised;
    const ramp = Uint8Array.from({ length: 256 * 3 }, (_, index) => Math.floor(index / 3));
    const planes = normalisePixels(ramp, defaultPreprocessor(16));
    for (const [value, channels] of expected.entries()) {
      for (const [channel, want] of channels.entries()) {
        expect(Math.abs((planes[channel * 256 + value] as number) - want)).toBeLessThan(2e-7);
      }
    }
  });

  it("refuses pixels of another size", () => {
    expect(() => normalisePixels(new Uint8Array(12), defaultPreprocessor(16))).toThrow("resize the picture first");
  });
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { makeThumbnail } from "./make-thumbnail.ts";
import { perceptualHash } from "./perceptual-hash.ts";

const DEMO = join(import.meta.dirname, "../../../assets/demo/images");
const apple = readFileSync(join(DEMO, "fluent-3d/red-apple.webp"));

async function hashOf(bytes: Uint8Array): Promise<string | null> {
  return perceptualHash((await makeThumbnail(bytes, { maxSidePixels: 320 })).bytes);
}

function distance(one: string | null, other: string | null): number {
  const bits = BigInt(`0x${one}`) ^ BigInt(`0x${other}`);
  return [...bits.toString(2)].filter((bit) => bit === "1").length;
}

test("changes few bits when a picture is resized, recompressed, slightly cropped or brightened", async () => {
  const original = await hashOf(apple);
  expect(original).toMatch(/^[0-9a-f]{16}$/);
  const { width, height } = await sharp(apple).metadata();
  const flat = () => sharp(apple).flatten({ background: "white" });
  const copies = {
    smaller: flat().resize(Math.round(width / 2)),
    larger: flat().resize(width * 2),
    squeezed: flat().jpeg({ quality: 25 }),
    brighter: flat().modulate({ brightness: 1.2 }),
    grey: flat().greyscale(),
    cropped: flat().extract({
      ...{ left: Math.round(width * 0.01), top: Math.round(height * 0.01) },
      ...{ width: Math.round(width * 0.98), height: Math.round(height * 0.98) },
    }),
  };
  for (const [name, copy] of Object.entries(copies)) {
    expect(distance(original, await hashOf(await copy.toBuffer())), name).toBeLessThanOrEqual(9);
  }
});

test("tells other pictures apart, mirrored ones among them", async () => {
  const original = await hashOf(apple);
  for (const name of ["snail", "socks"]) {
    expect(distance(original, await hashOf(readFileSync(join(DEMO, `fluent-3d/${name}.webp`)))), name).toBeGreaterThan(
      12,
    );
  }
  const snail = readFileSync(join(DEMO, "fluent-3d/snail.webp"));
  const mirrored = await sharp(snail).flop().toBuffer();
  expect(distance(await hashOf(snail), await hashOf(mirrored))).toBeGreaterThan(12);
});

test("gives no hash to a picture of one colour, which has no shape to compare", async () => {
  for (const background of ["#fff", "#000", "#7a4"]) {
    const plain = sharp({ create: { width: 60, height: 40, channels: 3, background } });
    expect(await hashOf(await plain.png().toBuffer())).toBeNull();
  }
  // A single pixel is a picture too.
  expect(
    await hashOf(
      await sharp({ create: { width: 1, height: 1, channels: 3, background: "#123" } })
        .png()
        .toBuffer(),
    ),
  ).toBeNull();
});

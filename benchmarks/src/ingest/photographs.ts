import sharp from "sharp";
import { randomSource } from "../random-source.ts";

/** Values along the longer side of the coarsest noise, and its strength; each finer layer has twice as many. */
const COARSEST_VALUES = 5;
const COARSEST_WEIGHT = 70;
/** Contrast falls little from scale to scale in pictures of the world. With 0.7, 12 megapixels are 3 to 4 MB as JPEG, as from a camera. */
const WEIGHT_OF_NEXT = 0.7;
const SHAPES = 40;
/** Standard deviation of a camera's noise in good light, of 255. */
const SENSOR_NOISE = 4;
const QUALITY = 93;

/**
 * A picture with the statistics of a photograph, made from a number: noise whose strength falls with its frequency, shapes with hard edges, a
 * sensor's noise. The same number gives the same bytes. JPEG with halved chroma, as cameras save it.
 */
export async function makePhotograph(seed: number, width: number, height: number): Promise<Buffer> {
  const random = randomSource(seed);
  const samples = new Float32Array(width * height * 3).fill(118);
  const finest = Math.log2(Math.max(width, height) / COARSEST_VALUES) - 1;
  for (let octave = 0; octave < finest; octave++) {
    await addNoise(samples, {
      width,
      height,
      values: COARSEST_VALUES * 2 ** octave,
      weight: COARSEST_WEIGHT * WEIGHT_OF_NEXT ** octave,
      random,
    });
  }
  for (let shape = 0; shape < SHAPES; shape++) addShape(samples, width, height, random);
  const pixels = new Uint8ClampedArray(samples.length);
  for (let index = 0; index < samples.length; index++) {
    // The sum of two uniform numbers is near enough to a normal one.
    pixels[index] = (samples[index] as number) + (random() + random() - 1) * 2.45 * SENSOR_NOISE;
  }
  return await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: QUALITY, chromaSubsampling: "4:2:0" })
    .toBuffer();
}

interface Noise {
  readonly width: number;
  readonly height: number;
  /** Random values along the longer side. */
  readonly values: number;
  /** Largest change, of 255. */
  readonly weight: number;
  readonly random: () => number;
}

async function addNoise(samples: Float32Array, { width, height, values, weight, random }: Noise): Promise<void> {
  const columns = Math.max(2, Math.round((values * width) / Math.max(width, height)));
  const rows = Math.max(2, Math.round((values * height) / Math.max(width, height)));
  const coarse = Uint8Array.from({ length: columns * rows * 3 }, () => random() * 256);
  const smooth = await sharp(coarse, { raw: { width: columns, height: rows, channels: 3 } })
    .resize(width, height, { fit: "fill", kernel: "cubic" })
    .raw()
    .toBuffer();
  for (let index = 0; index < samples.length; index++) {
    samples[index] = (samples[index] as number) + ((smooth[index] as number) / 127.5 - 1) * weight;
  }
}

/** A disc or a box of one colour, half see-through. */
function addShape(samples: Float32Array, width: number, height: number, random: () => number): void {
  const radius = (0.01 + 0.1 * random() ** 2) * Math.max(width, height);
  const [centreX, centreY] = [random() * width, random() * height];
  const colour = [random() * 255, random() * 255, random() * 255];
  const round = random() < 0.5;
  for (let y = Math.max(0, Math.ceil(centreY - radius)); y < Math.min(height, centreY + radius); y++) {
    const half = round ? Math.sqrt(radius ** 2 - (y - centreY) ** 2) : radius;
    for (let x = Math.max(0, Math.ceil(centreX - half)); x < Math.min(width, centreX + half); x++) {
      for (let channel = 0; channel < 3; channel++) {
        const index = (y * width + x) * 3 + channel;
        samples[index] = 0.4 * (samples[index] as number) + 0.6 * (colour[channel] as number);
      }
    }
  }
}

import sharp from "sharp";
import { INPUT_OPTIONS, outputOf } from "./libvips.ts";

/** The picture is looked at in this size: what is finer than that, recompression and resizing change. */
const SIDE = 32;
/** Frequencies 0 to 8 in each direction. */
const FREQUENCIES = 9;
/**
 * A grey value is one of 256. A picture whose strongest wave is weaker than this differs from one even colour by noise alone, and its hash would
 * be noise as well.
 */
const LEAST_AMPLITUDE = 1;

/** cos((2x + 1) u pi / 2N) at [u][x]. */
const COSINES = Array.from({ length: FREQUENCIES }, (_, frequency) =>
  Float64Array.from({ length: SIDE }, (_, place) => Math.cos(((2 * place + 1) * frequency * Math.PI) / (2 * SIDE))),
);

/** The 64 waves that are compared, lowest frequencies first: 8 x 8 without the mean, and one more in its place. */
const WAVES: readonly (readonly [across: number, down: number])[] = [
  ...Array.from({ length: 64 }, (_, index) => [index % 8, Math.floor(index / 8)] as const).slice(1),
  [8, 0],
];

/**
 * 64 bits that are nearly the same for pictures that look the same: for each of the 64 lowest waves of the grey picture (a discrete cosine
 * transform), whether it is stronger than their median. Size, compression and brightness change few of them. Take a thumbnail: it is upright, without
 * transparency, and small.
 * @returns 16 lower-case hexadecimal digits; null for a picture of one colour, which has no shape to compare
 * @throws MediaError never for what makeThumbnail made
 */
export async function perceptualHash(thumbnail: Uint8Array): Promise<string | null> {
  const size = { width: SIDE, height: SIDE, fit: "fill" } as const;
  const grey = await outputOf(sharp(thumbnail, INPUT_OPTIONS).greyscale().resize(size).raw());
  const amplitudes = wavesOf(grey.data, grey.info.channels);
  if (amplitudes.every((amplitude) => Math.abs(amplitude) < LEAST_AMPLITUDE)) return null;
  const sorted = amplitudes.toSorted((left, right) => left - right);
  const median = ((sorted[31] as number) + (sorted[32] as number)) / 2;
  const bits = amplitudes.map((amplitude) => (amplitude > median ? "1" : "0")).join("");
  return BigInt(`0b${bits}`).toString(16).padStart(16, "0");
}

/** Amplitude of each wave in grey values. */
function wavesOf(pixels: Uint8Array, channels: number): number[] {
  // Rows first: [FREQUENCIES][SIDE], then down the columns.
  const across = COSINES.map((cosines) =>
    Float64Array.from({ length: SIDE }, (_, row) =>
      cosines.reduce((sum, cosine, column) => sum + cosine * (pixels[(row * SIDE + column) * channels] as number), 0),
    ),
  );
  return WAVES.map(([x, y]) => {
    const sum = (COSINES[y] as Float64Array).reduce(
      (total, cosine, row) => total + cosine * ((across[x] as Float64Array)[row] as number),
      0,
    );
    return (sum * (x === 0 ? 1 : Math.SQRT2) * (y === 0 ? 1 : Math.SQRT2)) / (SIDE * SIDE);
  });
}

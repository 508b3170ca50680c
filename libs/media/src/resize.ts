/** 8-bit RGB, interleaved, rows from the top; data.length = width * height * 3. */
export interface RgbPixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Pillow's antialiased filters (its codes 4, 2, 5, 3 and 1). Nearest (0) is no filter and is not offered. */
export type ResizeFilter = "box" | "bilinear" | "hamming" | "bicubic" | "lanczos";

/** Fixed-point bits of Pillow's weights: 32 - 8 (pixel) - 2 (head room for negative lobes). */
const PRECISION_BITS = 22;
const HALF = 1 << (PRECISION_BITS - 1);

interface Kernel {
  /** Half width in source pixels at scale 1. */
  readonly radius: number;
  readonly weight: (x: number) => number;
}

function sinc(x: number): number {
  if (x === 0) return 1;
  const angle = x * Math.PI;
  return Math.sin(angle) / angle;
}

const KERNELS: Readonly<Record<ResizeFilter, Kernel>> = {
  box: { radius: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { radius: 1, weight: (x) => (Math.abs(x) < 1 ? 1 - Math.abs(x) : 0) },
  hamming: {
    radius: 1,
    weight: (x) => {
      const distance = Math.abs(x);
      if (distance === 0) return 1;
      if (distance >= 1) return 0;
      const angle = distance * Math.PI;
      // Pillow writes these two constants as C floats.
      return (Math.sin(angle) / angle) * (Math.fround(0.54) + Math.fround(0.46) * Math.cos(angle));
    },
  },
  bicubic: { radius: 2, weight: cubicWeight },
  lanczos: { radius: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Keys' cubic with a = -0.5 (PyTorch uses -0.75). */
function cubicWeight(x: number): number {
  const a = -0.5;
  const distance = Math.abs(x);
  if (distance < 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  if (distance < 2) return (((distance - 5) * distance + 8) * distance - 4) * a;
  return 0;
}

/**
 * Which Pillow decides the order of the two passes. They round in between, so the order shows where colours are extreme.
 * Up to 12.x the width always came first. From 13.0 (python-pillow/Pillow#9549) the height does where it shrinks by more
 * than twice the pixels that the width shrinks by; that is the case for portrait pictures made square.
 */
export type PassOrder = "pillow-13" | "pillow-12";

/** Resizes with Pillow's bicubic, BLIP's own; see `resize`. */
export function resizeBicubic(
  image: RgbPixels,
  width: number,
  height: number,
  passOrder: PassOrder = "pillow-13",
): RgbPixels {
  return resize(image, width, height, "bicubic", passOrder);
}

/**
 * Resizes to exactly width x height (the aspect ratio is the caller's), bit for bit as Pillow's `Image.resize`:
 * antialiased, one pass a direction, rounded to 8 bits in between; a direction that already fits is skipped.
 * Returns the input itself when nothing changes. Reference: Pillow src/libImaging/Resample.c; parity: resize.test.ts.
 */
export function resize(
  image: RgbPixels,
  width: number,
  height: number,
  filter: ResizeFilter,
  passOrder: PassOrder = "pillow-13",
): RgbPixels {
  for (const side of [width, height]) {
    if (!Number.isInteger(side) || side < 1)
      throw new Error(`Bug: resize to ${width} x ${height}, expected integers >= 1`);
  }
  if (image.data.length !== image.width * image.height * 3) {
    throw new Error(`Bug: ${image.data.length} bytes for ${image.width} x ${image.height} RGB pixels`);
  }
  const kernel = KERNELS[filter];
  const heightFirst =
    passOrder === "pillow-13" && image.height > height && image.height - height > 2 * (image.width - width);
  return heightFirst
    ? fitWidth(fitHeight(image, height, kernel), width, kernel)
    : fitHeight(fitWidth(image, width, kernel), height, kernel);
}

function fitWidth(image: RgbPixels, width: number, kernel: Kernel): RgbPixels {
  return image.width === width ? image : resizeColumns(image, width, kernel);
}

function fitHeight(image: RgbPixels, height: number, kernel: Kernel): RgbPixels {
  return image.height === height ? image : resizeRows(image, height, kernel);
}

interface Taps {
  /** Taps stored for every output index (the widest window). */
  readonly stride: number;
  /** First source index per output index. */
  readonly first: Int32Array;
  /** Number of source indices per output index. */
  readonly count: Int32Array;
  /** Weights times 2^22, [outputs, stride]. */
  readonly weights: Int32Array;
}

function precomputeTaps(inSize: number, outSize: number, kernel: Kernel): Taps {
  const scale = inSize / outSize;
  const filterScale = Math.max(scale, 1);
  const support = kernel.radius * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(outSize);
  const count = new Int32Array(outSize);
  const weights = new Int32Array(outSize * stride);
  const exact = new Float64Array(stride);
  for (let out = 0; out < outSize; out++) {
    const centre = (out + 0.5) * scale;
    const begin = Math.max(Math.trunc(centre - support + 0.5), 0);
    const taps = Math.min(Math.trunc(centre + support + 0.5), inSize) - begin;
    // Pillow multiplies by the reciprocal; dividing would differ in the last bit and now and then in a pixel.
    const inverse = 1 / filterScale;
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const weight = kernel.weight((tap + begin - centre + 0.5) * inverse);
      exact[tap] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < taps; tap++) {
      const weight = sum === 0 ? (exact[tap] as number) : (exact[tap] as number) / sum;
      const scaled = weight * (1 << PRECISION_BITS);
      weights[out * stride + tap] = Math.trunc(weight < 0 ? scaled - 0.5 : scaled + 0.5);
    }
    first[out] = begin;
    count[out] = taps;
  }
  return { stride, first, count, weights };
}

function clampToByte(sum: number): number {
  const value = sum >> PRECISION_BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

// The two passes are the hot loops: 145 million multiply-adds for 12 megapixels to 384 x 384. All indices come from
// precomputeTaps and stay inside the arrays, hence the `as number`.

function resizeColumns(image: RgbPixels, width: number, kernel: Kernel): RgbPixels {
  const { stride, first, count, weights } = precomputeTaps(image.width, width, kernel);
  const { data: source, height } = image;
  const target = new Uint8Array(width * height * 3);
  let to = 0;
  for (let y = 0; y < height; y++) {
    const row = y * image.width * 3;
    for (let x = 0; x < width; x++) {
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      let from = row + (first[x] as number) * 3;
      const begin = x * stride;
      const end = begin + (count[x] as number);
      for (let tap = begin; tap < end; tap++, from += 3) {
        const weight = weights[tap] as number;
        red = (red + Math.imul(source[from] as number, weight)) | 0;
        green = (green + Math.imul(source[from + 1] as number, weight)) | 0;
        blue = (blue + Math.imul(source[from + 2] as number, weight)) | 0;
      }
      target[to++] = clampToByte(red);
      target[to++] = clampToByte(green);
      target[to++] = clampToByte(blue);
    }
  }
  return { width, height, data: target };
}

function resizeRows(image: RgbPixels, height: number, kernel: Kernel): RgbPixels {
  const { stride, first, count, weights } = precomputeTaps(image.height, height, kernel);
  const { data: source, width } = image;
  const rowLength = width * 3;
  const target = new Uint8Array(rowLength * height);
  const sums = new Int32Array(rowLength);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    const begin = y * stride;
    let from = (first[y] as number) * rowLength;
    // Row by row through memory, not tap by tap down a column.
    for (let tap = begin; tap < begin + (count[y] as number); tap++) {
      const weight = weights[tap] as number;
      for (let i = 0; i < rowLength; i++, from++) {
        sums[i] = (sums[i] as number) + Math.imul(source[from] as number, weight);
      }
    }
    const to = y * rowLength;
    for (let i = 0; i < rowLength; i++) target[to + i] = clampToByte(sums[i] as number);
  }
  return { width, height, data: target };
}

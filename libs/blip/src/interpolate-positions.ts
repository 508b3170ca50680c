// PyTorch's bicubic kernel; Pillow's and libvips' have -0.5.
const CUBIC_COEFFICIENT = -0.75;

/**
 * Resizes a learned position embedding to another grid as BLIP does at load (models/vit.py:281 interpolate_pos_embed):
 * torch.nn.functional.interpolate(mode="bicubic", align_corners=False), half-pixel centres, no antialias, edges clamped.
 * The class token's row is kept.
 * @param stored float32 [1 + from * from, width], rows in row-major grid order
 * @returns      float32 [1 + to * to, width]
 */
export function interpolatePositions(stored: Float32Array, width: number, from: number, to: number): Float32Array {
  const result = new Float32Array((1 + to * to) * width);
  result.set(stored.subarray(0, width));
  const taps = Array.from({ length: to }, (_, index) => cubicTaps(index, from, to));
  for (const [y, rows] of taps.entries()) {
    for (const [x, columns] of taps.entries()) {
      const target = (1 + y * to + x) * width;
      for (let channel = 0; channel < width; channel++) {
        let sum = 0;
        for (const row of rows) {
          let line = 0;
          for (const column of columns) {
            line += column.weight * (stored[(1 + row.index * from + column.index) * width + channel] as number);
          }
          sum += row.weight * line;
        }
        result[target + channel] = sum;
      }
    }
  }
  return result;
}

interface Tap {
  readonly index: number;
  readonly weight: number;
}

function cubicTaps(output: number, from: number, to: number): readonly Tap[] {
  const centre = ((output + 0.5) * from) / to - 0.5;
  const base = Math.floor(centre);
  const offset = centre - base;
  return [-1, 0, 1, 2].map((step) => ({
    index: Math.min(from - 1, Math.max(0, base + step)),
    weight: cubicWeight(Math.abs(step - offset)),
  }));
}

function cubicWeight(distance: number): number {
  const a = CUBIC_COEFFICIENT;
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  if (distance < 2) return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a;
  return 0;
}

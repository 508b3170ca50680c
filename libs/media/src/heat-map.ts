import { promisify } from "node:util";
import { crc32, deflate } from "node:zlib";

// No libvips here: "@medley/media/heat-map" is for the gateway, which decodes no pictures.

/** Numbers over a picture, row by row from the top left, 0 to 255. */
export interface HeatGrid {
  readonly rows: number;
  readonly columns: number;
  readonly levels: Uint8Array;
}

/** Below this level, of 255, nothing is drawn: the places that speak least for a thing would veil the whole picture. */
const DRAWN_FROM = 77;
/** Of 255: the picture is to be seen through the hottest place too. */
const MOST_OPACITY = 190;
/** Colours from the first drawn level to the last, at even distances: dark violet, magenta, orange, light yellow. Lighter is hotter for every kind of sight. */
const COLOURS = [
  [60, 15, 110],
  [175, 45, 120],
  [245, 125, 40],
  [255, 240, 130],
] as const;

const compress = promisify(deflate);

/**
 * A transparent PNG that is laid over a picture: the grid, smoothed, as colours that let it shine through.
 * @param size of the result in pixels; the grid is stretched over all of it
 */
export async function renderHeatMap(
  grid: HeatGrid,
  { width, height }: { width: number; height: number },
): Promise<Buffer> {
  const { rows, columns, levels } = grid;
  if (levels.length !== rows * columns || levels.length === 0) {
    throw new Error(`Bug: a grid of ${rows} x ${columns} with ${levels.length} levels.`);
  }
  const acrossX = stretch(columns, width);
  const acrossY = stretch(rows, height);
  const lines = Buffer.alloc(height * (width + 1)); // each line begins with its filter, 0 for none
  for (const [y, { first, second, share }] of acrossY.entries()) {
    for (const [x, across] of acrossX.entries()) {
      const at = (row: number) => {
        const left = levels[row * columns + across.first] as number;
        return left + across.share * ((levels[row * columns + across.second] as number) - left);
      };
      lines[y * (width + 1) + 1 + x] = Math.round(at(first) + share * (at(second) - at(first)));
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8); // 8 bits a pixel, each an index of the palette
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", head),
    chunk("PLTE", PALETTE),
    chunk("tRNS", OPACITIES),
    chunk("IDAT", await compress(lines)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** For each pixel along one side the two patches whose middles it lies between, and how near it is to the second; eased, so that no edges are seen. */
function stretch(patches: number, pixels: number): { first: number; second: number; share: number }[] {
  return Array.from({ length: pixels }, (_, pixel) => {
    const place = Math.min(Math.max(((pixel + 0.5) * patches) / pixels - 0.5, 0), patches - 1);
    const first = Math.min(Math.floor(place), Math.max(patches - 2, 0));
    const linear = place - first;
    return { first, second: Math.min(first + 1, patches - 1), share: linear * linear * (3 - 2 * linear) };
  });
}

const LEVELS = Array.from({ length: 256 }, (_, level) => Math.max(0, (level - DRAWN_FROM) / (255 - DRAWN_FROM)));
const PALETTE = Buffer.from(LEVELS.flatMap(colourOf));
const OPACITIES = Buffer.from(LEVELS.map((heat) => Math.round(MOST_OPACITY * Math.sqrt(heat))));

function colourOf(heat: number): number[] {
  const place = heat * (COLOURS.length - 1);
  const first = Math.min(Math.floor(place), COLOURS.length - 2);
  const [from, to] = [COLOURS[first], COLOURS[first + 1]] as [readonly number[], readonly number[]];
  return from.map((value, channel) => Math.round(value + (place - first) * ((to[channel] as number) - value)));
}

/** Length, type, content and their check sum, as PNG (ISO/IEC 15948) wants every part of a file. */
function chunk(type: string, content: Buffer): Buffer {
  const whole = Buffer.alloc(12 + content.length);
  whole.writeUInt32BE(content.length, 0);
  whole.write(type, 4, "latin1");
  whole.set(content, 8);
  whole.writeUInt32BE(crc32(whole.subarray(4, 8 + content.length)), 8 + content.length);
  return whole;
}

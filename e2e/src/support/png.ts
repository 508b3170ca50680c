import { crc32, deflateSync } from "node:zlib";

/** A PNG file of RGB bytes, row by row. */
export function pngOfRgb(rgb: Uint8Array, width: number, height: number): Buffer {
  const rows = Array.from({ length: height }, (_, y) => [
    Buffer.of(0),
    Buffer.from(rgb.subarray(y * width * 3, (y + 1) * width * 3)),
  ]);
  return pngFile(width, height, deflateSync(Buffer.concat(rows.flat())));
}

/** A PNG whose header claims 200 megapixels; the data behind it is small. */
export function pixelBomb(): Buffer {
  return pngFile(20_000, 10_000, deflateSync(Buffer.alloc(1000)));
}

function pngFile(width: number, height: number, data: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // 8 bits, RGB, no interlacing.
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}

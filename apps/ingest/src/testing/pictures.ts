import { brotliDecompressSync, crc32, deflateSync } from "node:zlib";

/** A good PNG of 32 x 32 pixels; each number gives another picture. */
export function png(number: number): Buffer {
  const rows = Array.from({ length: 32 }, (_, y) =>
    Buffer.from([0, ...Array.from({ length: 96 }, (_, x) => (number * 31 + x * 7 + y * y * 3) & 255)]),
  );
  return pngFile(32, 32, deflateSync(Buffer.concat(rows)));
}

/** A PNG whose header claims 200 megapixels; the data behind it is small. */
export function pixelBomb(): Buffer {
  return pngFile(20_000, 10_000, deflateSync(Buffer.alloc(1000)));
}

/** A JPEG of 12 megapixels in one colour, as libjpeg writes it. */
export function largeJpeg(): Buffer {
  return brotliDecompressSync(Buffer.from(LARGE_JPEG, "base64"));
}

const LARGE_JPEG =
  "W3AUAeR5YDc4J4yGhEjc7TVhwX9ue5/DjQkiR4imQijVaDJko7ndwDxDGZnciBsJQvtDTy9s7STO3naD4yiGnNJBN9tssI0nWFz3GIuU55ItIabMqK23" +
  "ffSjT0dwRucYimIsSRH12MnSyAmDQmPeK1RG1SAcPIaj1fZ0PuW6n997/50fTrubc+UTY0jG4DhjVwpLu8z/H7TU73xMF8llbgMkEjBbURJDwJRIEiDv" +
  "hT82FgICmEhuzuJObwGxIg==";

function pngFile(width: number, height: number, data: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}

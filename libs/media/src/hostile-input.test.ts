import { readFile } from "node:fs/promises";
import { crc32, deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { decodeImage } from "./decode-image.ts";
import { describeImage } from "./describe-image.ts";
import { fixturePictures, sourceBytes } from "./fixture-pictures.ts";
import { makeThumbnail } from "./make-thumbnail.ts";
import { MediaError } from "./media-error.ts";

const FILES = fixturePictures().map(({ file }) => file);

/** The error code of decoding, describing and making a thumbnail alike; "decoded" where decoding works. */
async function outcome(bytes: Uint8Array): Promise<string> {
  try {
    await decodeImage(bytes);
    return "decoded";
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
    expect(error.message.length).toBeGreaterThan(20);
    return error.code;
  }
}

describe("files that are no picture", () => {
  it("are refused with the reason", async () => {
    expect(await outcome(new Uint8Array())).toBe("EMPTY_FILE");
    expect(await outcome(Uint8Array.of(0))).toBe("NOT_AN_IMAGE");
    expect(await outcome(Buffer.from("just text, whatever its extension"))).toBe("NOT_AN_IMAGE");
    expect(await outcome(new Uint8Array(100_000))).toBe("NOT_AN_IMAGE");
  });

  it("are refused where they would have to be rendered", async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
    for (const text of [svg, `<?xml version="1.0"?>\n<!-- ${"x".repeat(200)} -->${svg}`, `\ufeff  \n${svg}`]) {
      expect(await outcome(Buffer.from(text))).toBe("UNSUPPORTED_FORMAT");
    }
    expect(await outcome(Buffer.from("%PDF-1.7\n%âãÏÓ"))).toBe("UNSUPPORTED_FORMAT");
  });

  it("are named where the format is known and not decoded", async () => {
    for (const head of ["BM\x10\x27\0\0\0\0\0\0", "\0\0\x01\0", "8BPS", "P6\n1 1\n255\n", "\0\0\0\x18ftypisom"]) {
      await expect(decodeImage(Buffer.from(head, "latin1"))).rejects.toMatchObject({ code: "UNSUPPORTED_FORMAT" });
    }
    await expect(decodeImage(Buffer.from("8BPS"))).rejects.toThrow("The file is a Photoshop file, expected JPEG, PNG");
  });

  it("are refused where they are HEIC, with a way out", async () => {
    const heic = await readFile(new URL("../fixtures/refused/hevc.heic", import.meta.url));
    for (const call of [decodeImage, describeImage]) {
      await expect(call(heic)).rejects.toMatchObject({
        code: "UNSUPPORTED_FORMAT",
        message: expect.stringMatching(/HEIC \(hevc\).*Export it as JPEG/),
      });
    }
  });

  it("are refused in the same way by every function", async () => {
    for (const call of [
      decodeImage,
      describeImage,
      (bytes: Uint8Array) => makeThumbnail(bytes, { maxSidePixels: 64 }),
    ]) {
      await expect(call(new Uint8Array())).rejects.toMatchObject({ code: "EMPTY_FILE", retryable: false });
      await expect(call(Buffer.from("text"))).rejects.toMatchObject({ code: "NOT_AN_IMAGE" });
    }
  });
});

describe("damaged pictures", () => {
  it.each(FILES)("%s is reported when it is cut off at any tenth", async (file) => {
    const bytes = sourceBytes(file);
    for (let tenth = 1; tenth < 10; tenth++) {
      const result = await outcome(bytes.subarray(0, Math.floor((bytes.length * tenth) / 10)));
      // Of an animation the first frame may be whole.
      if (file !== "gif-animated.gif") expect(result).toMatch(/^(TRUNCATED|NOT_AN_IMAGE)$/);
    }
  });

  it("either decode or give a MediaError when bytes inside are wrong", async () => {
    const random = randomNumbers(20261123);
    const results = new Set<string>();
    for (const file of FILES) {
      for (let round = 0; round < 8; round++) {
        const bytes = Uint8Array.from(sourceBytes(file));
        for (let flips = 0; flips < 1 + round * 4; flips++) bytes[random(bytes.length)] = random(256);
        results.add(await outcome(bytes));
      }
    }
    expect(results).toContain("TRUNCATED");
  });

  it("give a MediaError when random bytes follow a good signature", async () => {
    const random = randomNumbers(7);
    for (const file of FILES) {
      const bytes = Uint8Array.from({ length: 3_000 }, () => random(256));
      bytes.set(sourceBytes(file).subarray(0, 16));
      expect(await outcome(bytes)).not.toBe("decoded");
    }
  });
});

describe("sizes", () => {
  it("over the limit are refused from the header, before decoding", async () => {
    const bomb = png(20_000, 10_000, Buffer.alloc(100));
    const before = process.memoryUsage.rss();
    await expect(decodeImage(bomb)).rejects.toMatchObject({
      code: "TOO_MANY_PIXELS",
      message: expect.stringContaining("20000 x 10000 = 200000000 pixels, the limit is 100000000"),
    });
    await expect(describeImage(bomb)).rejects.toMatchObject({ code: "TOO_MANY_PIXELS" });
    await expect(makeThumbnail(bomb, { maxSidePixels: 64 })).rejects.toMatchObject({ code: "TOO_MANY_PIXELS" });
    expect(process.memoryUsage.rss() - before).toBeLessThan(200_000_000); // decoded it would be 600 MB
  });

  it("over a caller's own limit are refused", async () => {
    await expect(decodeImage(sourceBytes("png-rgb.png"), { maxPixels: 70 * 110 - 1 })).rejects.toMatchObject({
      code: "TOO_MANY_PIXELS",
    });
    expect((await decodeImage(sourceBytes("png-rgb.png"), { maxPixels: 70 * 110 })).width).toBe(70);
  });

  it("that lie about the data are damage", async () => {
    expect(await outcome(png(9_000, 9_000, deflateSync(Buffer.alloc(200))))).toBe("TRUNCATED");
    expect(await outcome(png(0, 5, deflateSync(Buffer.alloc(200))))).toBe("TRUNCATED");
    expect(await outcome(png(4_000_000_000, 4_000_000_000, Buffer.alloc(9)))).toMatch(/TRUNCATED|TOO_MANY_PIXELS/);
  });

  it("of a GIF's canvas are not believed where its frame is smaller", async () => {
    const gif = Buffer.from(sourceBytes("gif.gif"));
    gif.fill(0xff, 6, 10);
    expect(await decodeImage(gif)).toMatchObject({ width: 70, height: 90 });
  });

  it.each([
    [1, 1],
    [1, 20_000],
    [20_000, 1],
  ])("of %i x %i decode", async (width, height) => {
    const bytes = png(width, height, deflateSync(Buffer.alloc((width * 3 + 1) * height)));
    expect(await decodeImage(bytes)).toMatchObject({ width, height });
    const thumbnail = await makeThumbnail(bytes, { maxSidePixels: 64 });
    expect(Math.max(thumbnail.width, thumbnail.height)).toBeLessThanOrEqual(64);
  });
});

/** An 8-bit RGB PNG with right checksums, whatever its data. */
function png(width: number, height: number, compressedRows: Uint8Array): Buffer {
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
  header.writeUInt32BE(width >>> 0, 0);
  header.writeUInt32BE(height >>> 0, 4);
  const chunk = (kind: string, body: Uint8Array) => {
    const content = Buffer.concat([Buffer.from(kind, "latin1"), body]);
    const frame = Buffer.alloc(content.length + 8);
    frame.writeUInt32BE(body.length, 0);
    content.copy(frame, 4);
    frame.writeUInt32BE(crc32(content), content.length + 4);
    return frame;
  };
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", compressedRows),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** Whole numbers below a limit, the same ones every run (mulberry32). */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

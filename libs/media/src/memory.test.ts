import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const PICTURES = 300;
/** What a decoded picture takes. 300 of them are 260 MB, far above what a process gains otherwise. */
const MEGABYTES_EACH = (640 * 480 * 3) / 1024 / 1024;

/** Decodes in a process of its own, and prints by how many megabytes it grew after the first few. */
const PROGRAM = `
  import sharp from "sharp";
  import { decodeImage } from ${JSON.stringify(new URL("./decode-image.ts", import.meta.url).href)};
  const file = await sharp({ create: { width: 640, height: 480, channels: 3, background: "red" } }).jpeg().toBuffer();
  const megabytes = () => (gc(), process.memoryUsage().rss / 1024 / 1024);
  for (let picture = 0; picture < 50; picture += 1) await decodeImage(file);
  const before = megabytes();
  for (let picture = 0; picture < ${PICTURES}; picture += 1) await decodeImage(file);
  console.log(megabytes() - before);
`;

test("frees the pixels of every picture that it decodes", { timeout: 120_000 }, async () => {
  const run = promisify(execFile)(process.execPath, ["--expose-gc", "--input-type=module", "-e", PROGRAM], {
    cwd: import.meta.dirname,
  });
  const grownBy = Number((await run).stdout);
  expect(grownBy).toBeLessThan((PICTURES * MEGABYTES_EACH) / 3);
});

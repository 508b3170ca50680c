/**
 * Draws numbered contact sheets for looking at the corpus:
 * node assets/demo/build/contact-sheet.mjs OUT_FOLDER PART COLUMNS ROWS CELL_PX
 * Writes PART-000.png, PART-001.png ... and prints "number<tab>path" for every picture.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";

const demoFolder = resolve(fileURLToPath(import.meta.url), "../..");
const LABEL_PX = 18;

async function main([outFolder, part, ...sizes]) {
  const [columns, rows, cellPx] = sizes.map(Number);
  const paths = readFileSync(join(demoFolder, "manifest.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).path)
    .filter((path) => path.startsWith(`images/${part}/`));
  mkdirSync(outFolder, { recursive: true });
  const perSheet = columns * rows;
  for (let start = 0; start < paths.length; start += perSheet) {
    const cells = paths.slice(start, start + perSheet);
    const sheet = await drawSheet(cells, start, { columns, rows, cellPx });
    await sheet.toFile(join(outFolder, `${part}-${String(start / perSheet).padStart(3, "0")}.png`));
  }
  paths.forEach((path, number) => console.log(`${number}\t${path}`));
}

async function drawSheet(paths, firstNumber, { columns, rows, cellPx }) {
  const layers = [];
  for (const [index, path] of paths.entries()) {
    const left = (index % columns) * cellPx;
    const top = Math.floor(index / columns) * (cellPx + LABEL_PX);
    const edge = cellPx - 4;
    const picture = await sharp(join(demoFolder, path)).resize(edge, edge, { fit: "inside" }).toBuffer();
    layers.push({ input: picture, left, top: top + LABEL_PX }, { input: label(firstNumber + index), left, top });
  }
  const size = { width: columns * cellPx, height: rows * (cellPx + LABEL_PX) };
  return sharp({ create: { ...size, channels: 3, background: "#c8c8c8" } })
    .composite(layers)
    .png();
}

function label(number) {
  return Buffer.from(
    `<svg width="60" height="${LABEL_PX}"><text x="2" y="14" font-family="sans-serif" font-size="15" font-weight="bold">${number}</text></svg>`,
  );
}

await main(process.argv.slice(2));

/**
 * Draws the emoji sets as packed pixels: node rasterise.mjs UNPACKED OUT
 * UNPACKED is `cache/unpacked` of ingredients.py. Writes per style OUT/STYLE.rgba (uint8 [N, 112, 112, 4], straight alpha)
 * and OUT/STYLE.json (the N concept keys), OUT/concepts.json ({ key: { label, tags, group } }, keys such as "1f415"), and
 * the same of the icon sets: black silhouettes with their names instead of keys.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import sharp from "sharp";

const SIZE = 112;
const BATCH = 16;
const GROUPS = new Set([0, 1, 3, 4, 5, 6, 7]); // emojibase: no components (2), symbols (8), flags (9)
const EMOJI_SETS = ["noto", "twemoji", "noto-v1", "emojione", "fxemoji", "streamline-emojis", "openmoji"];
const ICON_SETS = ["game-icons", "maki", "temaki", "mdi", "ph", "fa6-solid", "tabler", "lucide"];

const [unpacked, out] = process.argv.slice(2);
if (!unpacked || !out) throw new Error("usage: node rasterise.mjs UNPACKED OUT");

const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));
const keyOf = (hexcode) =>
  hexcode
    .toLowerCase()
    .split("-")
    .filter((point) => point !== "fe0f")
    .map((point) => point.replace(/^0+/, ""))
    .join("-");
const slugOf = (text) =>
  text
    .toLowerCase()
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .replace(/&/g, "and")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");

function readConcepts() {
  const concepts = {};
  for (const emoji of readJson(path.join(unpacked, "emojibase/package/en/data.json"))) {
    if (GROUPS.has(emoji.group))
      concepts[keyOf(emoji.hexcode)] = { label: emoji.label, tags: emoji.tags ?? [], group: emoji.group };
  }
  return concepts;
}

/** Names under which an icon set may know a concept: its label, the names of emoji-datasource, and both with no hyphens. */
function nameIndex(concepts) {
  const bySlug = new Map();
  const add = (name, key) => {
    for (const form of [slugOf(name), slugOf(name).replaceAll("-", "")]) if (!bySlug.has(form)) bySlug.set(form, key);
  };
  for (const [key, concept] of Object.entries(concepts)) add(concept.label, key);
  for (const emoji of readJson(path.join(unpacked, "emoji-datasource/package/emoji.json"))) {
    const key = keyOf(emoji.unified);
    if (concepts[key])
      for (const name of [emoji.name, ...(emoji.short_names ?? [])]) if (name) add(name.replaceAll("_", "-"), key);
  }
  return bySlug;
}

function emojiSet(name, concepts, bySlug) {
  const folder = path.join(unpacked, name, "package");
  const set = readJson(path.join(folder, "icons.json"));
  const charsFile = path.join(folder, "chars.json");
  const chars = set.chars ?? (existsSync(charsFile) ? readJson(charsFile) : {});
  const svg = (icon) => {
    const box = [
      icon.left ?? set.left ?? 0,
      icon.top ?? set.top ?? 0,
      icon.width ?? set.width ?? 16,
      icon.height ?? set.height ?? 16,
    ];
    return Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box.join(" ")}" width="${SIZE}" height="${SIZE}">${icon.body}</svg>`,
    );
  };
  const drawings = new Map();
  for (const [hexcode, icon] of Object.entries(chars)) {
    const key = keyOf(hexcode);
    if (concepts[key] && set.icons[icon] && !drawings.has(key)) drawings.set(key, svg(set.icons[icon]));
  }
  for (const [icon, body] of Object.entries(set.icons)) {
    const bare = icon.replace(/^u[0-9a-f]+-/, "");
    const key = bySlug.get(icon) ?? bySlug.get(bare) ?? bySlug.get(bare.replaceAll("-", ""));
    if (key && !drawings.has(key)) drawings.set(key, svg(body));
  }
  return drawings;
}

function fluentSet(concepts) {
  const folder = path.join(unpacked, "fluent-3d/package/assets");
  const drawings = new Map();
  for (const file of readdirSync(folder)) {
    const key = keyOf(file.replace(/\.webp$/, ""));
    if (file.endsWith(".webp") && concepts[key]) drawings.set(key, path.join(folder, file));
  }
  return drawings;
}

/** Icons of one colour, by their names; numbered ones ("abstract-003") name nothing. */
function silhouettes(name) {
  const set = readJson(path.join(unpacked, name, "package/icons.json"));
  const drawings = new Map();
  for (const [icon, { body, width = set.width, height = set.height }] of Object.entries(set.icons)) {
    if (/\d/.test(icon)) continue;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${SIZE}" height="${SIZE}" color="black">${body}</svg>`;
    drawings.set(icon, Buffer.from(svg));
  }
  return drawings;
}

async function draw(source) {
  const transparent = { r: 0, g: 0, b: 0, alpha: 0 };
  return sharp(source).resize(SIZE, SIZE, { fit: "contain", background: transparent }).ensureAlpha().raw().toBuffer();
}

async function pack(name, drawings) {
  const keys = [];
  const pixels = openSync(path.join(out, `${name}.rgba`), "w");
  const entries = [...drawings].sort(([a], [b]) => (a < b ? -1 : 1));
  for (let start = 0; start < entries.length; start += BATCH) {
    const batch = entries.slice(start, start + BATCH);
    const drawn = await Promise.all(batch.map(([, source]) => draw(source).catch(() => null)));
    for (const [index, rgba] of drawn.entries()) {
      if (rgba?.length !== SIZE * SIZE * 4) continue;
      writeSync(pixels, rgba);
      keys.push(batch[index][0]);
    }
  }
  closeSync(pixels);
  writeFileSync(path.join(out, `${name}.json`), JSON.stringify(keys));
  console.log(`${name}: ${keys.length} of ${entries.length} drawings`);
}

mkdirSync(out, { recursive: true });
const concepts = readConcepts();
writeFileSync(path.join(out, "concepts.json"), JSON.stringify(concepts));
const bySlug = nameIndex(concepts);
for (const name of EMOJI_SETS) await pack(name, emojiSet(name, concepts, bySlug));
await pack("fluent-3d", fluentSet(concepts));
for (const name of ICON_SETS) await pack(name, silhouettes(name));

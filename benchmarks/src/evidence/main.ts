// How often evidence maps point at the thing that a word names, on scenes whose things are known (README.md, docs/evidence.md).
//   npm run evidence -w @medley/benchmarks [-- --half choosing --ways all --model DIR --output words.jsonl]
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { areaUnderCurve, bootstrapInterval } from "@medley/evaluation";
import { createLocalInference, openModelSet } from "@medley/inference";
import type { EvidenceMap, EvidenceRequest, Inference } from "@medley/inference-api";
import { prepareModelInput } from "@medley/media";
import { allOf } from "../engine.ts";
import { judge, type Judged } from "./judge.ts";
import { animalPhotographs, drawingsOf, type Half, HALVES, landscapes } from "./pictures.ts";
import { composeScenes, type Layout, type Scene } from "./scenes.ts";
import { type Setting, SETTINGS } from "./settings.ts";

const BUNDLED = fileURLToPath(new URL("../../../assets/model/medley-small", import.meta.url));
const RESAMPLES = 10_000;

const { values } = parseArgs({
  options: {
    half: { type: "string", default: "held-out" },
    // "shipped" is what the bundled model set says and what others get by default; "all" every layer and contrast.
    ways: { type: "string", default: "shipped" },
    model: { type: "string", default: BUNDLED },
    // One JSON object a line for each word that was asked for.
    output: { type: "string" },
  },
});
if (!(HALVES as readonly string[]).includes(values.half) || !(values.ways in SETTINGS)) {
  console.error(`--half is one of ${HALVES.join(", ")}; --ways one of ${Object.keys(SETTINGS).join(", ")}.`);
  process.exit(2);
}

interface SceneSet {
  readonly name: string;
  readonly layout: Layout;
  readonly scenes: readonly Scene[];
}

interface AskedWord extends Judged {
  readonly set: string;
  readonly setting: string;
  readonly reading: "alone" | "in the text";
  readonly scene: number;
  readonly word: string;
  readonly isInReadingOrder: boolean;
  readonly peakCosine: number | null;
}

const sets = await composeSets(values.half as Half);
const asked: AskedWord[] = [];
const presence: { set: string; area: number }[] = [];
for (const setting of SETTINGS[values.ways as keyof typeof SETTINGS]) {
  await using inference = await openWith(setting);
  for (const set of sets) await askSet(inference, setting, set);
}
printTable();
for (const { set, area } of presence) {
  console.log(
    `${set}: peakCosine tells words of things that are there from as many that are not, area under the curve ${area.toFixed(3)}`,
  );
}
if (values.output !== undefined) {
  const stream = createWriteStream(values.output);
  for (const word of asked) stream.write(`${JSON.stringify(word)}\n`);
  stream.end();
  await once(stream, "finish");
}

async function composeSets(half: Half): Promise<SceneSet[]> {
  const drawings = drawingsOf(half);
  const compose = async (name: string, layout: Layout, pictures: typeof drawings, count: number) => ({
    name,
    layout,
    scenes: await composeScenes(pictures, layout, { count, seed: 20261126 }),
  });
  return [
    await compose("two drawings", "two", drawings, 100),
    await compose("four drawings", "four", drawings, 100),
    // Too few to be parted, so nothing may be chosen on them.
    ...(half === "held-out"
      ? [
          await compose("two landscapes", "two", landscapes(), 100),
          await compose("two photographs of animals", "two", animalPhotographs(), 100),
        ]
      : []),
  ];
}

async function openWith({ evidence }: Setting): Promise<Inference & { [Symbol.asyncDispose](): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "medley-evidence-"));
  const file = join(folder, "medley.models.json");
  const retrieval = { checkpoint: resolve(values.model) };
  writeFileSync(file, JSON.stringify({ name: "evidence", roles: { retrieval }, ...(evidence && { evidence }) }));
  const inference = await createLocalInference({
    modelSet: await openModelSet(file),
    resources: { url: new URL("../raw-pixels.ts", import.meta.url).href, settings: {} },
    graphDirectory: folder,
    workers: 1,
  });
  return {
    ...inference,
    async [Symbol.asyncDispose]() {
      await inference[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function askSet(inference: Inference, { name: setting, evidence }: Setting, set: SceneSet): Promise<void> {
  console.error(`${setting}, ${set.name} ...`);
  const [model] = await inference.models();
  if (!model) throw new Error("Bug: the model set serves no model.");
  const size = { sizePixels: model.imageSizePixels, filter: model.imageFilter };
  // The cosine of a word and a patch does not know the text.
  const readings = evidence?.method === "patchCosine" ? (["alone"] as const) : (["alone", "in the text"] as const);
  const cosines: { score: number; isPresent: boolean }[] = [];
  for (const [index, scene] of set.scenes.entries()) {
    const image = { bytes: await prepareModelInput(scene.png, size) };
    for (const reading of readings) {
      const requests = scene.things.map(({ word }): EvidenceRequest => {
        return reading === "alone" ? { image, word } : { image, word, text: scene.text };
      });
      const maps = allOf(await inference.mapEvidence(requests));
      for (const [place, { word, cell, isInReadingOrder }] of scene.things.entries()) {
        const map = maps[place] as EvidenceMap;
        const peakCosine = map.peakCosine ?? null;
        if (peakCosine !== null) cosines.push({ score: peakCosine, isPresent: true });
        const facts = { set: set.name, setting, reading, scene: index, word, isInReadingOrder, peakCosine };
        asked.push({ ...facts, ...judge(map, cell, set.layout) });
      }
    }
    if (evidence?.method !== "patchCosine") continue;
    const absent = allOf(await inference.mapEvidence(scene.absent.map((word) => ({ image, word }))));
    cosines.push(...absent.map(({ peakCosine }) => ({ score: peakCosine ?? 0, isPresent: false })));
  }
  if (cosines.length === 0) return;
  const scoresOf = (isPresent: boolean) =>
    cosines.filter((one) => one.isPresent === isPresent).map(({ score }) => score);
  presence.push({ set: set.name, area: areaUnderCurve(scoresOf(true), scoresOf(false)) });
}

function printTable(): void {
  console.log(`\n${values.half}; chance: 50 % of two, 25 % of four\n`);
  console.log(
    "| pictures | way | word read | n | pointed right | words whose place is not their turn | box IoU, mean | IoU >= 0.5 |",
  );
  console.log("|---|---|---|---|---|---|---|---|");
  const groups = Map.groupBy(asked, ({ set, setting, reading }) => `${set} | ${setting} | ${reading}`);
  for (const [group, words] of groups) {
    const right = percent(words.map(({ pointed }) => pointed));
    // Words of one scene share its picture: scenes are drawn again, not words.
    const byScene = [...Map.groupBy(words, ({ scene }) => scene).values()].map((some) =>
      mean(some.map(({ pointed }) => Number(pointed))),
    );
    const { low, high } = bootstrapInterval(byScene, { resamples: RESAMPLES });
    const moved = words.filter(({ isInReadingOrder }) => !isInReadingOrder);
    const overlaps = words.map(({ overlap }) => overlap);
    const interval = `${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)}`;
    const movedText = `${percent(moved.map(({ pointed }) => pointed))} (n ${moved.length})`;
    const boxes = `${mean(overlaps).toFixed(2)} | ${percent(overlaps.map((overlap) => overlap >= 0.5))}`;
    console.log(`| ${group} | ${words.length} | ${right} (${interval}) | ${movedText} | ${boxes} |`);
  }
  console.log("");
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0) / Math.max(1, numbers.length);
}

function percent(flags: readonly boolean[]): string {
  return `${(100 * mean(flags.map(Number))).toFixed(1)} %`;
}

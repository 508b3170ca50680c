import { preparePicture, prepareModelInput } from "@medley/media";
import { interleave, lowerIsBetter, type Measurement, median, timed } from "../measure.ts";
import { inParallel } from "./in-parallel.ts";
import { photographs } from "./picture-files.ts";
import { MODEL_PIXELS, modelInputFromFullDecode, prepareFromFullDecode, THUMBNAIL_PIXELS } from "./plain-sharp.ts";

/**
 * Photographs of 12 megapixels to thumbnail and model input as the product makes them, against one full decode that is resized
 * to both. Processor time beside wall time: it does not count what else the machine does.
 */
export async function preparation(runs: number, atOnce: number): Promise<readonly Measurement[]> {
  const pictures = await photographs();
  const target = { sizePixels: MODEL_PIXELS, filter: "bicubic" } as const;
  const modelInput = (bytes: Uint8Array) => prepareModelInput(bytes, target);
  const both = async (bytes: Uint8Array): Promise<void> => {
    const prepared = await preparePicture(bytes, { maxSidePixels: THUMBNAIL_PIXELS, modelInput: target });
    if (!prepared.modelInput) await modelInput(bytes);
  };
  return [
    ...(await compare("thumbnail and model input", both, prepareFromFullDecode)),
    ...(await compare("model input alone", modelInput, modelInputFromFullDecode)),
  ];

  async function compare(
    what: string,
    ours: (bytes: Uint8Array) => Promise<unknown>,
    baseline: (bytes: Uint8Array) => Promise<unknown>,
  ): Promise<Measurement[]> {
    const processor = { ours: [] as number[], baseline: [] as number[] };
    const measured = (work: (bytes: Uint8Array) => Promise<unknown>, taken: number[]) => async () => {
      const before = process.cpuUsage();
      const seconds = await timed(() => inParallel(pictures, atOnce, work));
      const { user, system } = process.cpuUsage(before);
      taken.push((user + system) / 1e6 / pictures.length);
      return seconds / pictures.length;
    };
    const wall = await interleave(runs, measured(ours, processor.ours), measured(baseline, processor.baseline));
    const metric = `12 megapixels, ${what}`;
    // The first of each was the warm-up.
    const cpu = { ours: median(processor.ours.slice(1)), baseline: median(processor.baseline.slice(1)) };
    return [
      lowerIsBetter("ingest", `${metric}, ${atOnce} at once`, "s", runs, wall),
      lowerIsBetter("ingest", `${metric}, processor time`, "s", runs, cpu),
    ];
  }
}

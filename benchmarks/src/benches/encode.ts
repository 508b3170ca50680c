import { startBaseline } from "../baseline.ts";
import { baseCheckpoint } from "../base-checkpoints.ts";
import { allOf, freshPicture, openEngine } from "../engine.ts";
import { interleave, lowerIsBetter, type Measurement, timed } from "../measure.ts";

/** Image encode of one picture, BLIP base at 384 pixels, against `transformers` in fp32 with as many threads. */
export async function encode(runs: number, threads: number): Promise<readonly Measurement[]> {
  const checkpoint = baseCheckpoint("retrieval");
  await using baseline = startBaseline(checkpoint, threads);
  await using engine = await openEngine(checkpoint, threads);
  const seconds = await interleave(
    runs,
    () => {
      const picture = freshPicture();
      return timed(async () => allOf(await engine.embedImages([picture])));
    },
    () => baseline.seconds({ op: "encode" }),
  );
  return [lowerIsBetter("encode", `image encode, ${threads} threads`, "s", runs, seconds)];
}

import { startBaseline } from "../baseline.ts";
import { baseCheckpoint } from "../base-checkpoints.ts";
import { allOf, freshPicture, openEngine } from "../engine.ts";
import { interleave, lowerIsBetter, type Measurement, timed } from "../measure.ts";

const NEW_TOKENS = 20;
/** [DEC] alone, as transformers_bench.py starts; the minimum length forbids an early end on both sides. */
const REQUEST = {
  prompt: "",
  decoding: { method: "greedy", maxLength: 1 + NEW_TOKENS, minLength: 1 + NEW_TOKENS },
} as const;

/** A caption of exactly 20 new tokens, greedy, with and without the image tower on both sides. */
export async function caption(runs: number, threads: number): Promise<readonly Measurement[]> {
  const checkpoint = baseCheckpoint("captioner");
  await using baseline = startBaseline(checkpoint, threads);
  await using engine = await openEngine(checkpoint, threads);
  const known = freshPicture();
  allOf(await engine.captionImages([known], REQUEST));
  const whole = await interleave(
    runs,
    () => {
      const picture = freshPicture();
      return timed(async () => allOf(await engine.captionImages([picture], REQUEST)));
    },
    () => baseline.seconds({ op: "caption", encode: true, newTokens: NEW_TOKENS }),
  );
  const textOnly = await interleave(
    runs,
    () => timed(async () => allOf(await engine.captionImages([known], REQUEST))),
    () => baseline.seconds({ op: "caption", encode: false, newTokens: NEW_TOKENS }),
  );
  return [
    lowerIsBetter("caption", `20 tokens with image encode, ${threads} threads`, "s", runs, whole),
    lowerIsBetter("caption", `20 tokens without image encode, ${threads} threads`, "s", runs, textOnly),
  ];
}

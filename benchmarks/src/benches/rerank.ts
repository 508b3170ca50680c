import { startBaseline } from "../baseline.ts";
import { baseCheckpoint } from "../base-checkpoints.ts";
import { allOf, freshPicture, openEngine } from "../engine.ts";
import { interleave, lowerIsBetter, type Measurement, timed } from "../measure.ts";

const PAIRS = 32;
/** 12 tokens with [ENC] and [SEP], as in transformers_bench.py. */
const QUERY = "two dogs playing on the beach with a red ball";

/**
 * Re-rank of 32 pairs whose image tokens are there, against the text encoder of `transformers` on given image embeddings, padded
 * to 35 as BLIP's processor does. (As its users call the whole model, the image tower runs 32 times on top.)
 */
export async function rerank(runs: number, threads: number): Promise<readonly Measurement[]> {
  const checkpoint = baseCheckpoint("retrieval");
  await using baseline = startBaseline(checkpoint, threads);
  await using engine = await openEngine(checkpoint, threads);
  const pictures = Array.from({ length: PAIRS }, freshPicture);
  allOf(await engine.embedImages(pictures));
  const seconds = await interleave(
    runs,
    () => timed(async () => allOf(await engine.matchImages(QUERY, pictures))),
    () => baseline.seconds({ op: "rerank", variant: "matcherOnly", pairs: PAIRS }),
  );
  return [lowerIsBetter("rerank", `${PAIRS} pairs, 12 tokens, ${threads} threads`, "s", runs, seconds)];
}

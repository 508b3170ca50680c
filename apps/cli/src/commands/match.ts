import { type Inference, InferenceError, type Match, type Outcome } from "@medley/inference-api";
import { z } from "zod";
import { errorRecord } from "../cli-error.ts";
import { readImage } from "../engine/read-image.ts";
import { type LineResult, requireAbility, runLines, settleItem } from "../engine/run-lines.ts";

const pairSchema = z.object({ image: z.string(), text: z.string() });
type Pair = z.infer<typeof pairSchema>;

/** {image,text} → {image,text,itcCosine,itmLogit} */
export async function runMatch(inference: Inference, options: { input: string; json: boolean }): Promise<void> {
  await requireAbility(inference, "match");
  await runLines({ ...options, schema: pairSchema, run: (pairs) => matchPairs(inference, pairs, options.input) });
}

/** Pairs of one picture go to the models together, so that the picture is read and encoded once. */
async function matchPairs(inference: Inference, pairs: readonly Pair[], input: string): Promise<LineResult[]> {
  const byImage = Map.groupBy(pairs, ({ image }) => image);
  const results = new Map<Pair, LineResult>();
  await Promise.all(
    [...byImage].map(async ([path, samePicture]) => {
      const picture = await settleItem(readImage(path, input));
      const outcomes = picture.ok
        ? await inference.matchTexts(
            picture.value,
            samePicture.map(({ text }) => text),
            { itcCosine: true },
          )
        : undefined;
      for (const [index, pair] of samePicture.entries()) {
        results.set(pair, picture.ok ? resultOf(pair, outcomes?.[index]) : picture);
      }
    }),
  );
  return pairs.map((pair) => results.get(pair) as LineResult);
}

function resultOf({ image, text }: Pair, outcome: Outcome<Match> | undefined): LineResult {
  if (!outcome?.ok) return { ok: false, error: errorRecord(outcome?.error ?? lost()) };
  const { itcCosine = null, itmLogit } = outcome.value;
  const shown = `${itmLogit.toFixed(4)}\t${itcCosine?.toFixed(4) ?? "-"}\t${image}\t${text}`;
  return { ok: true, fields: { itcCosine, itmLogit }, text: shown };
}

function lost(): InferenceError {
  return new InferenceError("ENGINE_FAILED", "The engine gave no outcome for this line.");
}

import { type CaptionRequest, type Inference, toldAlternatives } from "@medley/inference-api";
import { z } from "zod";
import { errorRecord } from "../cli-error.ts";
import { readImage } from "../engine/read-image.ts";
import { type LineResult, requireAbility, runLines, settleItem } from "../engine/run-lines.ts";

const imageSchema = z.object({ image: z.string() });

/** {image} → {image,caption,tokenIds}, and {caption,tokenIds,logProbability} of each alternative that was asked for. */
export async function runCaption(
  inference: Inference,
  request: CaptionRequest,
  options: { input: string; json: boolean },
): Promise<void> {
  await requireAbility(inference, "caption");
  const run = (items: readonly { image: string }[]) =>
    Promise.all(items.map(({ image }) => captionImage(inference, request, image, options.input)));
  await runLines({ ...options, schema: imageSchema, run });
}

async function captionImage(
  inference: Inference,
  request: CaptionRequest,
  path: string,
  input: string,
): Promise<LineResult> {
  const picture = await settleItem(readImage(path, input));
  if (!picture.ok) return picture;
  const [outcome] = await inference.captionImages([picture.value], request);
  if (!outcome) throw new Error("Bug: captionImages gave no outcome for one picture");
  if (!outcome.ok) return { ok: false, error: errorRecord(outcome.error) };
  const { text: caption, tokenIds, logProbability } = outcome.value;
  if (request.alternatives === undefined) {
    return { ok: true, fields: { caption, tokenIds }, text: `${path}\t${caption}` };
  }
  const told = request.alternatives === 0 ? [] : toldAlternatives(outcome.value);
  const others = told.map(({ text, ...scored }) => ({ caption: text, ...scored }));
  const fields = { caption, tokenIds, logProbability, alternatives: others };
  return {
    ok: true,
    fields,
    text: [caption, ...others.map((other) => other.caption)].map((one) => `${path}\t${one}`).join("\n"),
  };
}

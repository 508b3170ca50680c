import type { CaptionRequest, Inference } from "@medley/inference-api";
import { z } from "zod";
import { errorRecord } from "../cli-error.ts";
import { readImage } from "../engine/read-image.ts";
import { type LineResult, requireAbility, runLines, settleItem } from "../engine/run-lines.ts";

const imageSchema = z.object({ image: z.string() });

/** {image} → {image,caption,tokenIds} */
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
  const { text: caption, tokenIds } = outcome.value;
  return { ok: true, fields: { caption, tokenIds }, text: `${path}\t${caption}` };
}

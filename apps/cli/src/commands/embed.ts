import type { Inference, Outcome } from "@medley/inference-api";
import { z } from "zod";
import { errorRecord } from "../cli-error.ts";
import { readImage } from "../engine/read-image.ts";
import { type LineResult, requireAbility, runLines, settleItem } from "../engine/run-lines.ts";

const itemSchema = z.union([z.object({ image: z.string() }), z.object({ text: z.string() })], {
  error: 'expected {"image"} or {"text"}',
});
type Item = z.infer<typeof itemSchema>;

/** {image} or {text} → the same with "embedding" (norm 1) */
export async function runEmbed(inference: Inference, options: { input: string; json: boolean }): Promise<void> {
  await requireAbility(inference, "embed");
  await runLines({ ...options, schema: itemSchema, run: (items) => embedItems(inference, items, options.input) });
}

async function embedItems(inference: Inference, items: readonly Item[], input: string): Promise<LineResult[]> {
  const texts = items.flatMap((item) => ("text" in item ? [item.text] : []));
  const ofTexts = embedTexts(inference, texts);
  const ofImages = items.map((item) => ("image" in item ? embedImage(inference, item.image, input) : undefined));
  const textResults = (await ofTexts).values();
  return Promise.all(items.map((_, index) => ofImages[index] ?? (textResults.next().value as LineResult)));
}

async function embedTexts(inference: Inference, texts: readonly string[]): Promise<LineResult[]> {
  if (texts.length === 0) return [];
  return (await inference.embedTexts(texts)).map((outcome, index) => resultOf(texts[index] ?? "", outcome));
}

async function embedImage(inference: Inference, path: string, input: string): Promise<LineResult> {
  const picture = await settleItem(readImage(path, input));
  if (!picture.ok) return picture;
  const [outcome] = await inference.embedImages([picture.value]);
  if (!outcome) throw new Error("Bug: embedImages gave no outcome for one picture");
  return resultOf(path, outcome);
}

function resultOf(name: string, outcome: Outcome<Float32Array>): LineResult {
  if (!outcome.ok) return { ok: false, error: errorRecord(outcome.error) };
  const embedding = Array.from(outcome.value);
  const start = embedding.slice(0, 4).map((value) => value.toFixed(4));
  return { ok: true, fields: { embedding }, text: `${name}\t[${start.join(", ")}, … ${embedding.length} numbers]` };
}

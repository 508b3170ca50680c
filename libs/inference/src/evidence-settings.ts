import type { EvidenceSettings, TextGeometry } from "@medley/blip";
import { InferenceError } from "@medley/inference-api";

/**
 * Reads "evidence" of a model set.
 * @throws InferenceError MODEL_NOT_FOUND naming the member, its value and what the model has
 */
export function parseEvidence(setting: unknown, { layers, heads }: TextGeometry, where: string): EvidenceSettings {
  const wrong = (member: string, value: unknown, expected: string): never => {
    const found = `"evidence${member}" is ${JSON.stringify(value)}`;
    throw new InferenceError("MODEL_NOT_FOUND", `${where}: ${found}, expected ${expected}.`);
  };
  if (typeof setting !== "object" || setting === null) return wrong("", setting, "an object");
  const { method, layer, heads: chosen, contrast = "ratio", ...unknown } = setting as Record<string, unknown>;
  const [stranger] = Object.keys(unknown);
  if (stranger !== undefined) return wrong(`.${stranger}`, unknown[stranger], "no such member");
  if (method === "patchCosine") {
    if (layer !== undefined || chosen !== undefined) {
      return wrong(".method", method, '"crossAttention" beside a layer or heads');
    }
    return { method };
  }
  if (method !== "crossAttention") return wrong(".method", method, '"patchCosine" or "crossAttention"');
  if (!isIndex(layer, layers)) return wrong(".layer", layer, `a layer from 0 to ${layers - 1}`);
  if (contrast !== "difference" && contrast !== "ratio") {
    return wrong(".contrast", contrast, '"difference" or "ratio"');
  }
  if (chosen === undefined) return { method, layer, contrast };
  if (!Array.isArray(chosen) || chosen.length === 0 || !chosen.every((head) => isIndex(head, heads))) {
    return wrong(".heads", chosen, `a list of heads from 0 to ${heads - 1}, or none for all of them`);
  }
  return { method, layer, heads: chosen as number[], contrast };
}

function isIndex(value: unknown, size: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < size;
}

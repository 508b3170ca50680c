import { BlipError } from "../blip-error.ts";

/** What a Hugging Face config.json says about the geometry, with the defaults of BlipTextConfig and BlipVisionConfig. */
export interface HuggingFaceConfig {
  readonly vision: {
    readonly width: number;
    readonly layers: number;
    readonly heads: number;
    readonly mlpWidth: number;
    readonly patchPixels: number;
    readonly imagePixels: number;
    readonly layerNormEpsilon: number;
  };
  readonly text: {
    readonly width: number;
    readonly layers: number;
    readonly heads: number;
    readonly mlpWidth: number;
    readonly vocabularySize: number;
    readonly positions: number;
    readonly layerNormEpsilon: number;
    readonly bosTokenId: number;
    readonly sepTokenId: number;
    readonly padTokenId: number;
  };
}

/**
 * Reads config.json. transformers 5 leaves out whatever equals its class default, so a missing field means that default
 * (configuration_blip.py) and never a guess; among them 8 text heads, which no public checkpoint has but which must load as such.
 * @throws BlipError BAD_CONFIG naming the field, its value and what was expected
 */
export function readHuggingFaceConfig(json: unknown, file: string): HuggingFaceConfig {
  const root = record(json, file, "the file");
  const text = record(root["text_config"] ?? {}, file, "text_config");
  const vision = record(root["vision_config"] ?? {}, file, "vision_config");
  for (const [section, fields] of Object.entries({ text_config: text, vision_config: vision })) {
    const activation = fields["hidden_act"] ?? "gelu";
    if (activation !== "gelu") {
      throw new BlipError(
        "BAD_CONFIG",
        `${file}: ${section}.hidden_act is ${JSON.stringify(activation)}, expected "gelu" (the exact, erf form).`,
      );
    }
  }
  const number = (fields: Record<string, unknown>, section: string, name: string, fallback: number, integer = true) => {
    const raw = fields[name] ?? fallback;
    const value = Array.isArray(raw) && raw.length === 2 && raw[0] === raw[1] ? raw[0] : raw;
    if (typeof value !== "number" || !Number.isFinite(value) || value < 0 || (integer && !Number.isInteger(value))) {
      const expected = integer ? "a whole number" : "a number";
      throw new BlipError("BAD_CONFIG", `${file}: ${section}.${name} is ${JSON.stringify(raw)}, expected ${expected}.`);
    }
    return value;
  };
  const ofText = (name: string, fallback: number, integer = true) =>
    number(text, "text_config", name, fallback, integer);
  const ofVision = (name: string, fallback: number, integer = true) =>
    number(vision, "vision_config", name, fallback, integer);
  const config = {
    vision: {
      width: ofVision("hidden_size", 768),
      layers: ofVision("num_hidden_layers", 12),
      heads: ofVision("num_attention_heads", 12),
      mlpWidth: ofVision("intermediate_size", 3072),
      patchPixels: ofVision("patch_size", 16),
      imagePixels: ofVision("image_size", 384),
      layerNormEpsilon: ofVision("layer_norm_eps", 1e-5, false),
    },
    text: {
      width: ofText("hidden_size", 768),
      layers: ofText("num_hidden_layers", 12),
      heads: ofText("num_attention_heads", 8),
      mlpWidth: ofText("intermediate_size", 3072),
      vocabularySize: ofText("vocab_size", 30524),
      positions: ofText("max_position_embeddings", 512),
      layerNormEpsilon: ofText("layer_norm_eps", 1e-12, false),
      bosTokenId: ofText("bos_token_id", 30522),
      sepTokenId: ofText("sep_token_id", 102),
      padTokenId: ofText("pad_token_id", 0),
    },
  };
  checkHeads(file, "vision_config", config.vision);
  checkHeads(file, "text_config", config.text);
  return config;
}

function checkHeads(file: string, section: string, tower: { readonly width: number; readonly heads: number }): void {
  if (tower.heads < 1 || tower.width % tower.heads !== 0) {
    throw new BlipError(
      "BAD_CONFIG",
      `${file}: ${section}.num_attention_heads is ${tower.heads}, which does not divide hidden_size ${tower.width}.`,
    );
  }
}

function record(value: unknown, file: string, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new BlipError(
      "BAD_CONFIG",
      `${file}: ${what} is ${JSON.stringify(value)?.slice(0, 60)}, expected an object.`,
    );
  }
  return value as Record<string, unknown>;
}

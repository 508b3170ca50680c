import type { Decoding } from "../inference.ts";
import { optionalChoice, optionalNumber, type Parameters, requireNumber } from "./wire.ts";

/** Decoding settings as flat parameters of a request: method, beams, top_p, top_k, seed and the length limits. */
export function encodeDecoding(decoding: Decoding): Parameters {
  const { maxLength, minLength, repetitionPenalty } = decoding;
  return {
    method: decoding.method,
    ...(maxLength !== undefined && { max_length: maxLength }),
    ...(minLength !== undefined && { min_length: minLength }),
    ...(repetitionPenalty !== undefined && { repetition_penalty: repetitionPenalty }),
    ...(decoding.method === "beam" && { beams: decoding.beams }),
    ...(decoding.method === "nucleus" && { top_p: decoding.topP, seed: decoding.seed }),
    ...(decoding.method === "nucleus" && decoding.topK !== undefined && { top_k: decoding.topK }),
  };
}

/** The reverse; a request that names no method means greedy. Throws WireError. */
export function decodeDecoding(parameters: Parameters): Decoding {
  const method = optionalChoice(parameters, "method", ["greedy", "beam", "nucleus"]) ?? "greedy";
  const limits = decodeLimits(parameters);
  switch (method) {
    case "greedy":
      return { method, ...limits };
    case "beam":
      return { method, beams: requireNumber(parameters, "beams"), ...limits };
    case "nucleus": {
      const topK = optionalNumber(parameters, "top_k");
      return {
        method,
        topP: requireNumber(parameters, "top_p"),
        seed: requireNumber(parameters, "seed"),
        ...(topK !== undefined && { topK }),
        ...limits,
      };
    }
  }
}

function decodeLimits(parameters: Parameters) {
  const maxLength = optionalNumber(parameters, "max_length");
  const minLength = optionalNumber(parameters, "min_length");
  const repetitionPenalty = optionalNumber(parameters, "repetition_penalty");
  return {
    ...(maxLength !== undefined && { maxLength }),
    ...(minLength !== undefined && { minLength }),
    ...(repetitionPenalty !== undefined && { repetitionPenalty }),
  };
}

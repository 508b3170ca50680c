import type { Caption, Decoding, GeneratedText } from "./inference.ts";
import { InferenceError } from "./outcome.ts";

/** More than this no call may ask for: each is a row more in every step of the decoder. */
export const MOST_ALTERNATIVES = 15;

/** How many texts a decoding can find beside the caption: those of the other beams, or one for each further seed. */
function mostAlternatives(decoding: Decoding): number {
  if (decoding.method === "nucleus") return MOST_ALTERNATIVES;
  return decoding.method === "beam" ? Math.min(decoding.beams - 1, MOST_ALTERNATIVES) : 0;
}

/** What is wrong with asking a decoding for so many, and what to do; null where nothing is. */
export function alternativesComplaint(alternatives: number, decoding: Decoding): string | null {
  if (!Number.isInteger(alternatives) || alternatives < 0 || alternatives > MOST_ALTERNATIVES) {
    return `alternatives is ${alternatives}, expected a whole number from 0 to ${MOST_ALTERNATIVES}.`;
  }
  const most = mostAlternatives(decoding);
  if (alternatives <= most || decoding.method === "nucleus") return null;
  if (decoding.method === "greedy") {
    return `alternatives is ${alternatives}, but greedy decoding finds the caption only. Search with beams, or sample (nucleus).`;
  }
  const found = `beam search with ${decoding.beams} ${decoding.beams === 1 ? "beam" : "beams"} finds ${most} beside the caption`;
  return `alternatives is ${alternatives}, but ${found}. Take more beams or ask for fewer, or sample (nucleus).`;
}

/** The alternatives of a caption that some were asked for. Throws UNSUPPORTED where the server is too old to tell them. */
export function toldAlternatives({ alternatives }: Caption): readonly GeneratedText[] {
  if (alternatives !== undefined) return alternatives;
  const hint = "It is older than what asks it. Update it, or ask for none.";
  throw new InferenceError("UNSUPPORTED", `The inference server does not tell alternatives of a caption. ${hint}`);
}

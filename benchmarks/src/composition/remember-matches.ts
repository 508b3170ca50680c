import type { Inference, Match, Outcome } from "@medley/inference-api";

/**
 * The same engine, which judges a text and a stored picture once only: what is asked in several ways costs no more than asked in one. Failures are tried
 * again.
 */
export function rememberMatches(inference: Inference): Inference {
  const known = new Map<string, Outcome<Match>>();
  return {
    ...inference,
    async matchImages(text, images, options) {
      const keys = images.map((image) => {
        if ("sha256" in image) return `${options?.role ?? "retrieval"} ${image.sha256} ${text}`;
        throw new Error("Bug: a picture that is not stored has no name to be remembered by.");
      });
      const missing = images.filter((_, index) => !known.has(keys[index] ?? ""));
      const fresh = missing.length === 0 ? [] : await inference.matchImages(text, missing, options);
      const next = fresh.values();
      return keys.map((key) => {
        const outcome = known.get(key) ?? next.next().value;
        if (outcome === undefined)
          throw new Error("Bug: the engine returned fewer outcomes than it was given pictures.");
        if (outcome.ok) known.set(key, outcome);
        return outcome;
      });
    },
  };
}

import type { DecodingSettings } from "./decoding-settings.ts";
import { logSoftmax, penalizeRepetition } from "./scores.ts";
import type { Hypothesis, TextSearch } from "./text-search.ts";

interface Finished extends Hypothesis {
  /** Log-probability per generated token. */
  readonly score: number;
}

interface Continuation {
  readonly beam: number;
  readonly token: number;
  readonly sum: number;
}

// The score that stands for "impossible"; transformers uses the same number, and sums with it are compared.
const IMPOSSIBLE = -1e9;

/**
 * Beam search as `transformers` 5 does it (generation/utils.py `_beam_search`, early_stopping false, length penalty 1):
 * twice as many continuations as beams are looked at, an ended one counts only among the first `beams`, scores are divided by the
 * number of generated tokens including the end token, and the search stops when the best running sequence cannot beat the
 * worst finished one at its present length. (BLIP's own release, transformers 4.15, divided by the length with prefix.)
 * Log-probabilities are sums after processors, as `transformers` adds them up; alternatives are what `num_return_sequences` returns.
 */
export function createBeamSearch(prefix: readonly number[], endToken: number, settings: DecodingSettings): TextSearch {
  const { beams, maxLength, minLength, repetitionPenalty } = settings;
  let running: Hypothesis[] = [{ tokens: prefix, logProbability: 0 }];
  let order: readonly number[] = [0];
  let finished: Finished[] = [];
  let done = prefix.length >= maxLength;

  function advance(logits: readonly Float32Array[]): void {
    const length = (running[0] as Hypothesis).tokens.length;
    const continuations = bestContinuations(running, logits, 2 * beams, (scores, tokens) => {
      penalizeRepetition(scores, tokens, repetitionPenalty);
      if (length < minLength) scores[endToken] = Number.NEGATIVE_INFINITY;
    });
    const atLimit = length + 1 >= maxLength;
    const ends = (one: Continuation): boolean => atLimit || one.token === endToken;
    const generated = length + 1 - prefix.length;
    const newlyFinished = continuations.slice(0, beams).filter(ends);
    finished = [...finished, ...newlyFinished.map((one) => ({ ...extend(running, one), score: one.sum / generated }))]
      .sort((a, b) => b.score - a.score)
      .slice(0, beams);
    const next = [...continuations.filter((one) => !ends(one)), ...continuations.filter(ends)].slice(0, beams);
    const valid = next.some((one) => !ends(one));
    const bestRunning = next[0] && !ends(next[0]) ? next[0].sum / generated : IMPOSSIBLE;
    const worstFinished = finished.length === beams ? (finished.at(-1)?.score ?? IMPOSSIBLE) : IMPOSSIBLE;
    running = next.map((one) => ({ ...extend(running, one), ...(ends(one) ? { logProbability: IMPOSSIBLE } : {}) }));
    order = next.map((one) => one.beam);
    done = atLimit || !valid || bestRunning <= worstFinished;
  }

  return {
    sequences: () => running.map((one) => one.tokens),
    order: () => order,
    done: () => done,
    advance,
    found: () => {
      const [best = running[0] as Hypothesis, ...others] = finished;
      return [best, ...others.slice(0, settings.texts - 1)];
    },
  };
}

function extend(running: readonly Hypothesis[], one: Continuation): Hypothesis {
  const parent = running[one.beam] as Hypothesis;
  return { tokens: [...parent.tokens, one.token], logProbability: one.sum };
}

/** The `count` best continuations over all beams, best first. */
function bestContinuations(
  running: readonly Hypothesis[],
  logits: readonly Float32Array[],
  count: number,
  process: (scores: Float32Array, tokens: readonly number[]) => void,
): readonly Continuation[] {
  const best: Continuation[] = [];
  for (const [beam, hypothesis] of running.entries()) {
    const scores = logSoftmax(logits[beam] as Float32Array);
    process(scores, hypothesis.tokens);
    for (let token = 0; token < scores.length; token++) {
      const sum = Math.fround((scores[token] as number) + hypothesis.logProbability);
      if (best.length === count && sum <= (best[count - 1] as Continuation).sum) continue;
      let place = best.length;
      while (place > 0 && sum > (best[place - 1] as Continuation).sum) place--;
      best.splice(place, 0, { beam, token, sum });
      if (best.length > count) best.pop();
    }
  }
  return best;
}

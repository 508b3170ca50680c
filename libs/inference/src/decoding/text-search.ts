/** A finished or running sequence. */
export interface Hypothesis {
  readonly tokens: readonly number[];
  /** Sum of log-probabilities of the generated tokens. */
  readonly logProbability: number;
}

/** A search for texts of one source, driven step by step with logits from outside. */
export interface TextSearch {
  /** Running sequences: one before the first step, then one for each beam or sample. */
  readonly sequences: () => readonly (readonly number[])[];
  /** For each running sequence, the index of the sequence of the step before that it continues. */
  readonly order: () => readonly number[];
  readonly done: () => boolean;
  /** @param logits one row for each running sequence */
  readonly advance: (logits: readonly Float32Array[]) => void;
  /** What was found: the text first, then its alternatives, best first. */
  readonly found: () => readonly [Hypothesis, ...Hypothesis[]];
}

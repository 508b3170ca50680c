/** What is done to every image. A step begins when the one that it needs is done. */
export const STEPS = ["prepare", "embed", "caption-embed", "caption", "filter"] as const;
export type Step = (typeof STEPS)[number];

export const NEEDS: Readonly<Record<Step, Step | null>> = {
  prepare: null,
  embed: "prepare",
  "caption-embed": "prepare",
  caption: "embed",
  filter: "embed",
};

/** Those that fill a space. What captioner and filter do belongs to the corpus, and is counted in the space that answers. */
export const STEPS_OF_SPACES: readonly Step[] = ["embed", "caption-embed"];

/** The step that this one waits for, the one before that, and so on. */
export function stepsBefore(step: Step): Step[] {
  const needed = NEEDS[step];
  return needed === null ? [] : [needed, ...stepsBefore(needed)];
}

/** Each step beside every step that it cannot do without, as a table for SQL. */
export const BLOCKED_BY = `(values ${STEPS.flatMap((step) => stepsBefore(step).map((needed) => `('${step}', '${needed}')`)).join(", ")})
  as blocked_by (step, needed)`;

import { spacesBehind } from "@medley/storage";
import { allOrAbort } from "../all-or-abort.ts";
import type { IngestContext } from "../ingest-context.ts";
import { retryTransient } from "../retry.ts";
import { fillSpace, type StepPlan } from "../steps/run-steps.ts";
import { planSpace } from "./space-plan.ts";

/** Fills the other spaces of a corpus beside a run: one that is being built, and one that stands by. */
export interface OtherSpaces {
  /** Whether there is one that could be filled. */
  areBehind(): Promise<boolean>;
  /** Begins with those that have fallen behind. */
  look(): Promise<void>;
  /** Resolves when no other space is behind, or the run was told to stop. */
  finish(): Promise<void>;
}

export interface OtherSpacesTarget {
  readonly corpusId: string;
  /** The space that the run itself fills. */
  readonly besideSpaceId: string;
  readonly onNote: (note: string) => void;
}

/** The context of the run ends what was begun. What fails here fails in `finish`. */
export function createOtherSpaces(outer: IngestContext, target: OtherSpacesTarget): OtherSpaces {
  const failure = new AbortController();
  const signal = AbortSignal.any([outer.signal, failure.signal]);
  const context = { ...outer, signal, retry: { ...outer.retry, signal } };
  const filling = new Set<string>();
  const begun: Promise<void>[] = [];
  const unserved = new Set<string>();

  /** Those behind that nobody here fills yet. */
  async function plansBehind(): Promise<StepPlan[]> {
    const behind = await retryTransient(() => spacesBehind(context.db, target), context.retry);
    const plans: StepPlan[] = [];
    for (const space of behind) {
      if (filling.has(space.id) || unserved.has(space.id)) continue;
      const plan = await planSpace(context, target.corpusId, space);
      if (plan !== null) plans.push(plan);
      else {
        unserved.add(space.id);
        target.onNote(describeUnserved(space));
      }
    }
    return plans;
  }
  async function look(): Promise<void> {
    for (const plan of await plansBehind()) {
      if (signal.aborted || filling.has(plan.spaceId)) continue;
      const fill = fillSpace(context, plan, () => {}).finally(() => filling.delete(plan.spaceId));
      // Whoever finishes learns of a failure; until then it must not count as unhandled.
      fill.catch(() => failure.abort());
      filling.add(plan.spaceId);
      begun.push(fill);
    }
  }
  return {
    areBehind: async () => (await plansBehind()).length > 0,
    look,
    async finish() {
      for (await look(); begun.length > 0; await look()) await allOrAbort(failure, begun.splice(0));
    },
  };
}

function describeUnserved({ name, state }: { readonly name: string; readonly state: string }): string {
  const what = state === "STANDBY" ? "which stands by for a way back" : "which is being built";
  return `No model is served for the space of "${name}", ${what}: its steps wait. Serve the model, or retire the space.`;
}

import { inTrace, openTrace, type Span } from "@medley/tracing";
import type { IngestContext } from "./ingest-context.ts";
import type { StepResult } from "./steps/prepare.ts";

export interface BatchOfWork {
  readonly step: string;
  readonly corpusId: string;
  readonly images: number;
}

/** Does a batch as a trace of its own, linked with the run that it belongs to: a run may last for days, and a trace is read as a whole. */
export function traceBatch<T>(
  { run }: Pick<IngestContext, "run">,
  { step, corpusId, images }: BatchOfWork,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const attributes = { "medley.step": step, "medley.corpus.id": corpusId, "medley.batch.images": images };
  const whole = run?.();
  return inTrace({ name: `ingest ${step}`, attributes, links: whole ? [whole] : [] }, {}, work);
}

export function describeResults(span: Span, results: readonly StepResult[]): void {
  const count = (state: StepResult["state"]) => results.filter((result) => result.state === state).length;
  span.set({
    "medley.batch.done": count("done"),
    "medley.batch.failed": count("failed"),
    "medley.batch.later": count("later"),
  });
}

/** The span of a whole run, for its batches to be linked with; the caller ends it. Null where nothing is traced. */
export function openRun(kind: string, work: { readonly corpusId: string; readonly operationId: string }): Span | null {
  const attributes = { "medley.corpus.id": work.corpusId, "medley.operation.id": work.operationId };
  return openTrace({ name: `${kind} run`, attributes });
}

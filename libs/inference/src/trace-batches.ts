import { activeSpan, openSpan, type Span } from "@medley/tracing";
import type { WorkerTiming } from "./worker/main.ts";

/** A call whose trace is recorded, from when its items began to wait. */
export interface TracedCall {
  readonly span: Span;
  readonly queuedAt: number;
}

/** Of the caller; undefined where nothing is recorded, and then nothing is measured either. */
export function tracedCall(): TracedCall | undefined {
  const span = activeSpan();
  return span === null ? undefined : { span, queuedAt: span.now() };
}

/** A batch on its way through a worker. */
export interface BatchTrace {
  end(outcome: { readonly failedItems: number; readonly timing: WorkerTiming | undefined }): void;
}

export interface BatchDescription {
  readonly task: string;
  readonly model: string;
  /** Of each item, the call that it belongs to. */
  readonly calls: readonly (TracedCall | undefined)[];
}

/**
 * Each call sees its own waiting, and the batch that its items are computed in. Where a batch serves several calls, it stands in the trace of each, linked
 * with those of the others.
 */
export function traceBatch({ task, model, calls }: BatchDescription): BatchTrace | undefined {
  const traced = new Set(calls.filter((call) => call !== undefined));
  if (traced.size === 0) return undefined;
  const shared = { "medley.task": task, "medley.model.name": model, "medley.batch.items": calls.length };
  const begun: Span[] = [];
  for (const call of traced) {
    const items = calls.filter((each) => each === call).length;
    const attributes = { ...shared, "medley.items": items };
    openSpan(call.span, { name: "queue", startedAt: call.queuedAt, attributes }).end();
    begun.push(openSpan(call.span, { name: `batch ${task}`, attributes, links: [...begun] }));
  }
  return {
    end({ failedItems, timing }) {
      for (const span of begun) {
        const endedAt = span.now();
        if (timing !== undefined) {
          const attributes = {
            "medley.worker.thread": timing.thread,
            "medley.worker.model_ms": Math.round(timing.modelMs),
          };
          openSpan(span, { name: "worker", startedAt: endedAt - timing.ranMs, attributes }).end(endedAt);
        }
        span.set({ "medley.batch.items.failed": failedItems });
        span.end(endedAt);
      }
    },
  };
}

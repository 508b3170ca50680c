import { openTrace, within } from "@medley/tracing";
import { type DocumentNode, type ExecutionResult, getOperationAST } from "graphql";
import { formatError, isFault } from "../errors.ts";
import type { Results } from "../subscriptions/subscribe.ts";

export interface TracedSubscription {
  /** Such as "Subscription.searchRefined". */
  readonly rootField: string;
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  /** Fires when it ends, whoever ends it. */
  readonly ended: AbortSignal;
}

/** Makes what a subscription does a trace of its own, until it has ended: for those that are over in seconds, as a search is. Texts and variables stay out. */
export async function traceSubscription(
  { rootField, document, operationName, ended }: TracedSubscription,
  subscribe: () => Promise<Results>,
): Promise<Results> {
  const attributes = {
    "graphql.operation.type": "subscription",
    "graphql.operation.name": getOperationAST(document, operationName)?.name?.value,
    "graphql.field.name": rootField,
  };
  const span = openTrace({ name: "subscription", kind: "server", attributes });
  if (span === null) return subscribe();
  let reader: "waits" | "answered" | "left" = "waits";
  const end = () => {
    if (reader !== "answered") span.fail("CALLER_GONE");
    span.end();
  };
  if (ended.aborted) end();
  else ended.addEventListener("abort", end, { once: true });

  function look({ errors = [] }: ExecutionResult): void {
    const formatted = errors.map((error) => formatError(error.toJSON(), error));
    if (formatted.length === 0) return;
    span?.set({
      "medley.graphql.codes": [...new Set(formatted.map(({ extensions }) => String(extensions?.["code"])))],
    });
    const fault = formatted.find(isFault);
    if (fault) span?.fail(String(fault.extensions?.["code"]));
  }

  const results = await within(span, subscribe);
  if (!(Symbol.asyncIterator in results)) {
    reader = "answered";
    look(results);
    return results;
  }
  const traced: AsyncIterableIterator<ExecutionResult> = {
    next: () =>
      within(span, async () => {
        const result = await results.next();
        if (result.done !== true) look(result.value);
        else if (reader === "waits") reader = "answered";
        return result;
      }),
    async return() {
      if (reader === "waits") reader = "left";
      await results.return?.();
      return { done: true, value: undefined };
    },
    async throw(error) {
      await results.return?.();
      throw error;
    },
    [Symbol.asyncIterator]: () => traced,
  };
  return traced;
}

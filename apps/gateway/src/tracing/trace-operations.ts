import type { ApolloServerPlugin } from "@apollo/server";
import { activeSpan, inSpan, type Span } from "@medley/tracing";
import type { GatewayContext } from "../context.ts";
import { formatError, isFault } from "../errors.ts";
import type { Resolvers } from "../generated/schema-types.ts";
import { wrapRootFields } from "../wrap-root-fields.ts";

/** Says in the trace of a request which operation it is, and how it ended. Its text and its variables stay out. */
export const traceOperations: ApolloServerPlugin<GatewayContext> = {
  async requestDidStart() {
    const span = activeSpan();
    if (span === null) return;
    return {
      async didResolveOperation({ operation, operationName }) {
        const type = operation?.operation;
        if (type !== undefined) span.rename(type);
        span.set({ "graphql.operation.type": type, "graphql.operation.name": operationName ?? undefined });
      },
      async willSendResponse({ errors = [] }) {
        const formatted = errors.map((error) => formatError(error.toJSON(), error));
        const codes = [...new Set(formatted.map(({ extensions }) => String(extensions?.["code"])))];
        if (codes.length > 0) span.set({ "medley.graphql.codes": codes });
        // What a client got wrong is no failure of the server.
        const fault = formatted.find(isFault);
        if (fault) span.fail(String(fault.extensions?.["code"]));
      },
    };
  },
};

/** The same resolvers, with each root field as a part of its request's trace. A subscription's goes on after it was asked for: its whole trace is about it. */
export function traceRootFields(resolvers: Resolvers): Resolvers {
  return wrapRootFields(
    resolvers,
    (name, resolve) =>
      (...call) =>
        activeSpan() === null || name.startsWith("Subscription.")
          ? resolve(...call)
          : inSpan(name, { "graphql.field.name": name }, async (span) => {
              const value = await resolve(...call);
              describeReport(span, value);
              return value;
            }),
  );
}

interface Report {
  readonly indexMode: string;
  readonly candidates: { readonly retrieved: number; readonly byText: number; readonly reranked: number };
  readonly cacheHits: { readonly imageTokens: number | null; readonly keptAnswer: boolean };
  readonly degraded: readonly { readonly stage: string; readonly code: string }[];
}

/** Whatever carries the report of a search shows its numbers. */
export function describeReport(span: Span, value: unknown): void {
  const { report } = (value as { report?: Partial<Report> } | null | undefined) ?? {};
  const { indexMode, candidates, cacheHits, degraded } = report ?? {};
  if (indexMode === undefined || candidates === undefined) return;
  span.set({
    "medley.search.index_mode": indexMode,
    "medley.search.retrieved": candidates.retrieved,
    "medley.search.by_text": candidates.byText,
    "medley.search.reranked": candidates.reranked,
    "medley.search.stored_image_tokens": cacheHits?.imageTokens ?? undefined,
    "medley.search.kept_answer": cacheHits?.keptAnswer,
    "medley.search.degraded": degraded?.map(({ stage, code }) => `${stage} ${code}`),
  });
}

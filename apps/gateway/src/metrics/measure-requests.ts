import type { ApolloServerPlugin } from "@apollo/server";
import type { IndexMode } from "@medley/search";
import type { GatewayContext } from "../context.ts";
import { formatError } from "../errors.ts";
import type { Resolvers } from "../generated/schema-types.ts";
import { IMAGES_REMOVED, INDEX_MODES } from "../resolvers/search.ts";
import { wrapRootFields } from "../wrap-root-fields.ts";
import type { GatewayMetrics } from "./metrics.ts";

/** Counts requests; one that could not be parsed or is not valid has the type "none". */
export function measureRequests(metrics: GatewayMetrics): ApolloServerPlugin<GatewayContext> {
  return {
    async requestDidStart() {
      const startedAt = performance.now();
      return {
        async willSendResponse({ operation, errors }) {
          const [error] = errors ?? [];
          const code = error === undefined ? "OK" : codeOf(error);
          metrics.countRequest(operation?.operation ?? "none", code, (performance.now() - startedAt) / 1000);
        },
      };
    },
  };
}

/** The same resolvers, with each root field's time, outcome and, where its value has one, the report of its search counted. */
export function measureRootFields(resolvers: Resolvers, metrics: GatewayMetrics): Resolvers {
  return wrapRootFields(resolvers, (name, resolve) => async (...call) => {
    const startedAt = performance.now();
    let code = "OK";
    try {
      const value = await resolve(...call);
      if (isEvents(value)) return countFinalReport(value, metrics);
      countReport(value, metrics);
      return value;
    } catch (error) {
      code = codeOf(error);
      throw error;
    } finally {
      metrics.countField(name, code, (performance.now() - startedAt) / 1000);
    }
  });
}

function codeOf(error: unknown): string {
  const { code } = (error as { extensions?: { code?: unknown } }).extensions ?? {};
  const message = error instanceof Error ? error.message : String(error);
  const formatted = formatError({ message, ...(code !== undefined && { extensions: { code } }) }, error);
  return String(formatted.extensions?.["code"]);
}

/** As much of a search's report as is counted. */
interface Report {
  readonly stages: readonly { readonly stage: string; readonly milliseconds: number }[];
  readonly degraded: readonly { readonly stage: string; readonly code: string }[];
  readonly candidates: { readonly reranked: number };
  readonly indexMode: IndexMode;
  readonly estimatedRecall: number | null;
  readonly cacheHits: { readonly imageTokens: number | null; readonly keptAnswer: boolean };
}

type Events = AsyncIterableIterator<Record<string, { readonly isFinal?: boolean; readonly page?: unknown } | null>>;

function isEvents(value: unknown): value is Events {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/** The same events. Of a search that is watched only the final report counts: it holds what those before it said. */
function countFinalReport(events: Events, metrics: GatewayMetrics): Events {
  const counted: Events = {
    async next() {
      const result = await events.next();
      if (result.done === true) return result;
      for (const event of Object.values(result.value)) if (event?.isFinal) countReport(event.page, metrics);
      return result;
    },
    async return() {
      await events.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return counted;
    },
  };
  return counted;
}

/** Searches tell by themselves what took how long; whatever carries such a report is counted. */
function countReport(value: unknown, metrics: GatewayMetrics): void {
  const report = (value as { report?: Report } | null | undefined)?.report;
  if (report?.stages === undefined) return;
  const { stages, degraded, candidates, indexMode, estimatedRecall, cacheHits } = report;
  metrics.countPage(cacheHits.keptAnswer ? "kept" : "searched");
  // What a kept answer says of its search was counted when that was made; what has happened to its pictures since was not.
  const news = cacheHits.keptAnswer ? degraded.filter(({ code }) => code === IMAGES_REMOVED) : degraded;
  for (const { stage, code } of news) metrics.countDegradation(stage, code);
  if (cacheHits.keptAnswer) return;
  for (const { stage, milliseconds } of stages) metrics.observeStage(stage, milliseconds / 1000);
  if (indexMode !== "exact" && estimatedRecall !== null) metrics.showRecall(INDEX_MODES[indexMode], estimatedRecall);
  if (cacheHits.imageTokens === null) return;
  metrics.countImageTokens("stored", cacheHits.imageTokens);
  metrics.countImageTokens("computed", Math.max(0, candidates.reranked - cacheHits.imageTokens));
}

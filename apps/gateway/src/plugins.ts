import type { ApolloServerPlugin } from "@apollo/server";
import type { GatewayContext, RequestLog } from "./context.ts";
import { causeOf, formatError, isFault } from "./errors.ts";

/** Errors that were found before anything ran. */
const REQUEST_ERRORS = ["GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT", "COST_EXCEEDED"];

/** GraphQL over HTTP: clients that accept only `application/json` get 200 for well-formed requests that fail before execution. */
export const answerLegacyClients: ApolloServerPlugin<GatewayContext> = {
  async requestDidStart({ request }) {
    return {
      async willSendResponse({ response, errors }) {
        if ((request.http?.headers.get("accept") ?? "").includes("application/graphql-response+json")) return;
        if (REQUEST_ERRORS.includes(String(errors?.[0]?.extensions?.["code"]))) response.http.status = 200;
      },
    };
  },
};

/** One line per GraphQL request; the causes of faults, which clients do not see, in lines of their own. */
export function logRequests(log: RequestLog): ApolloServerPlugin<GatewayContext> {
  return {
    async requestDidStart() {
      const startedAt = performance.now();
      return {
        async didEncounterErrors({ errors, operationName }) {
          for (const error of errors) {
            if (!isFault(formatError(error.toJSON(), error))) continue;
            log.error({ operation: operationName, path: error.path, err: causeOf(error) }, "field failed");
          }
        },
        async willSendResponse({ operationName, errors, contextValue }) {
          const codes = errors?.map((error) => formatError(error.toJSON(), error).extensions?.["code"]) ?? [];
          log.info(
            {
              operation: operationName,
              viewer: contextValue.viewer.id,
              milliseconds: Math.round(performance.now() - startedAt),
              modelMilliseconds: Math.round(contextValue.spentMs()),
              codes,
            },
            "graphql",
          );
        },
      };
    },
  };
}

import type { ApolloServerPlugin } from "@apollo/server";
import { buildSchema, GraphQLError } from "graphql";
import type { GatewayContext } from "../context.ts";
import { limitVariables, requireAffordable } from "./cost.ts";

/**
 * Refuses operations whose variables are too large or whose estimated cost is above `maxCostMs`, before anything runs. Every answer of an
 * operation says in `extensions.cost` what was estimated, what calls to models took in fact, and the limit.
 */
export function protectOperations(typeDefinitions: string, maxCostMs: number): ApolloServerPlugin<GatewayContext> {
  // Not the server's own: a process may hold two copies of graphql-js, and one does not know the types of the other.
  const schema = buildSchema(typeDefinitions);
  return {
    async requestDidStart() {
      let estimatedMs: number | null = null;
      return {
        async didResolveOperation({ document, operation, request }) {
          const variables = request.variables ?? {};
          limitVariables(variables);
          // Without an operation of the given name there is nothing to price; Apollo says so afterwards.
          if (operation === undefined) return;
          if (!schema.getRootType(operation.operation)) throw unknownType(operation.operation);
          if (operation.operation === "subscription") throw needsWebSocket();
          estimatedMs = requireAffordable({ schema, document, operation, variables }, maxCostMs);
        },
        async willSendResponse({ response, contextValue }) {
          if (estimatedMs === null || response.body.kind !== "single") return;
          const { singleResult } = response.body;
          const cost = {
            estimatedMs: Math.round(estimatedMs),
            spentMs: Math.round(contextValue.spentMs()),
            limitMs: maxCostMs,
          };
          singleResult.extensions = { ...singleResult.extensions, cost };
        },
      };
    },
  };
}

function needsWebSocket(): GraphQLError {
  const message = "Subscriptions go over a WebSocket at the same path, by the protocol graphql-transport-ws.";
  const extensions = { code: "GRAPHQL_VALIDATION_FAILED", reason: "NEEDS_WEBSOCKET", http: { status: 400 } };
  return new GraphQLError(message, { extensions });
}

/** Validation lets it pass, and the execution's own error has no code. */
function unknownType(type: string): GraphQLError {
  const extensions = { code: "GRAPHQL_VALIDATION_FAILED", reason: "NO_SUCH_OPERATION_TYPE", http: { status: 400 } };
  return new GraphQLError(`The schema has no operations of the type "${type}".`, { extensions });
}

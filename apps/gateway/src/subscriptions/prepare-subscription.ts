import {
  type DocumentNode,
  getOperationAST,
  GraphQLError,
  type GraphQLSchema,
  parse,
  specifiedRules,
  validate,
} from "graphql";
import { limitSize, MAX_TOKENS } from "../limits.ts";
import { limitVariables, requireAffordable } from "../protection/cost.ts";

export interface SubscriptionLimits {
  readonly maxCostMs: number;
  /** False: errors do not suggest names either. */
  readonly introspection: boolean;
}

export interface SubscriptionRequest {
  readonly query: string;
  readonly variables?: Record<string, unknown> | null | undefined;
  readonly operationName?: string | null | undefined;
}

/** The document of a subscription that keeps to the limits that requests over HTTP have. Throws a GraphQLError or a list of them. */
export function prepareSubscription(
  schema: GraphQLSchema,
  { query, variables, operationName }: SubscriptionRequest,
  { maxCostMs, introspection }: SubscriptionLimits,
): DocumentNode {
  const document = parseLimited(query);
  const operation = getOperationAST(document, operationName);
  if (operation?.operation !== "subscription") {
    const message = "A WebSocket carries subscriptions only. Send queries and mutations by POST to the same path.";
    throw withCode(new GraphQLError(message), "OPERATION_RESOLUTION_FAILURE");
  }
  const errors = validate(schema, document, [...specifiedRules, limitSize]);
  if (errors.length > 0) {
    throw errors.map((error) =>
      withCode(error, "GRAPHQL_VALIDATION_FAILED", introspection ? undefined : /Did you mean.*$/),
    );
  }
  limitVariables(variables ?? {});
  requireAffordable({ schema, document, operation, variables: variables ?? {} }, maxCostMs);
  return document;
}

function parseLimited(query: string): DocumentNode {
  try {
    return parse(query, { maxTokens: MAX_TOKENS });
  } catch (error) {
    throw error instanceof GraphQLError ? withCode(error, "GRAPHQL_PARSE_FAILED") : error;
  }
}

function withCode({ message, nodes, extensions }: GraphQLError, code: string, without?: RegExp): GraphQLError {
  const shown = without === undefined ? message : message.replace(without, "").trimEnd();
  return new GraphQLError(shown, { nodes: nodes ?? null, extensions: { ...extensions, code } });
}

import {
  type DocumentNode,
  getOperationAST,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  parse,
  type SelectionSetNode,
  specifiedRules,
  validate,
} from "graphql";
import { limitSize, MAX_TOKENS } from "../limits.ts";
import { limitVariables, requireAffordable } from "../protection/cost.ts";

export interface SubscriptionLimits {
  readonly maxCostMs: number;
}

export interface SubscriptionRequest {
  readonly query: string;
  readonly variables?: Record<string, unknown> | null | undefined;
  readonly operationName?: string | null | undefined;
}

export interface PreparedSubscription {
  readonly document: DocumentNode;
  /** Such as "Subscription.operationUpdated". */
  readonly rootField: string;
}

/**
 * A subscription that keeps to the limits that requests over HTTP have, or what is wrong with it. Throws a GraphQLError where its
 * form or its size is.
 */
export function prepareSubscription(
  schema: GraphQLSchema,
  { query, variables, operationName }: SubscriptionRequest,
  { maxCostMs }: SubscriptionLimits,
): PreparedSubscription | readonly GraphQLError[] {
  const document = parseLimited(query);
  const operation = getOperationAST(document, operationName);
  if (operation?.operation !== "subscription") {
    const message = "A WebSocket carries subscriptions only. Send queries and mutations by POST to the same path.";
    throw withCode(new GraphQLError(message), "OPERATION_RESOLUTION_FAILURE");
  }
  const errors = validate(schema, document, [...specifiedRules, limitSize]);
  if (errors.length > 0) return errors.map((error) => withCode(error, "GRAPHQL_VALIDATION_FAILED"));
  limitVariables(variables ?? {});
  requireAffordable({ schema, document, operation, variables: variables ?? {} }, maxCostMs);
  return { document, rootField: `Subscription.${rootFieldOf(document, operation.selectionSet)}` };
}

/** Validation has seen to it that there is one, and that no fragment spreads itself. */
function rootFieldOf(document: DocumentNode, { selections: [selection] }: SelectionSetNode): string {
  if (selection === undefined) throw new Error("Bug: a valid subscription has a field.");
  if (selection.kind === Kind.FIELD) return selection.name.value;
  if (selection.kind === Kind.INLINE_FRAGMENT) return rootFieldOf(document, selection.selectionSet);
  const fragment = document.definitions.find(
    (definition) => definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === selection.name.value,
  );
  if (fragment?.kind !== Kind.FRAGMENT_DEFINITION)
    throw new Error("Bug: a valid document has the fragments it spreads.");
  return rootFieldOf(document, fragment.selectionSet);
}

function parseLimited(query: string): DocumentNode {
  try {
    return parse(query, { maxTokens: MAX_TOKENS });
  } catch (error) {
    throw error instanceof GraphQLError ? withCode(error, "GRAPHQL_PARSE_FAILED") : error;
  }
}

function withCode(error: GraphQLError, code: string): GraphQLError {
  return new GraphQLError(error.message, { nodes: error.nodes ?? null, extensions: { ...error.extensions, code } });
}

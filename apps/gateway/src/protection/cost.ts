import {
  type DocumentNode,
  type FragmentDefinitionNode,
  getArgumentValues,
  getNamedType,
  GraphQLError,
  type GraphQLObjectType,
  type GraphQLSchema,
  getVariableValues,
  isAbstractType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from "graphql";
import { numberAt, PRICES, REPEATS } from "./prices.ts";

export interface Operation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
}

/**
 * Estimated milliseconds of models for an operation, with its variables and defaults put in; null where the variables do not fit, which the
 * execution says better. Fragments count wherever they are spread. A field's `first` multiplies what lies below it.
 */
export function estimateCost({ schema, document, operation, variables }: Operation): number | null {
  const coerced = getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 1 });
  if (coerced.errors !== undefined) return null;
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const root = schema.getRootType(operation.operation);
  if (root === undefined || root === null) return null;
  return createPricer(schema, fragments, coerced.coerced)(operation.selectionSet, root);
}

/** Prices selection sets; a fragment is priced once, for its price where it is spread is a multiple of that. */
function createPricer(
  schema: GraphQLSchema,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  variables: Readonly<Record<string, unknown>>,
) {
  const known = new Map<string, number>();
  function priceFragment(name: string): number {
    const earlier = known.get(name);
    if (earlier !== undefined) return earlier;
    // Validation has refused cycles; should one come through, it ends here.
    known.set(name, 0);
    const fragment = fragments.get(name);
    const type = fragment && schema.getType(fragment.typeCondition.name.value);
    const priced = fragment && isObjectType(type) ? price(fragment.selectionSet, type) : 0;
    known.set(name, priced);
    return priced;
  }
  function price(set: SelectionSetNode, type: GraphQLObjectType): number {
    let sum = 0;
    for (const selection of set.selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        sum += priceFragment(selection.name.value);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        const inner = selection.typeCondition ? schema.getType(selection.typeCondition.name.value) : type;
        sum += isObjectType(inner) ? price(selection.selectionSet, inner) : 0;
      } else {
        const field = type.getFields()[selection.name.value];
        if (field === undefined) continue;
        const args = field.args.length > 0 ? argumentsOf(() => getArgumentValues(field, selection, variables)) : {};
        const below = getNamedType(field.type);
        const name = `${type.name}.${field.name}`;
        const times = Math.max(1, numberAt(args, "first", 1)) * (REPEATS[name]?.(args) ?? 1);
        sum += PRICES[name]?.(args) ?? 0;
        if (selection.selectionSet === undefined) continue;
        const types = isObjectType(below) ? [below] : isAbstractType(below) ? schema.getPossibleTypes(below) : [];
        sum += times * Math.max(0, ...types.map((each) => price(selection.selectionSet as SelectionSetNode, each)));
      }
    }
    return sum;
  }
  return price;
}

/** Arguments that do not fit are refused by the execution of their field; it costs nothing. */
function argumentsOf(read: () => Record<string, unknown>): Record<string, unknown> {
  try {
    return read();
  } catch {
    return {};
  }
}

/** Variables as a client may send them, before anything reads them: `maxItems` of one list, `maxDepth` levels, `maxValues` in all. */
export const VARIABLE_LIMITS = { maxItems: 5000, maxDepth: 16, maxValues: 20_000 } as const;

/** Refuses variables that are larger than any operation can mean. Without recursion: their depth is the sender's choice. */
export function limitVariables(variables: unknown): void {
  const { maxItems, maxDepth, maxValues } = VARIABLE_LIMITS;
  let level: unknown[] = [variables];
  let values = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maxDepth) throw tooLarge(`The variables are more than ${maxDepth} levels deep`);
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value !== "object" || value === null) continue;
      const members = Object.values(value);
      if (Array.isArray(value) && members.length > maxItems) {
        throw tooLarge(`A list in the variables has ${members.length} items, expected at most ${maxItems}`);
      }
      values += members.length;
      if (values > maxValues) throw tooLarge(`The variables hold more than ${maxValues} values`);
      next.push(...members);
    }
    level = next;
  }
}

function tooLarge(found: string): GraphQLError {
  return new GraphQLError(`${found}. Send less in one operation.`, {
    extensions: { code: "BAD_USER_INPUT", reason: "VARIABLES_TOO_LARGE", http: { status: 400 } },
  });
}

/** The estimated cost of an operation; null where it cannot be told. Throws COST_EXCEEDED when it is above the limit. */
export function requireAffordable(operation: Operation, maxCostMs: number): number | null {
  const cost = estimateCost(operation);
  if (cost !== null && cost > maxCostMs) throw tooExpensive(cost, maxCostMs);
  return cost;
}

function tooExpensive(cost: number, limit: number): GraphQLError {
  const found = `The operation would take the models about ${Math.round(cost)} ms`;
  const hint = "Ask for fewer candidates, beams or answers, or split the operation.";
  return new GraphQLError(`${found}, expected at most ${limit} ms. ${hint}`, {
    extensions: {
      code: "COST_EXCEEDED",
      http: { status: 400 },
      cost: { estimatedMs: Math.round(cost), limitMs: limit },
    },
  });
}

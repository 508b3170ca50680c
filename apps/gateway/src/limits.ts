import {
  type ASTVisitor,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
} from "graphql";

/** The page's own search takes 90 tokens, the introspection query of GraphiQL 250. */
export const MAX_TOKENS = 2000;
/** The deepest useful query today is search > edges > node > captions > text: 5. */
export const MAX_DEPTH = 12;
/** Introspection asks for types of types: GraphiQL's query is 15 deep, and its cost is bounded by the schema. */
const MAX_INTROSPECTION_DEPTH = 20;
/** Each root field may run a model: aliases must not turn one request into hundreds of searches. */
export const MAX_ROOT_FIELDS = 20;
/** Bytes of a request's body. */
export const MAX_BODY_BYTES = 1_000_000;

interface Size {
  readonly depth: number;
  readonly rootFields: number;
}

/** Refuses operations that nest deeper than MAX_DEPTH or ask for more than MAX_ROOT_FIELDS root fields, fragments included. */
export function limitSize(context: ValidationContext): ASTVisitor {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of context.getDocument().definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const measure = createMeasure(fragments);
  return {
    OperationDefinition(operation) {
      const { rootFields } = measure(operation.selectionSet);
      const depth = operation.selectionSet.selections.reduce((deepest, selection) => {
        const own = measure({ kind: Kind.SELECTION_SET, selections: [selection] }).depth;
        const introspects = selection.kind === Kind.FIELD && selection.name.value.startsWith("__");
        return Math.max(deepest, introspects && own <= MAX_INTROSPECTION_DEPTH ? 0 : own);
      }, 0);
      if (depth > MAX_DEPTH) report(context, `The operation is ${depth} fields deep, expected at most ${MAX_DEPTH}.`);
      if (rootFields > MAX_ROOT_FIELDS) {
        report(context, `The operation has ${rootFields} root fields, expected at most ${MAX_ROOT_FIELDS}.`);
      }
    },
  };
}

/** Sizes of selection sets; a fragment is measured once however often it is spread, and a cycle counts as nothing. */
function createMeasure(fragments: ReadonlyMap<string, FragmentDefinitionNode>) {
  const known = new Map<string, Size>();
  function measureFragment(name: string): Size {
    const earlier = known.get(name);
    if (earlier !== undefined) return earlier;
    known.set(name, { depth: 0, rootFields: 0 });
    const fragment = fragments.get(name);
    const size = fragment === undefined ? { depth: 0, rootFields: 0 } : measure(fragment.selectionSet);
    known.set(name, size);
    return size;
  }
  function measure(set: SelectionSetNode): Size {
    let depth = 0;
    let rootFields = 0;
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) {
        rootFields += 1;
        depth = Math.max(depth, 1 + (selection.selectionSet === undefined ? 0 : measure(selection.selectionSet).depth));
        continue;
      }
      const inner =
        selection.kind === Kind.INLINE_FRAGMENT
          ? measure(selection.selectionSet)
          : measureFragment(selection.name.value);
      rootFields += inner.rootFields;
      depth = Math.max(depth, inner.depth);
    }
    return { depth, rootFields };
  }
  return measure;
}

function report(context: ValidationContext, message: string): void {
  context.reportError(new GraphQLError(message));
}

import {
  type ASTVisitor,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type SelectionNode,
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
/** Aliases are how one request asks for the same thing many times; the page's documents use none. */
export const MAX_ALIASES = 40;
/** Fields with every fragment put in where it is spread. GraphiQL's introspection has 120, the page's search 45. */
export const MAX_FIELDS = 1000;
/** Bytes of a request's body. */
export const MAX_BODY_BYTES = 1_000_000;

interface Size {
  readonly depth: number;
  readonly rootFields: number;
  readonly fields: number;
  readonly aliases: number;
}

const NOTHING: Size = { depth: 0, rootFields: 0, fields: 0, aliases: 0 };

/** Why an operation is too large, in `extensions.reason`. */
export type SizeReason = "TOO_DEEP" | "TOO_MANY_ROOT_FIELDS" | "TOO_MANY_FIELDS" | "TOO_MANY_ALIASES";

/** Refuses operations that are deeper or wider than the limits above, fragments included wherever they are spread. */
export function limitSize(context: ValidationContext): ASTVisitor {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of context.getDocument().definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const measure = createMeasure(fragments);
  return {
    OperationDefinition(operation) {
      const { rootFields, fields, aliases } = measure(operation.selectionSet);
      const depth = operation.selectionSet.selections.reduce((deepest, selection) => {
        const own = measure({ kind: Kind.SELECTION_SET, selections: [selection] }).depth;
        const introspects = selection.kind === Kind.FIELD && selection.name.value.startsWith("__");
        return Math.max(deepest, introspects && own <= MAX_INTROSPECTION_DEPTH ? 0 : own);
      }, 0);
      const refuseAbove = (most: number, found: number, what: string, reason: SizeReason) => {
        if (found > most) report(context, `The operation ${what}, expected at most ${most}.`, reason);
      };
      refuseAbove(MAX_DEPTH, depth, `is ${depth} fields deep`, "TOO_DEEP");
      refuseAbove(MAX_ROOT_FIELDS, rootFields, `has ${rootFields} root fields`, "TOO_MANY_ROOT_FIELDS");
      refuseAbove(MAX_FIELDS, fields, `has ${fields} fields`, "TOO_MANY_FIELDS");
      refuseAbove(MAX_ALIASES, aliases, `has ${aliases} aliases`, "TOO_MANY_ALIASES");
    },
  };
}

/** Sizes of selection sets; a fragment is measured once however often it is spread, and a cycle counts as nothing. */
function createMeasure(fragments: ReadonlyMap<string, FragmentDefinitionNode>) {
  const known = new Map<string, Size>();
  function measureFragment(name: string): Size {
    const earlier = known.get(name);
    if (earlier !== undefined) return earlier;
    known.set(name, NOTHING);
    const fragment = fragments.get(name);
    const size = fragment === undefined ? NOTHING : measure(fragment.selectionSet);
    known.set(name, size);
    return size;
  }
  function measure(set: SelectionSetNode): Size {
    return set.selections.map(measureSelection).reduce(
      (sum, own) => ({
        depth: Math.max(sum.depth, own.depth),
        rootFields: sum.rootFields + own.rootFields,
        fields: sum.fields + own.fields,
        aliases: sum.aliases + own.aliases,
      }),
      NOTHING,
    );
  }
  function measureSelection(selection: SelectionNode): Size {
    if (selection.kind === Kind.FRAGMENT_SPREAD) return measureFragment(selection.name.value);
    if (selection.kind === Kind.INLINE_FRAGMENT) return measure(selection.selectionSet);
    const below = selection.selectionSet === undefined ? NOTHING : measure(selection.selectionSet);
    return {
      depth: 1 + below.depth,
      rootFields: 1,
      fields: 1 + below.fields,
      aliases: (selection.alias === undefined ? 0 : 1) + below.aliases,
    };
  }
  return measure;
}

function report(context: ValidationContext, message: string, reason: SizeReason): void {
  context.reportError(new GraphQLError(message, { extensions: { reason } }));
}

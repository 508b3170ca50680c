import { createHash } from "node:crypto";
import { type ASTNode, type DefinitionNode, type FieldNode, Kind, parse, visit } from "graphql";
import { MAX_TOKENS } from "../limits.ts";

/**
 * SHA-256 of a document in one spelling: without spacing, comments and __typename, definitions by kind and name. Null for what cannot be
 * parsed, which is no operation. Takes time and memory in proportion to the text: printing it again would indent each line of a text in it.
 */
export function fingerprintOf(text: string): string | null {
  try {
    const { definitions } = visit(parse(text, { noLocation: true, maxTokens: MAX_TOKENS }), { Field: withoutTypename });
    const hash = createHash("sha256");
    for (const definition of definitions.toSorted((one, other) => (sortKey(one) < sortKey(other) ? -1 : 1))) {
      hash.update(JSON.stringify(definition, withoutForm)).update("\n");
    }
    return hash.digest("hex");
  } catch {
    return null;
  }
}

/** Clients that keep a cache put it into every selection, and the tools that write lists do it or not. */
function withoutTypename({ name, alias, directives }: FieldNode): null | undefined {
  return name.value === "__typename" && alias === undefined && !directives?.length ? null : undefined;
}

/** Lists that a parser leaves out or leaves empty say the same, and so do the two ways to write a text. */
function withoutForm(this: Partial<ASTNode>, key: string, value: unknown): unknown {
  if (key === "block" && this.kind === Kind.STRING) return undefined;
  return Array.isArray(value) && value.length === 0 ? undefined : value;
}

function sortKey(definition: DefinitionNode): string {
  const name = "name" in definition ? (definition.name?.value ?? "") : "";
  return `${definition.kind === Kind.OPERATION_DEFINITION ? 0 : 1} ${name}`;
}

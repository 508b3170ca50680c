import { createHash } from "node:crypto";
import { type DefinitionNode, type FieldNode, Kind, parse, print, visit } from "graphql";
import { MAX_TOKENS } from "../limits.ts";

/**
 * SHA-256 of a document in one spelling: without comments and __typename, definitions by kind and name. The empty text for what cannot be parsed, which
 * is no operation's.
 */
export function fingerprintOf(text: string): string {
  try {
    const { definitions } = visit(parse(text, { noLocation: true, maxTokens: MAX_TOKENS }), { Field: withoutTypename });
    const spelled = definitions.toSorted((one, other) => (sortKey(one) < sortKey(other) ? -1 : 1)).map(print);
    return createHash("sha256").update(spelled.join("\n")).digest("hex");
  } catch {
    return "";
  }
}

/** Clients that keep a cache put it into every selection, and the tools that write lists do it or not. */
function withoutTypename({ name, alias, directives }: FieldNode): null | undefined {
  return name.value === "__typename" && alias === undefined && !directives?.length ? null : undefined;
}

function sortKey(definition: DefinitionNode): string {
  const name = "name" in definition ? (definition.name?.value ?? "") : "";
  return `${definition.kind === Kind.OPERATION_DEFINITION ? 0 : 1} ${name}`;
}

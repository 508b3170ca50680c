import type { GraphQLResolveInfo } from "graphql";
import type { GatewayContext } from "./context.ts";
import type { Resolvers } from "./generated/schema-types.ts";

export type RootResolver = (root: unknown, args: object, context: GatewayContext, info: GraphQLResolveInfo) => unknown;
type RootField = RootResolver | { readonly subscribe: RootResolver; readonly resolve?: RootResolver };

/** The types whose fields a client can begin with. */
export const ROOT_TYPES = ["Query", "Mutation", "Subscription"] as const;

/** The same resolvers with each root field replaced by what `wrap` makes of it; of a subscription its `subscribe`. */
export function wrapRootFields(
  resolvers: Resolvers,
  wrap: (name: string, resolve: RootResolver) => RootResolver,
): Resolvers {
  const wrapped: Record<string, unknown> = { ...resolvers };
  for (const type of ROOT_TYPES) {
    const fields = Object.entries((wrapped[type] ?? {}) as Record<string, RootField>);
    if (fields.length > 0)
      wrapped[type] = Object.fromEntries(fields.map(([name, field]) => [name, wrapField(type, name, field)]));
  }
  return wrapped as Resolvers;

  function wrapField(type: string, name: string, field: RootField): RootField {
    if (typeof field === "function") return wrap(`${type}.${name}`, field);
    return { ...field, subscribe: wrap(`${type}.${name}`, field.subscribe) };
  }
}

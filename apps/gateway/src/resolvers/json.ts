import { GraphQLScalarType } from "graphql";

/** JSON values leave as they are; no argument takes one, so none is read. */
export const JSONValue = new GraphQLScalarType<unknown, unknown>({
  name: "JSON",
  serialize: (value) => value,
});

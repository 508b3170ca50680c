import { readMoment } from "@medley/storage";
import { GraphQLError, GraphQLScalarType, Kind } from "graphql";

export const DateTime = new GraphQLScalarType<Date, string>({
  name: "DateTime",
  // The schema's own description does not reach a scalar that is given whole.
  description: "A time with its date, ISO 8601 in UTC, such as 2026-01-31T12:00:00.000Z.",
  serialize(value) {
    if (value instanceof Date) return value.toISOString();
    throw new Error(`Bug: ${String(value)} is no Date.`);
  },
  parseValue: readTime,
  parseLiteral: (node) => readTime(node.kind === Kind.STRING ? node.value : node.kind),
});

export const BigInt = new GraphQLScalarType<number, number>({
  name: "BigInt",
  description: "A whole number that may be larger than Int allows, as a JSON number of at most 2^53 - 1.",
  serialize: readWhole,
  parseValue: readWhole,
  parseLiteral: (node) => readWhole(node.kind === Kind.INT ? Number(node.value) : node.kind),
});

function readTime(value: unknown): Date {
  const time = typeof value === "string" && value.includes("T") ? readMoment(value) : null;
  if (time) return time;
  throw new GraphQLError(`DateTime is ${JSON.stringify(value)}, expected ISO 8601 such as "2026-01-31T12:00:00Z".`);
}

function readWhole(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw new GraphQLError(`BigInt is ${JSON.stringify(value)}, expected a whole number of at most 2^53 - 1.`);
}

import type { AttributeCondition, AttributeValue, ImageFilter } from "./image-filter.ts";
import { readMoment } from "./read-moment.ts";
import { StorageError } from "./storage-error.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * An image filter from JSON, as a person writes it or a row keeps it: `{ "attribute": { "name": "category", "in": ["coat"] } }`. Moments of
 * `addedAt` are texts in ISO 8601. How many conditions there may be is for compileImageFilter.
 * @throws StorageError INVALID_VALUE naming the part that is none
 */
export function parseImageFilter(value: unknown): ImageFilter {
  const entries = Object.entries(objectOf("filter", value));
  const [name, part] = entries[0] ?? [];
  if (entries.length !== 1 || name === undefined) {
    throw invalid(
      `A part of the filter has ${entries.length} members, expected one of ${Object.keys(PARTS).join(", ")}.`,
    );
  }
  const parse = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined;
  if (parse) return parse(part);
  throw invalid(`The filter has "${name}", expected one of ${Object.keys(PARTS).join(", ")}.`);
}

const PARTS: Readonly<Record<string, (part: unknown) => ImageFilter>> = {
  and: (part) => ({ and: listOf("and", part).map(parseImageFilter) }),
  or: (part) => ({ or: listOf("or", part).map(parseImageFilter) }),
  not: (part) => ({ not: parseImageFilter(part) }),
  attribute: (part) => ({ attribute: conditionOf("attribute", part, []) }),
  question(part) {
    const { minimumProbability: least } = objectOf("question", part);
    const condition = conditionOf("question", part, ["minimumProbability"]);
    return { question: { ...condition, minimumProbability: optional("minimumProbability", "number", least) } };
  },
  addedAt(part) {
    const { from, to } = membersOf("addedAt", part, ["from", "to"]);
    return { addedAt: { from: dateOf(from), to: dateOf(to) } };
  },
  origin(part) {
    const { startsWith, contains } = membersOf("origin", part, ["startsWith", "contains"]);
    return {
      origin: {
        startsWith: optional("startsWith", "string", startsWith),
        contains: optional("contains", "string", contains),
      },
    };
  },
  format: (part) => ({ format: listOf("format", part).map((each) => required("format", "string", each)) }),
  width: (part) => ({ width: numbersOf("width", part) }),
  height: (part) => ({ height: numbersOf("height", part) }),
};

function conditionOf(kind: string, part: unknown, more: readonly string[]): AttributeCondition {
  const found = membersOf(kind, part, ["name", "in", "from", "to", "exists", ...more]);
  return {
    name: required(`name of the ${kind}`, "string", found["name"]),
    in: found["in"] == null ? undefined : listOf("in", found["in"]).map((each) => valueOf("in", each)),
    from: boundOf("from", found["from"]),
    to: boundOf("to", found["to"]),
    exists: optional("exists", "boolean", found["exists"]),
  };
}

function valueOf(name: string, value: unknown): AttributeValue {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  throw unexpected(name, value, "a text, a number, true or false");
}

function boundOf(name: string, value: unknown): string | number | undefined {
  if (value == null || typeof value === "string" || typeof value === "number") return value ?? undefined;
  throw unexpected(name, value, "a text or a number");
}

function numbersOf(name: string, part: unknown): { from: number | undefined; to: number | undefined } {
  const { from, to } = membersOf(name, part, ["from", "to"]);
  return { from: optional("from", "number", from), to: optional("to", "number", to) };
}

function dateOf(value: unknown): Date | undefined {
  if (value == null) return undefined;
  const date = typeof value === "string" ? readMoment(value) : null;
  if (date) return date;
  throw unexpected("addedAt", value, "a moment such as 2026-01-31T12:00:00Z");
}

interface Types {
  readonly string: string;
  readonly number: number;
  readonly boolean: boolean;
}

function required<Type extends keyof Types>(name: string, type: Type, value: unknown): Types[Type] {
  if (typeof value === type) return value as Types[Type];
  throw unexpected(name, value, `a ${type}`);
}

function optional<Type extends keyof Types>(name: string, type: Type, value: unknown): Types[Type] | undefined {
  return value == null ? undefined : required(name, type, value);
}

function listOf(name: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw unexpected(name, value, "a list");
}

function objectOf(name: string, value: unknown): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw unexpected(name, value, "an object");
}

function membersOf(name: string, value: unknown, known: readonly string[]): Json {
  const found = objectOf(name, value);
  const stray = Object.keys(found).find((member) => !known.includes(member));
  if (stray === undefined) return found;
  throw invalid(`"${name}" of the filter has "${stray}", expected ${known.join(", ")}.`);
}

function unexpected(name: string, value: unknown, expected: string): StorageError {
  return invalid(`"${name}" of the filter is ${JSON.stringify(value)?.slice(0, 80)}, expected ${expected}.`);
}

function invalid(message: string): StorageError {
  return new StorageError("INVALID_VALUE", message);
}

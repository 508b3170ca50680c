import type { AttributeValue } from "./image-filter.ts";
import type { Attributes } from "./images.ts";

export const ATTRIBUTE_TYPES = ["text", "number", "boolean", "date"] as const;
export type AttributeType = (typeof ATTRIBUTE_TYPES)[number];

/** What an attribute of a corpus's pictures is. */
export type AttributeDeclaration = {
  readonly name: string;
  /** "date" is a day (2026-01-31) or a moment (2026-01-31T12:00:00.000Z), stored as text in these two forms alone, which sort by time. */
  readonly type: AttributeType;
  /** Holds a list of such values. */
  readonly list: boolean;
  /** Every picture must have it. */
  readonly required: boolean;
  /** The only values that it may have, in their stored form; null: any of the type. */
  readonly values: readonly AttributeValue[] | null;
};

/** What is declared, each name once. Attributes that are not declared may hold anything. */
export type AttributeSchema = readonly AttributeDeclaration[];

/** Attributes in their declared types, or one sentence for each value that does not fit. */
export type ConvertedAttributes =
  | { readonly ok: true; readonly attributes: Attributes }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * Gives declared attributes their types: the text "12" of a number becomes 12, what is not declared stays as it is. Whether required ones are there
 * is asked by missingAttributes, because a picture may have them already.
 */
export function convertAttributes(schema: AttributeSchema, attributes: Attributes): ConvertedAttributes {
  const converted: Record<string, unknown> = { ...attributes };
  const problems: string[] = [];
  for (const declaration of schema) {
    if (!Object.hasOwn(attributes, declaration.name)) continue;
    const found = convertAttribute(declaration, attributes[declaration.name]);
    if (found.ok) converted[declaration.name] = found.value;
    else problems.push(found.problem);
  }
  return problems.length === 0 ? { ok: true, attributes: converted } : { ok: false, problems };
}

/** One sentence for each required attribute that is absent, null or an empty list. */
export function missingAttributes(schema: AttributeSchema, attributes: Attributes): string[] {
  return schema
    .filter(({ name, required }) => required && isEmpty(attributes[name]))
    .map((declaration) => `Attribute "${declaration.name}" is missing, expected ${describeDeclaration(declaration)}.`);
}

type Converted<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/** A blank text stands for no value, except where a text is what is wanted. */
function convertAttribute(declaration: AttributeDeclaration, value: unknown): Converted<unknown> {
  if (value === null || value === undefined) return { ok: true, value: null };
  if (typeof value === "string" && value.trim() === "" && (declaration.list || declaration.type !== "text")) {
    return { ok: true, value: null };
  }
  const members = declaration.list ? membersOf(value) : [value];
  const stored: AttributeValue[] = [];
  for (const member of members) {
    const converted = storedValue(declaration.type, member);
    const isAllowed = converted !== undefined && (declaration.values?.includes(converted) ?? true);
    if (!isAllowed) {
      const found = `Attribute "${declaration.name}" is ${quote(value)}`;
      return { ok: false, problem: `${found}, expected ${describeDeclaration(declaration)}.` };
    }
    stored.push(converted);
  }
  return { ok: true, value: declaration.list ? stored : stored[0] };
}

/** A text of a manifest's column holds a list as JSON or with semicolons between its members. */
function membersOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== "string") return [value];
  if (value.trimStart().startsWith("[")) {
    try {
      const list: unknown = JSON.parse(value);
      if (Array.isArray(list)) return list;
    } catch {
      // A text that begins with a bracket and is no JSON is a text.
    }
  }
  return value
    .split(";")
    .map((member) => member.trim())
    .filter((member) => member !== "");
}

/** The value in the form in which the type is stored; undefined where it is no such value. */
export function storedValue(type: AttributeType, value: unknown): AttributeValue | undefined {
  switch (type) {
    case "text":
      return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
        ? String(value)
        : undefined;
    case "number":
      return numberOf(value);
    case "boolean":
      return booleanOf(value);
    case "date":
      return typeof value === "string" ? dateOf(value.trim()) : undefined;
  }
}

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

function numberOf(value: unknown): number | undefined {
  const number = typeof value === "string" && NUMBER.test(value.trim()) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

const TRUTH: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["yes", true],
  ["1", true],
  ["false", false],
  ["no", false],
  ["0", false],
]);

function booleanOf(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  return typeof value === "string" || typeof value === "number"
    ? TRUTH.get(String(value).trim().toLowerCase())
    : undefined;
}

const DATE = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** A day stays a day; a moment becomes one in UTC, for which it is taken where it names no offset. */
function dateOf(text: string): string | undefined {
  const [, year, month, day, hour, minute, second = "00", fraction = "", offset = "Z"] = DATE.exec(text) ?? [];
  if (year === undefined) return undefined;
  const date = `${year}-${month}-${day}`;
  // JavaScript turns the 30th of February into the 2nd of March.
  const begin = new Date(`${date}T00:00:00Z`);
  if (Number.isNaN(begin.getTime()) || begin.toISOString().slice(0, 10) !== date) return undefined;
  if (hour === undefined) return date;
  const zone = offset === "Z" ? "Z" : `${offset.slice(0, 3)}:${offset.slice(-2)}`;
  const moment = new Date(`${date}T${hour}:${minute}:${second}.${fraction.padEnd(3, "0").slice(0, 3)}${zone}`);
  // A year before 0 or after 9999 would not sort as text.
  return Number.isNaN(moment.getTime()) || !/^\d/.test(moment.toISOString()) ? undefined : moment.toISOString();
}

/** The last moment of a day in the stored form; a moment is its own. */
export function endOfDate(date: string): string {
  return date.length === "2026-01-31".length ? `${date}T23:59:59.999Z` : date;
}

const EXAMPLES: Readonly<Record<AttributeType, string>> = {
  text: "a text",
  number: "a number such as 12.5",
  boolean: "true or false",
  date: "a date such as 2026-01-31 or 2026-01-31T12:00:00Z",
};

const MOST_NAMED_VALUES = 10;

/** Such as `a list, each one of "S", "M"`. */
export function describeDeclaration({ type, list, values }: Omit<AttributeDeclaration, "required">): string {
  const one = values === null ? EXAMPLES[type] : `one of ${describeValues(values)}`;
  return list ? `a list, each member ${one}` : one;
}

function describeValues(values: readonly AttributeValue[]): string {
  const named = values.slice(0, MOST_NAMED_VALUES).map((value) => JSON.stringify(value));
  const rest = values.length - named.length;
  return `${named.join(", ")}${rest > 0 ? ` and ${rest} others` : ""}`;
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
}

import {
  ATTRIBUTE_TYPES,
  type AttributeDeclaration,
  type AttributeSchema,
  type AttributeType,
  storedValue,
} from "./attribute-values.ts";
import type { AttributeValue } from "./image-filter.ts";
import { LONGEST_ATTRIBUTE_NAME } from "./flat-attributes.ts";
import { nameProblem } from "./names.ts";
import { StorageError } from "./storage-error.ts";

const MOST_ATTRIBUTES = 200;
const MOST_VALUES = 1_000;
const EXAMPLE = 'such as {"price": "number", "sizes": {"type": "text", "list": true, "values": ["S", "M"]}}';

/**
 * Reads declarations of attributes from JSON: an object with a member for each attribute, whose value is the name of a type or an object with `type`
 * and, where wanted, `list`, `required` and `values`.
 * @param source  what the text is from, for messages
 * @throws StorageError INVALID_VALUE that names the first thing that is wrong
 */
export function parseAttributeSchema(json: string, source: string): AttributeSchema {
  const fail = (problem: string) =>
    new StorageError("INVALID_VALUE", `The attributes of "${source}" cannot be used: ${problem}.`);
  let given: unknown;
  try {
    given = JSON.parse(json.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw fail(`it is no JSON (${error instanceof Error ? error.message : String(error)}), expected one ${EXAMPLE}`);
  }
  if (!isObject(given)) throw fail(`it holds no object, expected one ${EXAMPLE}`);
  const entries = Object.entries(given);
  if (entries.length > MOST_ATTRIBUTES)
    throw fail(`it declares ${entries.length}, expected at most ${MOST_ATTRIBUTES}`);
  return entries
    .map(([name, declared]) => declarationOf(name, declared, fail))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

type Fail = (problem: string) => StorageError;

const MEMBERS = new Set(["type", "list", "required", "values"]);

function declarationOf(name: string, declared: unknown, fail: Fail): AttributeDeclaration {
  const problem = nameProblem(name, LONGEST_ATTRIBUTE_NAME);
  if (problem !== null) throw fail(`the name ${JSON.stringify(name).slice(0, 80)} ${problem}`);
  const members = typeof declared === "string" ? { type: declared } : declared;
  if (!isObject(members)) throw fail(`"${name}" is ${JSON.stringify(declared)}, expected a type or an object`);
  const unknown = Object.keys(members).find((member) => !MEMBERS.has(member));
  if (unknown !== undefined) throw fail(`"${name}" has "${unknown}", expected ${[...MEMBERS].join(", ")}`);
  const type = ATTRIBUTE_TYPES.find((known) => known === members["type"]);
  if (type === undefined) {
    throw fail(`"${name}" has the type ${JSON.stringify(members["type"])}, expected ${ATTRIBUTE_TYPES.join(", ")}`);
  }
  return {
    name,
    type,
    list: flagOf(name, "list", members["list"], fail),
    required: flagOf(name, "required", members["required"], fail),
    values: valuesOf(name, type, members["values"], fail),
  };
}

function flagOf(name: string, member: string, value: unknown, fail: Fail): boolean {
  if (value === undefined) return false;
  if (typeof value === "boolean") return value;
  throw fail(`"${member}" of "${name}" is ${JSON.stringify(value)}, expected true or false`);
}

function valuesOf(name: string, type: AttributeType, values: unknown, fail: Fail): readonly AttributeValue[] | null {
  if (values === undefined || values === null) return null;
  if (!Array.isArray(values) || values.length < 1 || values.length > MOST_VALUES) {
    throw fail(`"values" of "${name}" must be a list of 1 to ${MOST_VALUES} values`);
  }
  return values.map((value: unknown) => {
    const stored = storedValue(type, value);
    if (stored === undefined) throw fail(`"values" of "${name}" has ${JSON.stringify(value)}, which is no ${type}`);
    return stored;
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

import {
  type AttributeDeclaration,
  type AttributeSchema,
  describeDeclaration,
  endOfDate,
  storedValue,
} from "./attribute-values.ts";
import type { AttributeCondition, AttributeValue, ImageFilter } from "./image-filter.ts";
import { StorageError } from "./storage-error.ts";

/**
 * The filter with its values in the types that the corpus declares: "12" for a number becomes 12, and a day as the upper end of a date takes in the
 * whole day. Conditions on attributes that are not declared stay as they are.
 * @throws StorageError INVALID_VALUE for a value that the attribute cannot have, one that the declaration does not list, or a range of texts or numbers that makes no sense
 */
export function typedFilter(filter: ImageFilter | undefined, schema: AttributeSchema): ImageFilter | undefined {
  if (filter === undefined || schema.length === 0) return filter;
  const declarations = new Map(schema.map((declaration) => [declaration.name, declaration]));
  const convert = (part: ImageFilter): ImageFilter => {
    if ("and" in part) return { and: part.and.map(convert) };
    if ("or" in part) return { or: part.or.map(convert) };
    if ("not" in part) return { not: convert(part.not) };
    if (!("attribute" in part)) return part;
    const declaration = declarations.get(part.attribute.name);
    return declaration ? { attribute: typedCondition(declaration, part.attribute) } : part;
  };
  return convert(filter);
}

function typedCondition(declaration: AttributeDeclaration, condition: AttributeCondition): AttributeCondition {
  const { in: values, from, to, ...rest } = condition;
  const end = to === undefined ? undefined : boundOf(declaration, "to", to);
  return {
    ...rest,
    ...(values !== undefined && { in: values.map((value) => valueOf(declaration, "in", value)) }),
    ...(from !== undefined && { from: boundOf(declaration, "from", from) }),
    ...(end !== undefined && { to: declaration.type === "date" ? endOfDate(String(end)) : end }),
  };
}

function boundOf(declaration: AttributeDeclaration, member: "from" | "to", value: AttributeValue): string | number {
  const bound = valueOf(declaration, member, value);
  if (typeof bound !== "boolean") return bound;
  const message = `"${member}" of the attribute "${declaration.name}" has no meaning: it is true or false. Ask for one of them instead: "in": [${bound}].`;
  throw new StorageError("INVALID_VALUE", message);
}

/** A bound may lie between the values that are declared; what a picture's value is compared with must be one of them. */
function valueOf({ name, type, values }: AttributeDeclaration, member: string, value: AttributeValue): AttributeValue {
  const stored = storedValue(type, value);
  const listed = member === "in" ? values : null;
  if (stored !== undefined && (listed?.includes(stored) ?? true)) return stored;
  const expected = describeDeclaration({ name, type, list: false, values: listed });
  const found = `"${member}" of the attribute "${name}" is ${JSON.stringify(value).slice(0, 80)}`;
  throw new StorageError("INVALID_VALUE", `${found}, expected ${expected}, as the corpus declares it.`);
}

import type { AttributeCondition, AttributeValue, ImageFilter, QuestionCondition } from "@medley/storage";
import { badUserInput } from "./errors.ts";
import type {
  AttributeFilter,
  DateRange,
  ImageFilter as ImageFilterInput,
  QuestionFilter,
} from "./generated/schema-types.ts";

/** The filter as the storage knows it. GraphQL has seen to it that each part has exactly one member; what JSON values may be is checked here. */
export function imageFilterOf(input: ImageFilterInput): ImageFilter {
  if (input.and) return { and: input.and.map(imageFilterOf) };
  if (input.or) return { or: input.or.map(imageFilterOf) };
  if (input.not) return { not: imageFilterOf(input.not) };
  if (input.attribute) return { attribute: conditionOf("attribute", input.attribute) };
  if (input.question) return { question: questionOf(input.question) };
  if (input.addedAt) return { addedAt: datesOf(input.addedAt) };
  if (input.format) return { format: input.format };
  if (input.width) return { width: { from: input.width.from ?? undefined, to: input.width.to ?? undefined } };
  if (input.height) return { height: { from: input.height.from ?? undefined, to: input.height.to ?? undefined } };
  return {
    origin: { startsWith: input.origin?.startsWith ?? undefined, contains: input.origin?.contains ?? undefined },
  };
}

function questionOf({ minimumProbability, ...condition }: QuestionFilter): QuestionCondition {
  return { ...conditionOf("question", condition), minimumProbability: minimumProbability ?? undefined };
}

function conditionOf(
  kind: "attribute" | "question",
  { name, in: values, from, to, exists }: AttributeFilter,
): AttributeCondition {
  const what = `the ${kind} "${name}"`;
  return {
    name,
    in: values?.map((value: unknown) => plainValue(what, "in", value)) ?? undefined,
    from: boundOf(what, "from", from),
    to: boundOf(what, "to", to),
    exists: exists ?? undefined,
  };
}

function plainValue(what: string, member: string, value: unknown): AttributeValue {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  const found = JSON.stringify(value).slice(0, 80);
  throw badUserInput(`"${member}" of ${what} has ${found}, expected a text, a number, true or false.`);
}

function boundOf(what: string, member: string, value: unknown): string | number | undefined {
  if (value === null || value === undefined) return undefined;
  const plain = plainValue(what, member, value);
  if (typeof plain !== "boolean") return plain;
  throw badUserInput(`"${member}" of ${what} is ${plain}, expected a text or a number.`);
}

const ISO_DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/;

function datesOf({ from, to }: DateRange): { from?: Date | undefined; to?: Date | undefined } {
  const dateOf = (text: string | null | undefined) => {
    if (text === null || text === undefined) return undefined;
    const date = new Date(text);
    if (ISO_DATE.test(text) && !Number.isNaN(date.getTime())) return date;
    throw badUserInput(`addedAt has "${text.slice(0, 80)}", expected an ISO 8601 date such as 2026-01-31T12:00:00Z.`);
  };
  return { from: dateOf(from), to: dateOf(to) };
}

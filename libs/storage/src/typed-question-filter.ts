import { storedValue } from "./attribute-values.ts";
import type { AttributeValue, ImageFilter, QuestionCondition } from "./image-filter.ts";
import type { Question, QuestionType } from "./questions.ts";
import { StorageError } from "./storage-error.ts";

/** Names of the questions that a filter has conditions on. */
export function questionsIn(filter: ImageFilter | undefined): ReadonlySet<string> {
  const names = new Set<string>();
  const look = (part: ImageFilter): void => {
    if ("and" in part) part.and.forEach(look);
    else if ("or" in part) part.or.forEach(look);
    else if ("not" in part) look(part.not);
    else if ("question" in part) names.add(part.question.name);
  };
  if (filter !== undefined) look(filter);
  return names;
}

/** @throws StorageError INVALID_VALUE: a column that nobody declared fits no picture, which is never what is meant */
export function requireQuestion(questions: readonly Question[], name: string): Question {
  const found = questions.find((question) => question.name === name);
  if (found) return found;
  const known = questions.map((question) => `"${question.name}"`).join(", ") || "none";
  throw new StorageError("INVALID_VALUE", `The corpus has no question "${name.slice(0, 80)}"; it has: ${known}.`);
}

/**
 * The filter with the values of its conditions on questions in the types of these: "yes" for a BOOLEAN becomes true.
 * @throws StorageError INVALID_VALUE for a question that is not declared, and for a value that its answers cannot have
 */
export function typedQuestionFilter(
  filter: ImageFilter | undefined,
  questions: readonly Question[],
): ImageFilter | undefined {
  const convert = (part: ImageFilter): ImageFilter => {
    if ("and" in part) return { and: part.and.map(convert) };
    if ("or" in part) return { or: part.or.map(convert) };
    if ("not" in part) return { not: convert(part.not) };
    if (!("question" in part)) return part;
    return { question: typedCondition(requireQuestion(questions, part.question.name), part.question) };
  };
  return filter === undefined ? undefined : convert(filter);
}

function typedCondition(question: Question, condition: QuestionCondition): QuestionCondition {
  const { in: values, from, to, ...rest } = condition;
  return {
    ...rest,
    ...(values !== undefined && { in: values.map((value) => valueOf(question, "in", value)) }),
    ...(from !== undefined && { from: boundOf(question, "from", from) }),
    ...(to !== undefined && { to: boundOf(question, "to", to) }),
  };
}

function boundOf(question: Question, member: "from" | "to", value: AttributeValue): number | string {
  const bound = valueOf(question, member, value);
  if (typeof bound !== "boolean" && question.type !== "CATEGORY") return bound;
  const message = `"${member}" of the question "${question.name}" has no meaning: it is a ${question.type}. Use "in".`;
  throw new StorageError("INVALID_VALUE", message);
}

const TYPES = { BOOLEAN: "boolean", CATEGORY: "text", TEXT: "text", NUMBER: "number" } as const;
const EXPECTED: Readonly<Record<QuestionType, string>> = {
  BOOLEAN: "true or false",
  CATEGORY: "a text",
  TEXT: "a text",
  NUMBER: "a number such as 12.5",
};

function valueOf({ name, type, answers }: Question, member: string, value: AttributeValue): AttributeValue {
  const stored = storedValue(TYPES[type], value);
  const found = `"${member}" of the question "${name}" is ${JSON.stringify(value).slice(0, 80)}`;
  if (stored === undefined) throw new StorageError("INVALID_VALUE", `${found}, expected ${EXPECTED[type]}.`);
  // Nothing but these is ever answered: another one is a slip, and would silently find nothing.
  if (type !== "CATEGORY" || answers?.includes(String(stored))) return stored;
  const listed = (answers ?? []).slice(0, 10).map((answer) => `"${answer}"`);
  throw new StorageError("INVALID_VALUE", `${found}, which is none of its answers: ${listed.join(", ")}.`);
}

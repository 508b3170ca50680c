import { COUNTS } from "./answer-control.ts";
import { withoutZeros } from "./images.ts";
import { StorageError } from "./storage-error.ts";

/** A value that an attribute can be compared with. */
export type AttributeValue = string | number | boolean;

/** Which pictures of a corpus are meant: a condition, or conditions joined by and, or, not. */
export type ImageFilter =
  | { readonly and: readonly ImageFilter[] }
  | { readonly or: readonly ImageFilter[] }
  | { readonly not: ImageFilter }
  | { readonly attribute: AttributeCondition }
  | { readonly question: QuestionCondition }
  | { readonly addedAt: DateRange }
  | { readonly origin: OriginCondition }
  | { readonly format: readonly string[] }
  | { readonly width: NumberRange }
  | { readonly height: NumberRange };

/** All given members must hold. A list as the attribute's value fits when one of its members does. */
export interface AttributeCondition {
  readonly name: string;
  /** The value is one of these, with the same type. */
  readonly in?: readonly AttributeValue[] | undefined;
  /** At least, at most: numbers with numbers, texts (such as ISO dates) with texts in the order of their characters. */
  readonly from?: string | number | undefined;
  readonly to?: string | number | undefined;
  /** Whether the picture has the attribute with a value other than null. */
  readonly exists?: boolean | undefined;
}

/** A condition on what a model answered; all given members must hold. Answers that do not count are as if they were not there. */
export interface QuestionCondition extends AttributeCondition {
  /** Least probability of the answer, beside the minimum that the question itself has. */
  readonly minimumProbability?: number | undefined;
}

/** Both ends included. */
export interface DateRange {
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

/** Both ends included. */
export interface NumberRange {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** Of any path or address of the picture; letter case counts. */
export interface OriginCondition {
  readonly startsWith?: string | undefined;
  readonly contains?: string | undefined;
}

/** More conditions than this come from a program gone wrong; planning them would cost more than the search. */
const MOST_CONDITIONS = 64;
const DEEPEST = 8;
const MOST_VALUES = 200;
const LONGEST_TEXT = 1_000;

/**
 * SQL that is true for the images `i` that pass; values go into `parameters` and never into the text. Without a filter it is "true".
 * @throws StorageError INVALID_VALUE naming the part that cannot be meant
 */
export function compileImageFilter(filter: ImageFilter | undefined, parameters: unknown[]): string {
  if (filter === undefined) return "true";
  let conditions = 0;
  const add = (value: unknown, type: string) => `$${parameters.push(value)}::${type}`;

  function compile(part: ImageFilter, depth: number): string {
    if (depth > DEEPEST) throw invalid(`The filter nests deeper than ${DEEPEST} levels.`);
    if ("and" in part) return join(part.and, " and ", "and", depth);
    if ("or" in part) return join(part.or, " or ", "or", depth);
    // A condition about something that a picture does not have is unknown; "not" takes the picture in.
    if ("not" in part) return `not coalesce(${compile(part.not, depth + 1)}, false)`;
    conditions += 1;
    if (conditions > MOST_CONDITIONS) throw invalid(`The filter has more than ${MOST_CONDITIONS} conditions.`);
    return condition(part, add);
  }

  function join(parts: readonly ImageFilter[], word: string, name: string, depth: number): string {
    if (parts.length === 0) throw invalid(`The filter's "${name}" is empty, expected at least one condition.`);
    return `(${parts.map((part) => compile(part, depth + 1)).join(word)})`;
  }

  return compile(filter, 1);
}

type Condition = Exclude<ImageFilter, { and: unknown } | { or: unknown } | { not: unknown }>;
type Add = (value: unknown, type: string) => string;

function condition(part: Condition, add: Add): string {
  if ("attribute" in part) return attributeSql(part.attribute, add);
  if ("question" in part) return questionSql(part.question, add);
  if ("origin" in part) return originSql(part.origin, add);
  if ("addedAt" in part) return rangeSql("addedAt", "i.created_at", part.addedAt, "timestamptz", add);
  if ("width" in part) return rangeSql("width", "i.width", part.width, "double precision", add);
  if ("height" in part) return rangeSql("height", "i.height", part.height, "double precision", add);
  requireValues("format", part.format);
  return `i.format = any (${add(part.format.map(storable), "text[]")})`;
}

function attributeSql({ name, in: values, from, to, exists }: AttributeCondition, add: Add): string {
  const key = keyOf("attribute", name);
  const parts: string[] = [];
  if (values !== undefined) {
    requireValues(name, values);
    // As a value, or as a member of a list; containment is what the index knows.
    const fits = values.flatMap((value) => {
      const stored = typeof value === "string" ? storable(value) : value;
      return [{ [key]: stored }, { [key]: [stored] }].map(
        (wanted) => `i.attributes @> ${add(JSON.stringify(wanted), "jsonb")}`,
      );
    });
    parts.push(`(${fits.join(" or ")})`);
  }
  if (from !== undefined || to !== undefined) {
    parts.push(valueRangeSql(`attribute "${key}"`, `i.attributes -> ${add(key, "text")}`, from, to, add));
  }
  requireNoContradiction(`attribute "${key}"`, exists, parts);
  if (exists !== undefined) {
    parts.push(`(coalesce(i.attributes -> ${add(key, "text")}, 'null') <> 'null') = ${add(exists, "boolean")}`);
  }
  if (parts.length > 0) return `(${parts.join(" and ")})`;
  throw invalid(`The condition on the attribute "${name}" says nothing. Give it "in", "from", "to" or "exists".`);
}

function questionSql({ name, in: values, from, to, exists, minimumProbability }: QuestionCondition, add: Add): string {
  const key = keyOf("question", name);
  const parts: string[] = [];
  if (values !== undefined) {
    requireValues(name, values);
    const wanted = values.map((value) => JSON.stringify(typeof value === "string" ? storable(value) : value));
    parts.push(`a.value = any (${add(wanted, "jsonb[]")})`);
  }
  if (from !== undefined || to !== undefined) parts.push(valueRangeSql(`question "${key}"`, "a.value", from, to, add));
  if (minimumProbability !== undefined) {
    if (!(minimumProbability >= 0 && minimumProbability <= 1)) {
      const found = `"minimumProbability" of the question "${key}" is ${minimumProbability}`;
      throw invalid(`${found}, expected a number from 0 to 1.`);
    }
    parts.push(`a.probability >= ${add(minimumProbability, "double precision")}`);
  }
  requireNoContradiction(`question "${key}"`, exists, parts);
  if (parts.length === 0 && exists === undefined) {
    const members = '"in", "from", "to", "minimumProbability" or "exists"';
    throw invalid(`The condition on the question "${key}" says nothing. Give it ${members}.`);
  }
  const answered = (conditions: readonly string[]) => `exists (
    select from image_answers a join questions q on q.id = a.question_id
    where a.image_id = i.id and q.corpus_id = i.corpus_id and q.retired_at is null
      and ${[`q.name = ${add(key, "text")}`, COUNTS, ...conditions].join(" and ")})`;
  if (exists === undefined) return answered(parts);
  const isThere = `${answered([])} = ${add(exists, "boolean")}`;
  return parts.length === 0 ? `(${isThere})` : `(${answered(parts)} and ${isThere})`;
}

/** What is missing has no value that could be compared. */
function requireNoContradiction(what: string, exists: boolean | undefined, comparisons: readonly string[]): void {
  if (exists !== false || comparisons.length === 0) return;
  const hint = "Leave one of them out, or join them by or.";
  throw invalid(`The condition on the ${what} asks for its absence ("exists": false) and compares its value. ${hint}`);
}

function keyOf(kind: "attribute" | "question", name: string): string {
  if (name !== "" && name.length <= LONGEST_TEXT) return storable(name);
  throw invalid(`The ${kind} name "${name.slice(0, 80)}" is not usable.`);
}

/** A JSON path compares numbers with numbers and texts with texts, looks into lists, and never fails on a value of another type. */
function valueRangeSql(
  what: string,
  valueSql: string,
  from: string | number | undefined,
  to: string | number | undefined,
  add: Add,
): string {
  if (from !== undefined && to !== undefined && typeof from !== typeof to) {
    throw invalid(`"from" and "to" of the ${what} are of different types: ${from} and ${to}.`);
  }
  requireOrder(`the ${what}`, from, to);
  for (const end of [from, to]) {
    if (typeof end === "number" && !Number.isFinite(end)) throw invalid(`${end} is no bound for the ${what}.`);
  }
  const tests = [from !== undefined && "@ >= $from", to !== undefined && "@ <= $to"].filter((test) => test !== false);
  const path = `$[*] ? (${tests.join(" && ")})`;
  const bounds = { ...(from !== undefined && { from: plain(from) }), ...(to !== undefined && { to: plain(to) }) };
  return `jsonb_path_exists(${valueSql}, ${add(path, "jsonpath")}, ${add(JSON.stringify(bounds), "jsonb")}, true)`;
}

function originSql({ startsWith, contains }: OriginCondition, add: Add): string {
  const parts: string[] = [];
  for (const text of [startsWith, contains]) {
    // Zero characters are stored nowhere.
    const length = text === undefined ? 1 : storable(text).length;
    if (length === 0 || length > LONGEST_TEXT) {
      throw invalid(`The text for origins has ${length} usable characters, expected 1 to ${LONGEST_TEXT}.`);
    }
  }
  if (startsWith !== undefined) parts.push(`starts_with(o.origin, ${add(storable(startsWith), "text")})`);
  if (contains !== undefined) parts.push(`position(${add(storable(contains), "text")} in o.origin) > 0`);
  if (parts.length === 0) throw invalid('The condition on "origin" says nothing. Give it "startsWith" or "contains".');
  return `exists (select from image_origins o where o.image_id = i.id and ${parts.join(" and ")})`;
}

function rangeSql(name: string, column: string, range: DateRange | NumberRange, type: string, add: Add): string {
  const parts: string[] = [];
  requireOrder(name, range.from, range.to);
  for (const [end, operator] of [
    [range.from, ">="],
    [range.to, "<="],
  ] as const) {
    if (end === undefined) continue;
    if (Number.isNaN(Number(end)))
      throw invalid(`"${name}" has a bound that is no ${type === "timestamptz" ? "date" : "number"}.`);
    parts.push(`${column} ${operator} ${add(end instanceof Date ? end.toISOString() : end, type)}`);
  }
  if (parts.length === 0) throw invalid(`The condition on "${name}" says nothing. Give it "from" or "to".`);
  return `(${parts.join(" and ")})`;
}

/** From the larger to the smaller nothing lies: whoever asks so has exchanged them. */
function requireOrder<Bound extends string | number | Date>(
  what: string,
  from: Bound | undefined,
  to: Bound | undefined,
) {
  if (from === undefined || to === undefined || !(from > to)) return;
  const shown = (bound: Bound) => (bound instanceof Date ? bound.toISOString() : JSON.stringify(bound));
  throw invalid(`The range of ${what} goes from ${shown(from)} to ${shown(to)}, expected the smaller one first.`);
}

function requireValues(name: string, values: readonly AttributeValue[]): void {
  if (values.length < 1 || values.length > MOST_VALUES) {
    throw invalid(`"${name}" is compared with ${values.length} values, expected 1 to ${MOST_VALUES}.`);
  }
  for (const value of values) {
    const tooLong = typeof value === "string" && value.length > LONGEST_TEXT;
    const noNumber = typeof value === "number" && !Number.isFinite(value);
    if (tooLong || noNumber) throw invalid(`"${name}" is compared with a value that nothing can have.`);
  }
}

function plain(value: string | number): string | number {
  return typeof value === "string" ? storable(value) : value;
}

function storable(text: string): string {
  return withoutZeros(text).toWellFormed();
}

function invalid(message: string): StorageError {
  return new StorageError("INVALID_VALUE", message);
}

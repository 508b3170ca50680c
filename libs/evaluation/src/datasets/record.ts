import { EvaluationError } from "../evaluation-error.ts";

/** Where a value was read: what an error message starts with. */
export interface Place {
  readonly file: string;
  readonly line?: number;
}

/** An object of a file, with where it stands. */
export interface FileRecord {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly place: Place;
  /** Path to the record within its file or line, such as "images[3]"; empty at the top. */
  readonly path: string;
}

/** Throws BAD_DATASET that names file, line, value and what was expected. */
export function refuse(place: Place, what: string, value: unknown, expected: string): never {
  const where = place.line === undefined ? place.file : `${place.file}:${place.line}`;
  throw new EvaluationError("BAD_DATASET", `${where}: ${what} is ${shown(value)}, expected ${expected}.`);
}

/** A value is quoted in messages as JSON; more of it than this only hides the sentence. */
const SHOWN_CHARACTERS = 80;

function shown(value: unknown): string {
  if (value === undefined) return "missing";
  const json = JSON.stringify(value) ?? String(value);
  return json.length <= SHOWN_CHARACTERS ? json : `${json.slice(0, SHOWN_CHARACTERS)}…`;
}

export function toRecord(value: unknown, place: Place, path: string): FileRecord {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return { fields: value as Record<string, unknown>, place, path };
  }
  return refuse(place, path || "the line", value, "an object");
}

function nameOf(record: FileRecord, key: string): string {
  return `"${record.path ? `${record.path}.` : ""}${key}"`;
}

/** A text with at least one visible character, as it stands. */
export function readText(record: FileRecord, key: string): string {
  const value = record.fields[key];
  if (typeof value === "string" && value.trim() !== "") return value;
  return refuse(record.place, nameOf(record, key), value, "a text that is not empty");
}

export function readOptionalText(record: FileRecord, key: string): string | undefined {
  const value = record.fields[key];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return value;
  return refuse(record.place, nameOf(record, key), value, "a text, or nothing");
}

/** At least one text, each with at least one visible character. */
export function readTexts(record: FileRecord, key: string): string[] {
  const value = record.fields[key];
  if (!Array.isArray(value) || value.length === 0) {
    return refuse(record.place, nameOf(record, key), value, "a list of texts with at least one");
  }
  return value.map((text: unknown, index) => {
    if (typeof text === "string" && text.trim() !== "") return text;
    return refuse(record.place, `${nameOf(record, key)}[${index}]`, text, "a text that is not empty");
  });
}

/** An identifier: a whole number or a text, kept as it is because result files must repeat it. */
export function readId(record: FileRecord, key: string): number | string {
  const value = record.fields[key];
  if (Number.isSafeInteger(value)) return value as number;
  if (typeof value === "string" && value !== "") return value;
  return refuse(record.place, nameOf(record, key), value, "a whole number or a text");
}

export function readRecords(record: FileRecord, key: string): FileRecord[] {
  const value = record.fields[key];
  if (!Array.isArray(value)) return refuse(record.place, nameOf(record, key), value, "a list of objects");
  return listOfRecords(value, record.place, `${record.path ? `${record.path}.` : ""}${key}`);
}

export function listOfRecords(values: readonly unknown[], place: Place, path: string): FileRecord[] {
  return values.map((value, index) => toRecord(value, place, `${path}[${index}]`));
}

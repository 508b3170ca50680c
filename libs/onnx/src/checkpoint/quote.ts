// A file chooses these values: a name of 20 MB or an array nested a million deep must not reach a message.
const MAX_QUOTED_CHARACTERS = 200;
const MAX_QUOTED_ITEMS = 8;

/** A value out of a file for an error message: on one line, short, and safe to print whatever it is. */
export function quote(value: unknown): string {
  if (typeof value === "string") {
    return value.length <= MAX_QUOTED_CHARACTERS
      ? JSON.stringify(value)
      : `${JSON.stringify(value.slice(0, MAX_QUOTED_CHARACTERS))}... (${value.length} characters)`;
  }
  if (Array.isArray(value)) {
    return value.length <= MAX_QUOTED_ITEMS
      ? `[${value.map((item) => (typeof item === "object" && item !== null ? "..." : quote(item))).join(", ")}]`
      : `an array of ${value.length} items`;
  }
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

import { StorageError } from "./storage-error.ts";

/** What takes no room on a screen, or ends its line: two names that differ only in these look the same, and ESC commands a terminal. */
const UNSEEN = /[\p{Control}\p{Default_Ignorable_Code_Point}\p{Line_Separator}\p{Paragraph_Separator}]/u;

/** Joiners and variation selectors where writing needs them: in emoji, and in scripts other than these three. */
const JOINING = /(?<=[^\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{N}\p{P}\s])[\u200c\u200d\ufe0e\ufe0f]/gu;

/**
 * A name as it is stored: one line of text that people can see and type again.
 * @param what  what has the name, at the beginning of a sentence
 * @throws StorageError INVALID_VALUE
 */
export function requireName(what: string, name: string, most: number): string {
  const problem = nameProblem(name, most);
  if (problem === null) return name;
  throw new StorageError("INVALID_VALUE", `${what} "${shown(name)}" ${problem}.`);
}

/** What is wrong with a name, such as `is empty, expected 1 to 200 characters`; null when it is a good one. */
export function nameProblem(name: string, most: number): string | null {
  if (name.trim() === "") return `is empty, expected 1 to ${most} characters`;
  if (name.length > most) return `has ${name.length} characters, expected 1 to ${most} characters`;
  if (!name.isWellFormed()) return "holds half of a character (a lone surrogate), expected Unicode text";
  const [unseen] = UNSEEN.exec(name.replace(JOINING, "")) ?? [];
  if (unseen !== undefined)
    return `holds ${codePoint(unseen)}, which nobody can see, expected one line of visible text`;
  return name === name.trim() ? null : "begins or ends with white space, expected none there";
}

function shown(name: string): string {
  const unseen = new RegExp(UNSEEN, "gu");
  return name
    .slice(0, 80)
    .toWellFormed()
    .replace(unseen, (character) => `<${codePoint(character)}>`);
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Whether a text can be compared with what is stored: PostgreSQL keeps no zeros, and half a character would become U+FFFD on the way. */
export function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

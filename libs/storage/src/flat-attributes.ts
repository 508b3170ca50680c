import type { Attributes } from "./images.ts";
import { nameProblem } from "./names.ts";

export const LONGEST_ATTRIBUTE_NAME = 200;

/**
 * What keeps an object from being attributes as a caller gave them: a name that is none, a value that no filter can reach, or text that the database
 * would have to change. One sentence; null when nothing does.
 */
export function attributeProblem(attributes: Attributes): string | null {
  for (const [name, value] of Object.entries(attributes)) {
    const ofName = nameProblem(name, LONGEST_ATTRIBUTE_NAME);
    if (ofName !== null) return `The attribute name ${quote(name)} ${ofName}.`;
    const ofValue = valueProblem(value, name === QUESTIONS);
    if (ofValue !== null) return `The attribute "${name}" ${ofValue}.`;
  }
  return null;
}

/** What an export passes on to trainers as it came (docs/export.md): a list of objects. */
const QUESTIONS = "questions";
const EXPECTED = "expected a text, a number, true, false, null or a list of these";

function valueProblem(value: unknown, mayNest: boolean): string | null {
  for (const member of Array.isArray(value) ? value : [value]) {
    if (typeof member === "object" && member !== null && mayNest) {
      const inside = valueProblem([...Object.keys(member), ...Object.values(member)], true);
      if (inside !== null) return inside;
      continue;
    }
    if (typeof member === "object" && member !== null) {
      const hint = Array.isArray(member) ? "" : '. Give each part a name of its own, such as "size.width"';
      return `holds ${quote(member)}, ${EXPECTED}${hint}`;
    }
    if (typeof member !== "string") continue;
    if (member.includes("\0")) return `is ${quote(member)} with U+0000, which the database cannot keep. Leave it out`;
    if (!member.isWellFormed()) return `is ${quote(member)} with half of a character, expected Unicode text`;
  }
  return null;
}

function quote(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

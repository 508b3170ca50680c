import { CheckpointError } from "./checkpoint-error.ts";
import { quote } from "./quote.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Parses UTF-8 JSON whose root is an object. Unlike JSON.parse it refuses invalid UTF-8 and a key that appears twice in
 * one object: readers differ in which of the two they take, so such a file means different weights to different tools.
 * @param what  how errors call the text, for example: The header of "model.safetensors"
 */
export function parseStrictJson(bytes: Uint8Array, what: string): JsonObject {
  let text: string;
  let root: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    root = JSON.parse(text);
  } catch (error) {
    throw new CheckpointError("MALFORMED", `${what} is not valid JSON: ${(error as Error).message}`, { cause: error });
  }
  if (!isJsonObject(root)) throw new CheckpointError("MALFORMED", `${what} is ${quote(root)}, expected a JSON object`);
  const repeated = findRepeatedKey(text);
  if (repeated !== undefined) throw new CheckpointError("MALFORMED", `${what} has the key ${quote(repeated)} twice`);
  return root;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The first key that an object of this JSON text repeats. The text is known to be valid JSON. */
function findRepeatedKey(text: string): string | undefined {
  const openObjects: Set<string>[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "{") openObjects.push(new Set());
    else if (character === "}") openObjects.pop();
    else if (character === '"') {
      const end = endOfString(text, at);
      if (isFollowedByColon(text, end)) {
        const key: string = JSON.parse(text.slice(at, end));
        const seen = openObjects.at(-1);
        if (seen?.has(key)) return key;
        seen?.add(key);
      }
      at = end - 1;
    }
  }
  return undefined;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function isFollowedByColon(text: string, start: number): boolean {
  let at = start;
  while (text[at] === " " || text[at] === "\t" || text[at] === "\n" || text[at] === "\r") at++;
  return text[at] === ":";
}

import { once } from "node:events";

// Names, texts and paths come from anywhere, and a terminal does what these characters tell it.
const COMMANDS = /(?![\n\t])\p{Control}/gu;

/** Control characters as their escapes, which is what JSON calls them, too. */
function visible(text: string): string {
  return text.replace(COMMANDS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Writes one line and waits while the reader is slower than this process, so that output never piles up in memory. */
export async function writeLine(text: string): Promise<void> {
  if (!process.stdout.write(`${visible(text)}\n`)) await once(process.stdout, "drain");
}

/** One JSON object on its own line of standard output. */
export function writeRecord(record: object): Promise<void> {
  return writeLine(JSON.stringify(record));
}

/** For people: logs, notes and sentences about bad input go to standard error, never into the records. */
export function note(text: string): void {
  process.stderr.write(`${visible(text)}\n`);
}

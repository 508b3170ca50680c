import { once } from "node:events";

/** Writes one line and waits while the reader is slower than this process, so that output never piles up in memory. */
export async function writeLine(text: string): Promise<void> {
  if (!process.stdout.write(`${text}\n`)) await once(process.stdout, "drain");
}

/** One JSON object on its own line of standard output. */
export function writeRecord(record: object): Promise<void> {
  return writeLine(JSON.stringify(record));
}

/** For people: logs, notes and sentences about bad input go to standard error, never into the records. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

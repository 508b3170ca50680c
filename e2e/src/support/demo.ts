import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A picture of the demo corpus as its manifest has it. */
export interface DemoRow {
  /** Relative to the folder of the manifest. */
  readonly path: string;
  readonly text?: string;
}

export function demoRows(folder: string): DemoRow[] {
  return readFileSync(join(folder, "manifest.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as DemoRow);
}

import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";

const LAUNCHER = resolve(import.meta.dirname, "../../bin/medley.mjs");

export interface Ended {
  /** Exit status; null where a signal ended it. */
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

export interface RunOptions {
  /** MEDLEY_HOME, and the folder that it runs in unless told otherwise. */
  readonly home: string;
  readonly folder?: string;
  /** Beside the environment of the tests; no database and no inference server of elsewhere is used unless it is named here. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads from standard input. */
  readonly input?: string;
}

/** Runs `medley` as a person does, in a process of its own, to its end. */
export async function runMedley(args: readonly string[], { home, folder, env, input }: RunOptions): Promise<Ended> {
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    cwd: folder ?? home,
    env: { ...process.env, MEDLEY_HOME: home, DATABASE_URL: "", INFERENCE_URL: "", ...env },
  });
  child.stdin.end(input ?? "");
  const [output, errors, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((ended) => child.once("close", ended)),
  ]);
  return { code, output, errors };
}

/** The objects that `--json` wrote, one a line. */
export function recordsOf<Record>({ output }: Pick<Ended, "output">): Record[] {
  return output
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record);
}

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

export const REPOSITORY = resolve(import.meta.dirname, "../../..");
export const LAUNCHER = join(REPOSITORY, "node_modules/.bin/medley");
/** Small checkpoints with random weights and what the reference implementation computes from them. */
export const FIXTURES = join(REPOSITORY, "libs/blip/fixtures");

/** The model set that the stories about quality run on: the bundled one unless the environment names another. */
export const BUNDLED_MODELS = process.env.MEDLEY_MODELS ?? join(REPOSITORY, "assets/model/medley.models.json");

/** A folder that goes away with the story, with every process that still works on it. */
export function createHome(): { path: string } & AsyncDisposable {
  const path = mkdtempSync(join(tmpdir(), "medley-e2e-"));
  return {
    path,
    async [Symbol.asyncDispose]() {
      for (const pid of processesOf(path)) killProcess(pid, "SIGKILL");
      await until(() => processesOf(path).length === 0, 10_000, "the last processes of a story end");
      rmSync(path, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

export interface Invocation {
  /** MEDLEY_HOME */
  readonly home: string;
  readonly models?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command of `medley` that runs; everything that it prints is kept. */
export interface RunningMedley {
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<Ending>;
  readonly hasEnded: () => boolean;
  readonly signal: (signal: NodeJS.Signals) => void;
}

export function startMedley(args: readonly string[], invocation: Invocation): RunningMedley {
  const child = spawn(LAUNCHER, args, {
    cwd: invocation.home,
    env: environmentOf(invocation),
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  child.stdin.on("error", () => {});
  child.stdin.end(invocation.input ?? "");
  return follow(child);
}

export function medley(args: readonly string[], invocation: Invocation): Promise<Ending> {
  return startMedley(args, invocation).ended;
}

/** What the command printed with --json. Throws with its last words when it did not end well. */
export async function medleyRecords<Item>(args: readonly string[], invocation: Invocation): Promise<Item[]> {
  const ending = await medley([...args, "--json"], invocation);
  if (ending.code !== 0) throw new Error(`medley ${args.join(" ")} ended with ${ending.code}:\n${ending.stderr}`);
  return parseLines<Item>(ending.stdout);
}

export function parseLines<Item>(text: string): Item[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as Item);
}

/** Nothing of the person's own installation may change what a story sees. */
function environmentOf({ home, models, env }: Invocation): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(MEDLEY_|INFERENCE_|VITEST|TEST$|NODE_ENV$|NODE_OPTIONS$)/.test(name) && name !== "DATABASE_URL",
  );
  return {
    ...Object.fromEntries(inherited),
    // Node 24 of the project comes first, whatever Node the shell has.
    PATH: `${join(REPOSITORY, "node_modules/.bin")}${delimiter}${process.env.PATH}`,
    MEDLEY_HOME: home,
    MEDLEY_MODELS: models ?? BUNDLED_MODELS,
    ...env,
  };
}

function follow(child: ChildProcess): RunningMedley {
  let stdout = "";
  let stderr = "";
  let over = false;
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<Ending>((resolveEnding, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      over = true;
      resolveEnding({ code, signal, stdout, stderr });
    });
  });
  const pid = child.pid ?? 0;
  return {
    pid,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    hasEnded: () => over,
    signal: (signal) => killProcess(pid, signal),
  };
}

/**
 * Process ids of everything that works on a home, whoever started it: the environment, the command line or an open file names
 * the folder (a process that gives itself a title overwrites the first two).
 */
export function processesOf(home: string): number[] {
  return readdirSync("/proc").flatMap((entry) => {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    const command = readProcess(pid, "cmdline");
    const named = `${readProcess(pid, "environ")}\0${command}`.includes(home);
    return (named || (command.startsWith("medley") && holdsFileOf(pid, home))) && isAlive(pid) ? [pid] : [];
  });
}

function holdsFileOf(pid: number, home: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith(home));
  } catch {
    return false;
  }
}

/** The processes of a home whose command line holds the text, such as a main module and its command. */
export function processesWith(home: string, text: string): number[] {
  return processesOf(home).filter((pid) => commandOf(pid).includes(text));
}

export function processWith(home: string, text: string): number | undefined {
  return processesWith(home, text)[0];
}

/** The command line of a process, or "" when there is none. */
export function commandOf(pid: number): string {
  return readProcess(pid, "cmdline").replaceAll("\0", " ");
}

function readProcess(pid: number, file: "environ" | "cmdline" | "stat"): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

/** A process that has ended and waits to be collected is no process any more. */
function isAlive(pid: number): boolean {
  return /^\d+ \(.*\) [^ZX]/s.test(readProcess(pid, "stat"));
}

export function killProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** Waits until the condition holds. Throws a sentence that says what did not happen. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
  what: string,
  intervalMs = 50,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs / 1000} s in vain until ${what}.`);
    await wait(intervalMs);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (typeof address !== "object" || address === null) throw new Error("Bug: the server has no port");
  return address.port;
}

import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const END_WITH_PARENT = fileURLToPath(new URL("./end-with-parent.ts", import.meta.url));

/** How long a process may take to stop in good order before it is killed. */
const STOP_MS = 15_000;
/** Last lines of a process that are shown when it dies. */
const KEPT_LINES = 8;
const WARN_LEVEL = 40;
const GOES_ON = "Run the same command again: it goes on where it stopped.";

export interface ChildOptions {
  readonly name: string;
  /** Path of its main module. */
  readonly main: string;
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where what it prints is kept. */
  readonly logFile: string;
}

/** A server process: prints JSON lines, one of them with "listening" and its URL. */
export interface ServerChild {
  readonly pid: number;
  /** Its URL once it listens; rejects with what it said last when it ends before. */
  readonly listening: Promise<string>;
  /** Resolves when it has ended, with a sentence that says how. */
  readonly ended: Promise<string>;
  /** Asks it to stop, waits, and kills it when it takes too long. */
  readonly stop: () => Promise<void>;
  readonly kill: () => void;
}

export function startServer(options: ChildOptions): ServerChild {
  mkdirSync(dirname(options.logFile), { recursive: true });
  const log = createWriteStream(options.logFile, { flags: "a" });
  const child = spawnNode(options, ["ignore", "pipe", "pipe", "ipc"]);
  const kept: string[] = [];
  const listening = Promise.withResolvers<string>();
  const read = (line: string) => {
    log.write(`${line}\n`);
    const words = wordsOf(line);
    if (words) kept.push(words);
    if (kept.length > KEPT_LINES) kept.shift();
    const url = listeningUrl(line);
    if (url !== undefined) listening.resolve(url);
  };
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on("line", read);
  }
  const ended = endOf(child).then((how) => {
    log.end();
    return `${options.name} ended (${how}): ${kept.join("\n  ") || "it said nothing"}`;
  });
  ended.then((text) => listening.reject(new Error(text)));
  listening.promise.catch(() => {});
  return {
    pid: child.pid ?? 0,
    listening: listening.promise,
    ended,
    stop: () => stopChild(child, ended),
    kill: () => void child.kill("SIGKILL"),
  };
}

export interface ToolOptions extends Omit<ChildOptions, "logFile"> {
  /** What a person should know about it that it could not say itself. */
  readonly onNote: (text: string) => void;
}

/**
 * A process that talks to the person itself: its output is this process's. It must be one that goes on where it stopped.
 * Resolves with its exit code, or with 1 and a note when a signal ended it before it could say anything.
 */
export function startTool(options: ToolOptions): { exit: Promise<number>; stop: () => Promise<void> } {
  const child = spawnNode(options, ["ignore", "inherit", "inherit", "ipc"]);
  const exit = new Promise<number>((resolve) =>
    child.once("close", (code, signal) => {
      if (signal !== null) options.onNote(`${options.name} was ended by ${signal}. ${GOES_ON}`);
      resolve(code ?? 1);
    }),
  );
  return { exit, stop: () => stopChild(child, exit) };
}

/** Detached, so that Ctrl-C in a terminal reaches only the parent, which then stops all of them in order. */
function spawnNode(
  options: Omit<ChildOptions, "logFile">,
  stdio: ("ignore" | "pipe" | "inherit" | "ipc")[],
): ChildProcess {
  const args = ["--import", END_WITH_PARENT, options.main, ...(options.args ?? [])];
  // GraphQL's library looks twice at every value of an answer unless it is told that this is production.
  const env = { NODE_ENV: "production", ...process.env, ...options.env };
  return spawn(process.execPath, args, { env, stdio, detached: true });
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}

async function stopChild(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await ended;
  clearTimeout(timer);
}

function listeningUrl(line: string): string | undefined {
  const entry = parseEntry(line);
  return entry?.msg === "listening" && typeof entry.url === "string" ? entry.url : undefined;
}

/** What a person should see of a line if it is among the last ones: a warning or an error, or what is neither a log line nor a note. */
function wordsOf(line: string): string {
  const entry = parseEntry(line);
  if (!entry) return line.startsWith("Note: ") ? "" : line;
  return Number(entry.level) >= WARN_LEVEL ? String(entry.msg) : "";
}

/** The fields of pino's lines that matter here. */
interface LogEntry {
  readonly level?: unknown;
  readonly msg?: unknown;
  readonly url?: unknown;
}

function parseEntry(line: string): LogEntry | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as LogEntry;
  } catch {
    return undefined;
  }
}

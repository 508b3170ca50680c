import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { StorageError } from "../storage-error.ts";
import { EXIT_LOCKED, type OwnerFiles, SOCKET_NAME, SOCKET_PORT, ownerFiles } from "./owner-files.ts";

const OWNER_MAIN = fileURLToPath(new URL("./owner.ts", import.meta.url));
const IDLE_EXIT_MS = 10_000;
// The first start creates the database: 3 s on a quiet machine, far more on a busy one.
const START_DEADLINE_MS = 120_000;
const POLL_MS = 25;

export type OwnerConnection = {
  readonly socketDirectory: string;
  readonly port: number;
  /** Starts the owning process again when it is gone. */
  readonly ensureRunning: () => Promise<void>;
  readonly close: () => void;
};

export type OwnerOptions = {
  readonly home: string;
  readonly idleExitMs?: number | undefined;
  readonly log?: ((line: string) => void) | undefined;
};

/** Finds the process that owns `<home>/database`, or starts one. Any number of processes may do so at once. */
export async function connectToOwner(options: OwnerOptions): Promise<OwnerConnection> {
  const home = resolve(options.home);
  const files = ownerFiles(home);
  mkdirSync(files.directory, { recursive: true, mode: 0o700 });
  const address = shortAddress(files.directory);
  const ensureRunning = () => startOwner({ ...options, home }, files, join(address.directory, SOCKET_NAME));
  try {
    await ensureRunning();
  } catch (error) {
    address.remove();
    throw error;
  }
  return { socketDirectory: address.directory, port: SOCKET_PORT, ensureRunning, close: address.remove };
}

async function startOwner(options: OwnerOptions & { home: string }, files: OwnerFiles, socket: string): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  let child: ChildProcess | undefined;
  while (!(await answers(socket))) {
    if (child?.exitCode && child.exitCode !== EXIT_LOCKED) {
      throw new StorageError(
        "UNREACHABLE",
        `The embedded database in "${files.directory}" did not start (exit ${child.exitCode}): ${lastLines(files.log)}`,
      );
    }
    // Ended in good order: another process owned the directory and is leaving, or nobody came in time. Or it was killed.
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
      options.log?.(`starting the embedded database in ${files.directory}`);
      child = spawnOwner(options, files);
    }
    if (Date.now() > deadline) {
      throw new StorageError(
        "LOCKED",
        `The embedded database in "${files.directory}" did not answer within ${START_DEADLINE_MS / 1000} s. Process ${lastLines(files.pid)} owns it; see "${files.log}".`,
        { retryable: true },
      );
    }
    await wait(POLL_MS);
  }
}

/** Detached, so that Ctrl-C in a terminal ends the command and not the database that others may be using. */
function spawnOwner(options: OwnerOptions & { home: string }, files: OwnerFiles): ChildProcess {
  const log = openSync(files.log, "a", 0o600);
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", OWNER_MAIN, options.home, String(options.idleExitMs ?? IDLE_EXIT_MS)],
    { detached: true, stdio: ["ignore", log, log] },
  );
  closeSync(log);
  child.unref();
  return child;
}

/** The socket exists only while its owner has migrated and listens; a file left by a killed one refuses. */
function answers(socket: string): Promise<boolean> {
  return new Promise((resolveAnswer) => {
    const probe = connect(socket);
    probe.once("connect", () => resolveAnswer(true)).once("error", () => resolveAnswer(false));
    probe.once("connect", () => probe.destroy());
  });
}

function lastLines(path: string): string {
  try {
    return readFileSync(path, "utf8").trim().slice(-2_000);
  } catch {
    return "no log";
  }
}

// sun_path holds 108 bytes on Linux and 104 on macOS, with a terminating zero.
const LONGEST_SOCKET_PATH = 100;

/** The directory itself, or for a long path a private link to it: what counts is the length of the path given. */
function shortAddress(directory: string): { directory: string; remove: () => void } {
  if (Buffer.byteLength(join(directory, SOCKET_NAME)) <= LONGEST_SOCKET_PATH) return { directory, remove: () => {} };
  const parent = mkdtempSync(join(tmpdir(), "medley-"));
  const link = join(parent, "d");
  symlinkSync(directory, link);
  return { directory: link, remove: () => rmSync(parent, { recursive: true, force: true }) };
}

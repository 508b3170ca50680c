import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const runningServerSchema = z.object({ url: z.url(), pid: z.int().positive() });

/** A server of this installation that other processes of the same machine may use. */
export type RunningServer = Readonly<z.infer<typeof runningServerSchema>>;

/** Tells the processes of this installation where a server is; call it when the server is ready. */
export function writeRunFile(runDirectory: string, name: string, server: RunningServer): void {
  mkdirSync(runDirectory, { recursive: true });
  const file = runFilePath(runDirectory, name);
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(server)}\n`);
  renameSync(temporary, file);
}

/** Removes the file of process `pid`; one that another process has written since stays. */
export function removeRunFile(runDirectory: string, name: string, pid: number): void {
  if (readRunFile(runDirectory, name)?.pid === pid) rmSync(runFilePath(runDirectory, name), { force: true });
}

/** The server that the file names when its process is alive; a file left by a killed process counts as none. */
export function findRunningServer(runDirectory: string, name: string): RunningServer | undefined {
  const server = readRunFile(runDirectory, name);
  return server && isAlive(server.pid) ? server : undefined;
}

function readRunFile(runDirectory: string, name: string): RunningServer | undefined {
  try {
    return runningServerSchema.safeParse(JSON.parse(readFileSync(runFilePath(runDirectory, name), "utf8"))).data;
  } catch {
    return undefined;
  }
}

function runFilePath(runDirectory: string, name: string): string {
  return join(runDirectory, `${name}.json`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

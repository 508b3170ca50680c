import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { recordModules } from "@medley/tracing/testing/modules";
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
  const modules = recordModules();
  const gateway = await start({ INFERENCE_URL: NO_SERVER, ...modules.environment });
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
  // Without a collector nothing is traced, and no SDK is loaded. prom-client asks the API, a set of names, for an active trace.
  expect(modules.packages()).toEqual(["api"]);
});

test("does not listen where others could come in without a key, and does with one", async () => {
  const open = await start({ INFERENCE_URL: NO_SERVER, MEDLEY_HOST: "0.0.0.0" });
  const { msg } = await open.line(/MEDLEY_HOST/);
  expect(msg).toContain('MEDLEY_HOST is "0.0.0.0"');
  expect(msg).toContain("medley keys create");
  expect(await open.exit).toBe(1);
  const closed = await start({ INFERENCE_URL: NO_SERVER, MEDLEY_HOST: "0.0.0.0", MEDLEY_ADMIN_KEY: "k".repeat(32) });
  const { url } = await closed.line(/^listening$/);
  const ask = async (headers: Record<string, string>) => {
    const address = String(url).replace("0.0.0.0", "127.0.0.1");
    const body = JSON.stringify({ query: "{ corpora { name } }" });
    const json = { "content-type": "application/json", ...headers };
    return (await fetch(`${address}/graphql`, { method: "POST", headers: json, body })).status;
  };
  expect(await ask({})).toBe(401);
  expect(await ask({ authorization: `Bearer ${"k".repeat(32)}` })).toBe(200);
});

test("says what to do when there is no inference server", async () => {
  const gateway = await start({});
  const { msg } = await gateway.line(/No inference server/);
  expect(msg).toContain("INFERENCE_URL is not set");
  expect(await gateway.exit).toBe(1);
});

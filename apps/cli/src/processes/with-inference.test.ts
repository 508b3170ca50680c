import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSettings } from "@medley/config";
import { expect, test } from "vitest";
import { withInference, workWhileServed } from "./with-inference.ts";

const repository = mkdtempSync(join(tmpdir(), "medley-with-inference-"));
const settings = { ...readSettings({ MEDLEY_HOME: join(repository, "home") }), repository };
mkdirSync(join(repository, "apps/inference/src"), { recursive: true });
// Stands in for the inference server: answers every request with its process id.
writeFileSync(
  join(repository, "apps/inference/src/main.ts"),
  `import { createServer } from "node:http";
  const port = Number(process.env.INFERENCE_PORT);
  createServer((_, response) => response.end(String(process.pid))).listen(port, "127.0.0.1", () =>
    console.log(JSON.stringify({ level: 30, msg: "listening", url: "http://127.0.0.1:" + port })),
  );`,
);

const askPid = async (url: string) => Number(await (await fetch(url)).text());

test("brings its own inference server back where it was when that is killed", async () => {
  const [url, first, second] = await withInference(settings, "wait", async ({ url }) => {
    const killed = await askPid(url);
    process.kill(killed, "SIGKILL");
    await expect.poll(() => askPid(url).catch(() => killed), { timeout: 30_000 }).not.toBe(killed);
    return [url, killed, await askPid(url)] as const;
  });
  expect(second).not.toBe(first);
  await expect(fetch(url)).rejects.toThrow();
});

test("ends the work, and then itself with the last words of a server that keeps dying", async () => {
  const server = Promise.withResolvers<never>();
  let ended = false;
  const serving = workWhileServed({ lost: server.promise }, async (lost) => {
    await new Promise((resolve) => lost.addEventListener("abort", resolve));
    ended = true;
  });
  server.reject(new Error("The inference server died 5 times within a minute. Out of memory."));
  await expect(serving).rejects.toThrow("Out of memory.");
  expect(ended).toBe(true);
});

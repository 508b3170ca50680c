import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { lowerIsBetter, type Measurement, median } from "../measure.ts";

const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));
const WATCH = fileURLToPath(new URL("../watch-event-loop.mjs", import.meta.url));
const CLIENTS = 4;
const ROUND_SECONDS = 5;
const START_LIMIT_MS = 600_000;

/**
 * The largest event-loop gap of the gateway process while several clients search with re-ranking of 128 candidates, against how
 * long one such search takes: what the gap would be if the models ran in the gateway itself. Starts the whole stack on the demo
 * corpus in a temporary home.
 */
export async function responsiveness(runs: number): Promise<readonly Measurement[]> {
  const home = mkdtempSync(join(tmpdir(), "medley-bench-"));
  const port = await freePort();
  const stack = spawn(join(REPOSITORY, "node_modules/.bin/medley"), ["start"], {
    cwd: REPOSITORY,
    detached: true,
    stdio: "ignore",
    env: {
      ...process.env,
      MEDLEY_HOME: home,
      MEDLEY_PORT: String(port),
      MEDLEY_BENCH_GAPS: home,
      NODE_OPTIONS: `--import=${WATCH}`,
    },
  });
  try {
    const url = `http://127.0.0.1:${port}/graphql`;
    await untilIngested(url);
    const gaps: number[] = [];
    const searches: number[] = [];
    for (let run = 0; run < runs; run++) {
      const from = Date.now();
      searches.push(...(await load(url, from + ROUND_SECONDS * 1000)));
      gaps.push(largestGap(home, from, Date.now()));
    }
    const values = { ours: median(gaps), baseline: median(searches) };
    return [
      lowerIsBetter(
        "responsiveness",
        `largest gap of the gateway, ${CLIENTS} clients re-ranking 128`,
        "ms",
        runs,
        values,
      ),
    ];
  } finally {
    await stop(stack);
    // The embedded database ends by itself some seconds after its last client.
    rmSync(home, { recursive: true, force: true, maxRetries: 30, retryDelay: 1000 });
  }
}

/** Searches from all clients until a point in time. @returns milliseconds that each search took */
async function load(url: string, until: number): Promise<number[]> {
  const taken: number[] = [];
  const client = async (index: number): Promise<void> => {
    for (let count = 0; Date.now() < until; count++) {
      const before = performance.now();
      await search(url, `a red picture ${index * 1000 + count}`);
      taken.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)));
  return taken;
}

async function search(url: string, text: string): Promise<void> {
  const query =
    'query ($text: String!) { search(input: { corpus: "demo", all: [{ text: $text }] }, first: 20) { edges { itmLogit } } }';
  const body = JSON.stringify({ query, variables: { text } });
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  const reply = (await response.json()) as { data?: { search?: { edges?: { itmLogit: number | null }[] } } };
  if (typeof reply.data?.search?.edges?.[0]?.itmLogit !== "number")
    throw new Error(`No re-ranked answer: ${JSON.stringify(reply)}`);
}

async function untilIngested(url: string): Promise<void> {
  const limit = Date.now() + START_LIMIT_MS;
  let quiet = 0;
  while (Date.now() < limit) {
    await sleep(1000);
    quiet = (await search(url, "a house").then(
      () => true,
      () => false,
    ))
      ? quiet + 1
      : 0;
    if (quiet > 0 && (await embedded(url))) return;
  }
  throw new Error("The stack did not finish its first ingest in time. Run medley doctor.");
}

async function embedded(url: string): Promise<boolean> {
  const query = '{ corpus(name: "demo") { coverage { step waiting total } } }';
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  const reply = (await response.json()) as {
    data?: { corpus?: { coverage?: { step: string; waiting: number; total: number }[] } };
  };
  // Captions follow in the background and are no part of what a search waits for.
  const steps = (reply.data?.corpus?.coverage ?? []).filter((step) => step.step !== "caption");
  return steps.length > 0 && steps.every((step) => step.waiting === 0 && step.total > 0);
}

function largestGap(folder: string, from: number, to: number): number {
  let largest = 0;
  for (const name of readdirSync(folder).filter((file) => /^\d+\.jsonl$/.test(file))) {
    for (const line of readFileSync(join(folder, name), "utf8").trim().split("\n")) {
      const { script, at, gapMs } = JSON.parse(line) as { script?: string; at: number; gapMs: number };
      if (script?.includes("apps/gateway") && at >= from && at <= to) largest = Math.max(largest, gapMs);
    }
  }
  if (largest === 0) throw new Error("Bug: no gateway process reported its event loop.");
  return largest;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (typeof address !== "object" || !address) throw new Error("Bug: a listening server has no port.");
  return address.port;
}

async function stop(stack: ChildProcess): Promise<void> {
  const ended = new Promise((done) => stack.once("exit", done));
  stack.kill("SIGTERM");
  await Promise.race([ended, sleep(15_000)]);
  try {
    process.kill(-(stack.pid as number), "SIGKILL");
  } catch {
    // Nothing of the group is left.
  }
}

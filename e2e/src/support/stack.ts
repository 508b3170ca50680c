import { setTimeout as wait } from "node:timers/promises";
import {
  type Ending,
  freePort,
  type Invocation,
  processesOf,
  type RunningMedley,
  startMedley,
  until,
} from "./medley.ts";

/** A running `medley start` with its GraphQL API. */
export interface Stack extends AsyncDisposable {
  readonly url: string;
  readonly process: RunningMedley;
  /** From the command to the first 200 of /readyz. */
  readonly readyAfterMs: number;
  /** The data of a query. Throws when the answer has errors. */
  readonly graphql: <Data>(query: string, variables?: object) => Promise<Data>;
  /** Stops it with SIGTERM and waits for its end. */
  readonly stop: () => Promise<Ending>;
}

export interface StackOptions extends Invocation {
  readonly demo?: boolean;
  /** The database is empty: ready is what works without a corpus. */
  readonly empty?: boolean;
  readonly timeoutMs?: number;
}

const READY_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 30_000;

/** Starts everything on a free port and waits until searches can be answered. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const port = await freePort();
  const started = Date.now();
  const args = ["start", "--json", ...(options.demo ? [] : ["--no-demo"])];
  const running = startMedley(args, { ...options, env: { ...options.env, MEDLEY_PORT: String(port) } });
  const url = `http://127.0.0.1:${port}`;
  let lastWords = "nothing";
  await until(
    async () => {
      if (running.hasEnded()) throw new Error(`medley start ended:\n${running.stderr()}`);
      const ready = await fetch(`${url}/readyz`).catch(() => undefined);
      if (ready?.status === 200) return true;
      lastWords = (await ready?.text()) ?? "no connection";
      return options.empty === true && lacksOnlyCorpus(lastWords);
    },
    options.timeoutMs ?? READY_TIMEOUT_MS,
    `${url}/readyz answers 200`,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)} It said: ${lastWords}. Standard error:\n${running.stderr()}`);
  });
  const stop = async () => {
    running.signal("SIGTERM");
    const ending = await Promise.race([running.ended, wait(STOP_TIMEOUT_MS, undefined, { ref: false })]);
    if (!ending) throw new Error(`medley start goes on ${STOP_TIMEOUT_MS / 1000} s after SIGTERM`);
    return ending;
  };
  return {
    url,
    process: running,
    readyAfterMs: Date.now() - started,
    graphql: (query, variables) => askGraphql(url, query, variables),
    stop,
    [Symbol.asyncDispose]: async () => {
      if (!running.hasEnded()) await stop();
      await until(() => processesOf(options.home).length === 0, STOP_TIMEOUT_MS, "all processes of the stack end");
    },
  };
}

function lacksOnlyCorpus(readiness: string): boolean {
  try {
    const { database, inference } = JSON.parse(readiness) as Record<string, { ok: boolean } | undefined>;
    return database?.ok === true && inference?.ok === true;
  } catch {
    return false;
  }
}

export async function askGraphql<Data>(url: string, query: string, variables: object = {}): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: Data; errors?: { message: string }[] };
  if (errors) throw new Error(errors.map(({ message }) => message).join("\n"));
  return data;
}

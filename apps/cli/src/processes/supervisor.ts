import { setTimeout as wait } from "node:timers/promises";
import type { ServerChild } from "./child.ts";

export interface SupervisorOptions {
  readonly name: string;
  readonly start: () => ServerChild;
  /** Something went wrong that a person should know. */
  readonly onNote: (text: string) => void;
}

/** A server process that is started again when it dies. */
export interface Supervised {
  /** Its URL once it listens for the first time; rejects with its last words when that fails. */
  readonly listening: Promise<string>;
  /** Rejects when it dies again and again; never resolves. */
  readonly lost: Promise<never>;
  readonly stop: () => Promise<void>;
  readonly kill: () => void;
}

/** Deaths within this time count together: once a day is bad luck, five times a minute is a broken installation. */
const WINDOW_MS = 60_000;
const MAX_DEATHS = 5;
const FIRST_WAIT_MS = 500;

/** Starts the server at once. Its port must be fixed, so that its URL is the same after every restart. */
export function supervise({ name, start, onNote }: SupervisorOptions): Supervised {
  let child = start();
  let stopping = false;
  const { listening } = child;
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {});

  const keepAlive = async (): Promise<never> => {
    // What does not even start once is not started again: its last words say what is wrong.
    await listening;
    let deaths: number[] = [];
    for (;;) {
      const lastWords = await child.ended;
      if (stopping) return await new Promise<never>(() => {});
      deaths = [...deaths.filter((at) => at > Date.now() - WINDOW_MS), Date.now()];
      if (deaths.length >= MAX_DEATHS)
        throw new Error(`${name} died ${deaths.length} times within a minute. ${lastWords}`);
      onNote(`${lastWords}\nStarting ${name} again.`);
      await wait(FIRST_WAIT_MS * 2 ** (deaths.length - 1));
      if (stopping) return await new Promise<never>(() => {});
      child = start();
      child.listening.then(
        () => onNote(`${name} is back.`),
        () => {},
      );
    }
  };
  keepAlive().catch(lost.reject);
  return {
    listening,
    lost: lost.promise,
    stop: () => {
      stopping = true;
      return child.stop();
    },
    kill: () => {
      stopping = true;
      child.kill();
    },
  };
}

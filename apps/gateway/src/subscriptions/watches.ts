import { changedOperations, changedUploads, type Operation, type Upload } from "@medley/storage";
import type { GatewayDependencies } from "../context.ts";
import { createRowWatch, type RowWatch } from "./row-watch.ts";

export interface Watches {
  readonly operations: RowWatch<Operation>;
  readonly uploads: RowWatch<Upload>;
}

/** A worker reports once a second; twice as often is as soon as anybody can tell. */
const INTERVAL_MS = 500;

/** One of each for a gateway, shared by everybody who subscribes. */
export function createWatches({ db, log }: Pick<GatewayDependencies, "db" | "log">): Watches {
  const onError = (error: unknown) => log.error({ err: error }, "looking for changes failed; the next look follows");
  return {
    operations: createRowWatch({
      read: (seen) => changedOperations(db, seen),
      isFinal: ({ finishedAt }) => finishedAt !== null,
      intervalMs: INTERVAL_MS,
      onError,
    }),
    uploads: createRowWatch({
      read: (seen) => changedUploads(db, seen),
      isFinal: ({ state }) => state === "INGESTED" || state === "REJECTED",
      intervalMs: INTERVAL_MS,
      onError,
    }),
  };
}

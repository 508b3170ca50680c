import { randomUUID } from "node:crypto";
import type { IngestContext } from "./ingest-context.ts";
import { retryTransient } from "./retry.ts";

/** How work of one kind is taken, kept and given back; each is one statement. */
export interface LeaseCalls<Claim, Row> {
  readonly claim: (claim: Claim & { readonly owner: string; readonly leaseMs: number }) => Promise<readonly Row[]>;
  readonly extend: (held: { readonly owners: readonly string[]; readonly leaseMs: number }) => Promise<void>;
  /** What is held under this name, and under names that begin with it and a slash. */
  readonly release: (held: { readonly owner: string }) => Promise<void>;
}

/** What was claimed at once, and the name that holds it. */
export interface Batch<Row> {
  readonly owner: string;
  readonly claimed: readonly Row[];
}

/** Hands out batches and keeps them leased for as long as they are in hand. */
export interface Leases<Claim, Row> {
  /** Claims a batch and does it. Resolves with false when there was none. */
  readonly withBatch: (claim: Claim, work: (batch: Batch<Row>) => Promise<void>) => Promise<boolean>;
  readonly end: () => Promise<void>;
}

/** After a kill -9 the work of the dead process waits this long. */
const LEASE_MS = 20_000;
/** A living worker renews its leases so often before they run out. */
const RENEWALS = 3.3;

/**
 * Each claim has a name of its own, and only names of batches in hand are extended. A claim whose answer was lost with the connection gave work to
 * nobody: under the worker's one name it would be kept for as long as it lives, and it would wait for itself. Names also differ between the runs of
 * a worker, which go on beside each other: what one gives back at its end is not what another has in hand.
 */
export function createLeases<Claim extends object, Row>(
  { owner: worker, leaseMs = LEASE_MS, retry }: IngestContext,
  calls: LeaseCalls<Claim, Row>,
): Leases<Claim, Row> {
  const owner = `${worker}-${randomUUID()}`;
  const inHand = new Set<string>();
  let claims = 0;
  const renewal = setInterval(() => {
    if (inHand.size > 0) calls.extend({ owners: [...inHand], leaseMs }).catch(() => {});
  }, leaseMs / RENEWALS);
  return {
    async withBatch(claim, work) {
      const batch = await retryTransient(async () => {
        const name = `${owner}/${(claims += 1)}`;
        return { owner: name, claimed: await calls.claim({ ...claim, leaseMs, owner: name }) };
      }, retry);
      if (batch.claimed.length === 0) return false;
      inHand.add(batch.owner);
      try {
        await work(batch);
      } finally {
        inHand.delete(batch.owner);
      }
      return true;
    },
    async end() {
      clearInterval(renewal);
      await calls.release({ owner }).catch(() => {});
    },
  };
}

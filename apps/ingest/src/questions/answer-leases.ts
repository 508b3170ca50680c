import { randomUUID } from "node:crypto";
import { type ClaimedStep, claimAnswers, extendAnswerLeases, releaseAnswerLeases } from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { retryTransient } from "../retry.ts";

/** Pictures whose answer to a question is in hand, and the name under which they are. */
export interface AnswerBatch {
  readonly questionId: string;
  readonly owner: string;
  readonly claimed: readonly ClaimedStep[];
}

/** Hands out batches and keeps them leased for as long as they are in hand. */
export interface AnswerLeases {
  /** Claims a batch and does it. Resolves with false when there was none. */
  readonly withBatch: (
    claim: { readonly questionId: string; readonly limit: number },
    work: (batch: AnswerBatch) => Promise<void>,
  ) => Promise<boolean>;
  readonly end: () => Promise<void>;
}

const LEASE_MS = 20_000;
/** A living worker renews its leases so often before they run out. */
const RENEWALS = 3.3;

/** As with steps: each claim has a name of its own, and only names of batches in hand are extended, so that a claim whose answer was lost comes back. */
export function createAnswerLeases({ db, owner: worker, leaseMs = LEASE_MS, retry }: IngestContext): AnswerLeases {
  // What one run gives back is not what another run of the same worker has in hand.
  const owner = `${worker}-${randomUUID()}`;
  const inHand = new Set<string>();
  let claims = 0;
  const renewal = setInterval(() => {
    if (inHand.size > 0) extendAnswerLeases(db, { owners: [...inHand], leaseMs }).catch(() => {});
  }, leaseMs / RENEWALS);
  return {
    async withBatch({ questionId, limit }, work) {
      const batch = await retryTransient(async () => {
        const name = `${owner}/${(claims += 1)}`;
        const claimed = await claimAnswers(db, { questionId, limit, leaseMs, owner: name });
        return { questionId, owner: name, claimed };
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
      await releaseAnswerLeases(db, { owner }).catch(() => {});
    },
  };
}

import { isIPv6 } from "node:net";
import { AccessError } from "../access/access-error.ts";

/** Callers that are remembered at once; a full bucket is the same as none, so only those who asked just now take room. */
const MAX_BUCKETS = 10_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** Throws RATE_LIMITED, with the time after which trying again helps, when the caller has used up what he may. */
export type RateLimit = (caller: string) => void;

/**
 * A token bucket for each caller: a minute's share may come at once, and fills up again evenly. In the memory of this process: with several
 * gateways each counts for itself, and a restart forgets. `perMinute` 0 is no limit; the clock returns milliseconds.
 */
export function createRateLimit(perMinute: number, clock: () => number = () => performance.now()): RateLimit {
  if (perMinute === 0) return () => {};
  const perMs = perMinute / 60_000;
  // In the order of their last use.
  const buckets = new Map<string, Bucket>();
  return (caller) => {
    const now = clock();
    const known = buckets.get(caller);
    const tokens = known === undefined ? perMinute : Math.min(perMinute, known.tokens + (now - known.at) * perMs);
    buckets.delete(caller);
    buckets.set(caller, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    if (buckets.size > MAX_BUCKETS) forgetOldest(buckets, now - perMinute / perMs);
    if (tokens >= 1) return;
    const retryAfterSeconds = Math.ceil((1 - tokens) / perMs / 1000);
    const found = `${caller} has sent more than ${perMinute} requests within a minute`;
    throw new AccessError("RATE_LIMITED", `${found}. Try again in ${retryAfterSeconds} s.`, { retryAfterSeconds });
  };
}

/** Those that are full again; when there are none, the one that was silent longest, so that memory stays bounded in any case. */
function forgetOldest(buckets: Map<string, Bucket>, fullSince: number): void {
  for (const [caller, { at }] of buckets) {
    if (at > fullSince && buckets.size <= MAX_BUCKETS) return;
    buckets.delete(caller);
  }
}

/** What an address counts as: an IPv6 network of 64 bits is one customer, who has 2^64 addresses. */
export function addressGroup(address: string): string {
  if (!isIPv6(address) || address.toLowerCase().startsWith("::ffff:")) return address.replace(/^::ffff:/i, "");
  const [head = "", tail = ""] = address.split("%")[0]?.split("::") ?? [];
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const groups = address.includes("::")
    ? [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0"), ...right]
    : left;
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(":")}::/64`;
}

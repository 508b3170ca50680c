import { isIP, type LookupFunction } from "node:net";
import { buildConnector } from "undici";
import { type AddressRanges, refuseAddress } from "./address-rule.ts";
import { FetchError } from "./fetch-error.ts";
import type { ResolveHost } from "./fetch-policy.ts";

export interface ConnectorOptions {
  readonly allowed: AddressRanges;
  readonly resolveHost: ResolveHost;
  readonly timeoutMs: number;
}

/**
 * Opens connections for undici, and only to addresses that may be fetched from. A name is resolved once, here; what was judged is
 * what is connected to, so a name server that answers differently the next time gains nothing.
 */
export function createGuardedConnector({
  allowed,
  resolveHost,
  timeoutMs,
}: ConnectorOptions): buildConnector.connector {
  const lookup: LookupFunction = (hostname, options, callback) => {
    resolveAllowed(hostname, { allowed, resolveHost }).then(
      (addresses) => {
        if (options.all) callback(null, [...addresses]);
        else callback(null, addresses[0]?.address ?? "", addresses[0]?.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, [], 0),
    );
  };
  const connect = buildConnector({ timeout: timeoutMs, allowH2: false, lookup });
  return (options, callback) => {
    // Node does not look up what is an address already.
    const refused =
      isIP(options.hostname) !== 0 ? addressError(options.hostname, options.hostname, allowed) : undefined;
    if (refused) callback(refused, null);
    else connect(options, callback);
  };
}

/** One address that is not allowed is enough to refuse a name: which of them is connected to is not known beforehand. */
async function resolveAllowed(hostname: string, { allowed, resolveHost }: Omit<ConnectorOptions, "timeoutMs">) {
  const name = hostname.toLowerCase().replace(/\.$/, "");
  // RFC 6761: whatever a name server says, these names mean this machine.
  const isLocal = name === "localhost" || name.endsWith(".localhost");
  const addresses = isLocal ? [{ address: "127.0.0.1", family: 4 }] : await resolveHost(name);
  if (addresses.length === 0) throw Object.assign(new Error(`no address for "${name}"`), { code: "ENOTFOUND" });
  for (const { address } of addresses) {
    const refused = addressError(hostname, address, allowed);
    if (refused) throw refused;
  }
  return addresses;
}

function addressError(hostname: string, address: string, allowed: AddressRanges): FetchError | undefined {
  const reason = refuseAddress(address, allowed);
  if (reason === undefined) return undefined;
  const subject = hostname === address ? `"${address}" is` : `"${hostname}" is at ${address},`;
  const message = `${subject} ${reason}, expected a public one. If the server is yours, add its range to MEDLEY_FETCH_ALLOW.`;
  return new FetchError("ADDRESS_REFUSED", message);
}

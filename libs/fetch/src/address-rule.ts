import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Ranges by their first address and the length of their prefix. */
export type AddressRanges = readonly (readonly [Address, number])[];

/** @throws RangeError for what is no range in CIDR notation */
export function parseRanges(ranges: readonly string[]): AddressRanges {
  return ranges.map((range) => {
    if (!ipaddr.isValidCIDR(range)) throw new RangeError(`"${range}" is no range of addresses such as "10.0.0.0/8".`);
    return ipaddr.parseCIDR(range);
  });
}

/** The only part of IPv6 from which addresses of the public Internet have been given out (RFC 4291, IANA). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");
/** Well-known prefix of NAT64 (RFC 6052); the last 32 bits are the IPv4 address that is reached. */
const NAT64 = ipaddr.IPv6.parseCIDR("64:ff9b::/96");
const KINDS: Readonly<Record<string, string>> = {
  unspecified: "an unspecified address",
  broadcast: "the broadcast address",
  multicast: "a multicast address",
  linkLocal: "a link-local address",
  loopback: "a loopback address of this machine",
  carrierGradeNat: "an address of a provider's own network (RFC 6598)",
  private: "a private address",
  uniqueLocal: "a private address",
  "6to4": "a 6to4 address, in which another one is hidden",
  teredo: "a Teredo address, in which another one is hidden",
  rfc6145: "a translated address, in which another one is hidden",
};

/**
 * Why an address is not fetched from, such as "a private address", or undefined where it may be: it is public unicast or in one of
 * the allowed ranges. IPv4 inside IPv6 (mapped, NAT64) is judged by the IPv4 address, for that is what is reached.
 */
export function refuseAddress(text: string, allowed: AddressRanges): string | undefined {
  if (!ipaddr.isValid(text)) return "no IP address";
  const parsed = ipaddr.parse(text);
  const reached = embeddedIPv4(parsed) ?? parsed;
  if ([parsed, reached].some((address) => isInside(address, allowed))) return undefined;
  const kind = reached.range();
  if (kind !== "unicast") return KINDS[kind] ?? "an address for special use";
  const isPublic = reached.kind() === "ipv4" || isInside(reached, [GLOBAL_UNICAST]);
  return isPublic ? undefined : "an address for special use";
}

function embeddedIPv4(address: Address): ipaddr.IPv4 | undefined {
  if (!(address instanceof ipaddr.IPv6)) return undefined;
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  return isInside(address, [NAT64]) ? new ipaddr.IPv4(address.toByteArray().slice(12)) : undefined;
}

function isInside(address: Address, ranges: AddressRanges): boolean {
  return ranges.some(([first, bits]) => first.kind() === address.kind() && address.match(first, bits));
}

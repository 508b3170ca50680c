import { isIPv4 } from "node:net";

/** Whether only programs of this machine can reach a server that listens on `host`. */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, "");
  return name === "localhost" || isLoopbackAddress(name);
}

/** The same for the address that a connection comes from. */
export function isLoopbackAddress(address: string): boolean {
  const plain = address.toLowerCase().replace(/^::ffff:/, "");
  return plain === "::1" || (isIPv4(plain) && plain.startsWith("127."));
}

import type { IncomingMessage } from "node:http";
import { isLoopbackAddress, isLoopbackHost } from "@medley/config";
import type { Application, Request, RequestHandler, Response } from "express";
import { addressGroup, createRateLimit } from "../protection/rate-limits.ts";
import type { Access } from "./access.ts";
import { AccessError } from "./access-error.ts";
import { includes, type Viewer } from "./viewer.ts";

export interface Rates {
  /** Requests a minute; 0 is no limit. */
  readonly ratePerKey: number;
  readonly ratePerAddress: number;
}

/** One for a gateway: requests over HTTP and over WebSockets share the shares. Both reject with AccessError. */
export interface Admission {
  /** Counts a request of an address, before anything is looked up. */
  countAddress(address: string): Promise<void>;
  /** Who asks, by the value of the header Authorization, after counting his address and his key. */
  admit(address: string, authorization: string | undefined): Promise<Viewer>;
}

/**
 * Says who may ask. While access is closed each address and each key has its share of requests a minute; that of the address counts before anything
 * is looked up, so that guessing keys is slow too.
 */
export function createAdmission(access: Access, { ratePerKey, ratePerAddress }: Rates): Admission {
  const countOfAddress = createRateLimit(ratePerAddress);
  const countOfKey = createRateLimit(ratePerKey);
  const countAddress = async (address: string) => {
    if (await access.isClosed()) countOfAddress(`The address ${addressGroup(address)}`);
  };
  return {
    countAddress,
    async admit(address, authorization) {
      await countAddress(address);
      const viewer = await access.authenticate(authorization);
      if (await access.isClosed()) countOfKey(`The ${viewer.id}`);
      return viewer;
    },
  };
}

/** Lets through who may ask, and remembers who it is (`viewerOf`). */
export function admitRequests({ admit }: Admission): RequestHandler {
  return async (request, response, next) => {
    response.locals[VIEWER] = await admit(request.ip ?? "unknown", request.get("Authorization"));
    next();
  };
}

const VIEWER = "viewer";

/** Who was admitted. */
export function viewerOf(response: Response): Viewer {
  return response.locals[VIEWER] as Viewer;
}

/**
 * An open gateway answers to the names of this machine alone. A page of another site can make its own name point to 127.0.0.1 and would then
 * count as this site for the browser; and a proxy that lets others in must not find a gateway that asks for no key.
 */
export function refuseForeignNames(access: Access): RequestHandler {
  return async (request, _response, next) => {
    await requireKnownName(access, request.hostname ?? "");
    next();
  };
}

/** The same for the name that a request was sent to. */
export async function requireKnownName(access: Access, hostname: string): Promise<void> {
  if (isLoopbackHost(hostname) || (await access.isClosed())) return;
  const found = `This Medley asks for no key and so answers to 127.0.0.1 and localhost only, not to "${hostname}"`;
  throw new AccessError("FORBIDDEN", `${found}. To serve others, make a key: medley keys create. See docs/access.md.`);
}

/** Where a request that Express does not see comes from, told as `request.ip` is: behind trusted proxies what the last of them says. */
export function clientAddress(request: IncomingMessage, app: Application): string {
  const trusts = app.get("trust proxy fn") as (address: string, hop: number) => boolean;
  const forwarded = String(request.headers["x-forwarded-for"] ?? "").split(",");
  const hops = [request.socket.remoteAddress ?? "unknown", ...forwarded.map((hop) => hop.trim()).reverse()].filter(
    Boolean,
  );
  return hops.find((address, hop) => !trusts(address, hop)) ?? hops.at(-1) ?? "unknown";
}

/** Whether the request comes from a program on this machine, with no proxy between, or from an ADMIN of the whole installation. */
export async function isOperator(request: Request, access: Access): Promise<boolean> {
  if (isDirectFromHere(request)) return true;
  try {
    return includes((await access.authenticate(request.get("Authorization"))).everywhere, "ADMIN");
  } catch (error) {
    if (error instanceof AccessError) return false;
    throw error;
  }
}

/** A proxy on this machine also connects from here; it says so in one of these headers. */
function isDirectFromHere(request: Request): boolean {
  if (["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"].some((name) => request.get(name) !== undefined))
    return false;
  return isLoopbackAddress(request.socket.remoteAddress ?? "") && isLoopbackHost(request.hostname ?? "");
}

import { isLoopbackAddress, isLoopbackHost } from "@medley/config";
import type { Request, RequestHandler, Response } from "express";
import { addressGroup, createRateLimit } from "../protection/rate-limits.ts";
import type { Access } from "./access.ts";
import { AccessError } from "./access-error.ts";
import { includes, type Viewer } from "./viewer.ts";

export interface Rates {
  /** Requests a minute; 0 is no limit. */
  readonly ratePerKey: number;
  readonly ratePerAddress: number;
}

/**
 * Lets through who may ask, and remembers who it is (`viewerOf`). While access is closed each address and each key has its share of requests a
 * minute; that of the address counts before anything is looked up, so that guessing keys is slow too.
 */
export function admitRequests(access: Access, { ratePerKey, ratePerAddress }: Rates): RequestHandler {
  const countAddress = createRateLimit(ratePerAddress);
  const countKey = createRateLimit(ratePerKey);
  return async (request, response, next) => {
    const closed = await access.isClosed();
    if (closed) countAddress(`The address ${addressGroup(request.ip ?? "unknown")}`);
    const viewer = await access.authenticate(request.get("Authorization"));
    if (closed) countKey(`The ${viewer.id}`);
    response.locals[VIEWER] = viewer;
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
    if (isLoopbackHost(request.hostname ?? "") || (await access.isClosed())) return next();
    const found = `This Medley asks for no key and so answers to 127.0.0.1 and localhost only, not to "${request.hostname}"`;
    throw new AccessError(
      "FORBIDDEN",
      `${found}. To serve others, make a key: medley keys create. See docs/access.md.`,
    );
  };
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

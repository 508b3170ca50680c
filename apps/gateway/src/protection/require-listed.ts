import type { Request, RequestHandler } from "express";
import { AccessError } from "../access/access-error.ts";
import type { OperationList } from "./operation-list.ts";

/** What a request says of its operation. */
interface Named {
  readonly query?: unknown;
  readonly extensions?: unknown;
}

/** What is to be run in place of what was sent: the text of an id, or the text without an id that is the list's and not its hash. */
interface Replacement {
  readonly query: string;
  readonly extensions: object;
}

/**
 * Lets only listed operations through, before they are compared with the schema. An operation may be named by its key in the list alone
 * (`extensions.persistedQuery.sha256Hash`); its text is put in. What has neither text nor id is left to the server, which refuses it, and so is a hash that is
 * no key: the server knows only hashes that it was sent with a listed text (automatic persisted queries), and asks for the text of any other.
 * @param onRefused told what was sent, as far as it is a text
 */
export function requireListedRequests(list: OperationList, onRefused: (sent: string) => void): RequestHandler {
  const replace = (named: Named): Replacement | undefined => {
    try {
      return requireListed(list, named);
    } catch (error) {
      onRefused(typeof named.query === "string" ? named.query : "");
      throw error;
    }
  };
  return (request, _response, next) => {
    if (request.method === "POST") {
      const body: unknown = request.body;
      if (typeof body === "object" && body !== null && !Array.isArray(body)) {
        const replacement = replace(body);
        if (replacement) request.body = { ...body, ...replacement };
      }
    } else {
      const replacement = replace(namedInAddress(request));
      if (replacement) putIntoAddress(request, replacement);
    }
    next();
  };
}

/**
 * What to run in place of what was sent; undefined where it stays as it is.
 * Throws AccessError where it is not listed.
 */
export function requireListed(list: OperationList, { query, extensions }: Named): Replacement | undefined {
  const id = idOf(extensions);
  if (typeof query === "string" && query !== "") {
    if (!list.includes(query)) throw notListed("This operation");
    return id !== undefined && list.textOf(id) !== undefined ? withText(query, extensions) : undefined;
  }
  if (id === undefined) return undefined;
  const text = list.textOf(id);
  if (text !== undefined) return withText(text, extensions);
  if (SHA256.test(id)) return undefined;
  throw notListed(`The operation "${id.slice(0, 100)}"`);
}

const SHA256 = /^[0-9a-f]{64}$/;

function withText(query: string, extensions: unknown): Replacement {
  const { persistedQuery: _id, ...others } = extensions as { persistedQuery?: unknown };
  return { query, extensions: others };
}

/** Undefined where there is none. Throws AccessError for what is no text. */
function idOf(extensions: unknown): string | undefined {
  const { persistedQuery } = (extensions ?? {}) as { persistedQuery?: { sha256Hash?: unknown } | null };
  const id = persistedQuery?.sha256Hash;
  if (id === undefined || typeof id === "string") return id;
  throw notListed("An operation whose sha256Hash is no text");
}

function notListed(what: string): AccessError {
  const advice = "Operations that this server runs are in the file that its setting MEDLEY_OPERATIONS names";
  return new AccessError("OPERATION_NOT_LISTED", `${what} is not listed. ${advice}.`);
}

function namedInAddress(request: Request): Named {
  const parameters = new URLSearchParams(searchOf(request));
  const [query, ...others] = parameters.getAll("query");
  if (others.length > 0) throw notListed("An operation in several parameters");
  const [extensions] = parameters.getAll("extensions");
  return { query, extensions: parsed(extensions) };
}

function putIntoAddress(request: Request, { query, extensions }: Replacement): void {
  const parameters = new URLSearchParams(searchOf(request));
  parameters.set("query", query);
  parameters.set("extensions", JSON.stringify(extensions));
  request.url = `${request.url.split("?", 1)[0] ?? ""}?${parameters.toString()}`;
}

/** With its question mark, as the server reads it. */
function searchOf({ url }: Request): string {
  const [address = ""] = url.split("#", 1);
  const at = address.indexOf("?");
  return at < 0 ? "" : address.slice(at);
}

function parsed(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}

import type { Request, RequestHandler } from "express";
import { AccessError } from "../access/access-error.ts";
import type { OperationList } from "./operation-list.ts";

/** What a request says of its operation. */
interface Named {
  readonly query?: unknown;
  readonly extensions?: unknown;
}

/**
 * Lets only listed operations through, before they are parsed against the schema, so that nobody finds out about it by trying. An operation may be
 * named by its id alone (`extensions.persistedQuery.sha256Hash`); its text is put in. What has neither text nor id is left to the server, which refuses it.
 */
export function requireListedRequests(list: OperationList, onRefused: () => void): RequestHandler {
  const require = (named: Named): string | undefined => {
    try {
      return requireListed(list, named);
    } catch (error) {
      onRefused();
      throw error;
    }
  };
  return (request, _response, next) => {
    if (request.method === "POST") {
      const body: unknown = request.body;
      if (typeof body === "object" && body !== null && !Array.isArray(body)) {
        const text = require(body);
        // The id goes: it need not be the hash of the text, and nothing is registered.
        if (text !== undefined) request.body = { ...body, query: text, extensions: {} };
      }
    } else {
      const text = require(namedInAddress(request));
      if (text !== undefined) putIntoAddress(request, text);
    }
    next();
  };
}

/**
 * The text of an operation that is named by its id alone; undefined where it was sent with its text, or where there is neither.
 * Throws AccessError where it is not listed.
 */
export function requireListed(list: OperationList, { query, extensions }: Named): string | undefined {
  if (typeof query === "string" && query !== "") {
    if (list.includes(query)) return undefined;
    throw notListed("This operation");
  }
  const id = idOf(extensions);
  if (id === undefined) return undefined;
  const text = list.textOf(id);
  if (text === undefined) throw notListed(`The operation "${id.slice(0, 100)}"`);
  return text;
}

function idOf(extensions: unknown): string | undefined {
  const { persistedQuery } = (extensions ?? {}) as { persistedQuery?: { sha256Hash?: unknown } | null };
  const id = persistedQuery?.sha256Hash;
  return id === undefined || typeof id === "string" ? id : String(id);
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

function putIntoAddress(request: Request, text: string): void {
  const parameters = new URLSearchParams(searchOf(request));
  parameters.set("query", text);
  parameters.delete("extensions");
  request.url = `${request.url.split("?", 1)[0] ?? ""}?${parameters.toString()}`;
}

/** As the server reads it. */
function searchOf({ url }: Request): string {
  const [address = ""] = url.split("#", 1);
  const at = address.indexOf("?");
  return at < 0 ? "" : address.slice(at + 1);
}

function parsed(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}

import { StorageError } from "./storage-error.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Identifiers come from users (GraphQL, command line): one that cannot exist is "not found", not a failed cast. */
export function isUuid(id: string): boolean {
  return UUID.test(id);
}

export function requireUuid(what: string, id: string): string {
  if (isUuid(id)) return id;
  throw new StorageError("NOT_FOUND", `There is no ${what} "${id}".`);
}

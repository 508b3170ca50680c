import { useSyncExternalStore } from "react";

/** The key that the page shows to the gateway, in this tab alone and until it is closed. */
export interface ApiKeyState {
  readonly key: string | null;
  /** The gateway's words when it wants a key, or another one; null while it does not. */
  readonly wanted: string | null;
  /** Grows whenever the key changes, so that what was asked before is asked again. */
  readonly version: number;
}

const STORED_AS = "medley.apiKey";

let state: ApiKeyState = { key: readStored(), wanted: null, version: 0 };
const listeners = new Set<() => void>();

export function apiKeyState(): ApiKeyState {
  return state;
}

/** Keeps the key and asks again what the gateway refused. */
export function rememberApiKey(key: string): void {
  writeStored(key);
  change({ key, wanted: null, version: state.version + 1 });
}

export function forgetApiKey(): void {
  writeStored(null);
  change({ key: null, wanted: null, version: state.version + 1 });
}

/** The gateway refused a request that showed this key; what an older key was refused for says nothing about the present one. */
export function refuseApiKey(shown: string | null, message: string): void {
  if (shown === state.key) change({ ...state, wanted: message });
}

export function useApiKey(): ApiKeyState {
  return useSyncExternalStore(subscribe, apiKeyState);
}

/** What was pasted, without what people paste along; null where a header cannot carry it, which no key is. */
export function readPastedKey(text: string): string | null {
  const key = text.trim().replace(/^Bearer\s+/i, "");
  return /^[\x21-\x7e]{1,8000}$/.test(key) ? key : null;
}

function change(next: ApiKeyState): void {
  state = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** A browser may forbid the page to store anything; then the key lives until the page is left. */
function readStored(): string | null {
  try {
    return sessionStorage.getItem(STORED_AS);
  } catch {
    return null;
  }
}

function writeStored(key: string | null): void {
  try {
    if (key === null) sessionStorage.removeItem(STORED_AS);
    else sessionStorage.setItem(STORED_AS, key);
  } catch {
    // It is kept in memory all the same.
  }
}

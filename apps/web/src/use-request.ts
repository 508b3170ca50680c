import { useEffect, useState } from "react";
import { RequestError } from "./graphql-client.ts";

/** Where a request is. A newer request drops the answer of an older one. */
export type RequestState<T> =
  | { readonly phase: "idle" }
  | { readonly phase: "loading" }
  | { readonly phase: "done"; readonly value: T }
  | { readonly phase: "failed"; readonly message: string; readonly code: string };

/**
 * Runs a request whenever its key changes; null runs none. The key names everything that the request depends on. What a request shows before
 * it ends counts as done already, and what it resolves to takes its place.
 * @param attempt  a new number runs the same request again
 */
export function useRequest<T>(
  key: string | null,
  request: (signal: AbortSignal, show: (value: T) => void) => Promise<T>,
  attempt = 0,
): RequestState<T> {
  const [state, setState] = useState<RequestState<T>>({ phase: key === null ? "idle" : "loading" });
  // biome and React's own rule would list `request`, which is new on every render; `key` stands for it.
  useEffect(() => {
    if (key === null) {
      setState({ phase: "idle" });
      return;
    }
    const giveUp = new AbortController();
    setState({ phase: "loading" });
    const show = (value: T) => {
      if (!giveUp.signal.aborted) setState({ phase: "done", value });
    };
    request(giveUp.signal, show).then(show, (error: unknown) => {
      if (!giveUp.signal.aborted) setState({ phase: "failed", message: messageOf(error), code: codeOf(error) });
    });
    return () => giveUp.abort();
  }, [key, attempt]);
  return state;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): string {
  return error instanceof RequestError ? error.code : "UNKNOWN";
}

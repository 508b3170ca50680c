import { useCallback, useEffect, useState } from "react";

/** What the page shows, as its address says it: a search can be bookmarked, shared and gone back to. */
export interface Address {
  readonly text: string;
  /** Null means the first corpus, EVERYWHERE all of them. */
  readonly corpus: string | null;
  /** The picture that is open. */
  readonly imageId: string | null;
}

/** No corpus has this name: no text of the database holds the character. */
export const EVERYWHERE = "\0";

export function parseAddress(query: string): Address {
  const parameters = new URLSearchParams(query);
  return {
    text: (parameters.get("q") ?? "").trim(),
    corpus: parameters.get("all") === "1" ? EVERYWHERE : parameters.get("corpus") || null,
    imageId: parameters.get("image") || null,
  };
}

/** The address of a page, relative to this server. */
export function formatAddress({ text, corpus, imageId }: Address): string {
  const parameters = new URLSearchParams();
  if (text !== "") parameters.set("q", text);
  if (corpus === EVERYWHERE) parameters.set("all", "1");
  else if (corpus !== null) parameters.set("corpus", corpus);
  if (imageId !== null) parameters.set("image", imageId);
  const query = parameters.toString();
  return query === "" ? "/" : `/?${query}`;
}

/** How an address is gone to: one that closes something replaces, so that going back does not open it again. */
export type Step = "add" | "replace";

/** The address as state; going to another one adds to the browser's history, and its back button comes here too. */
export function useAddress(): [Address, (next: Address, step?: Step) => void] {
  const [address, setAddress] = useState(() => parseAddress(window.location.search));
  useEffect(() => {
    const read = () => setAddress(parseAddress(window.location.search));
    window.addEventListener("popstate", read);
    return () => window.removeEventListener("popstate", read);
  }, []);
  const go = useCallback((next: Address, step: Step = "add") => {
    const path = formatAddress(next);
    if (step === "replace") window.history.replaceState(null, "", path);
    else if (path !== window.location.pathname + window.location.search) window.history.pushState(null, "", path);
    setAddress(next);
  }, []);
  return [address, go];
}

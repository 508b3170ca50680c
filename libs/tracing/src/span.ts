/** What a span says about itself: words of few values, ids and numbers. Never what people write (queries, captions, names), and no keys. */
export type Attributes = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** A piece of work with its beginning and its end, as an operator sees it in a trace. */
export interface Span {
  /** Members that are undefined are left out. */
  set(attributes: Attributes): void;
  rename(name: string): void;
  /** Marks it as failed; `type` is a code or the name of a class, one of few. */
  fail(type: string): void;
  /** Milliseconds since 1970 by the clock of its trace, for parts that are measured before they are recorded. */
  now(): number;
  /** @param endedAt as `now` gives it; now when absent */
  end(endedAt?: number): void;
}

/** "server": answers a request of another process; "client": waits for one; "internal": neither. */
export type SpanKind = "internal" | "server" | "client";

export interface SpanStart {
  readonly name: string;
  /** "internal" when absent. */
  readonly kind?: SpanKind | undefined;
  readonly attributes?: Attributes | undefined;
  /** Spans of other traces that this one has to do with. */
  readonly links?: readonly Span[] | undefined;
  /** As `now` of the parent gives it; now when absent. */
  readonly startedAt?: number | undefined;
}

/** Names in lower case, as node:http gives them. */
export type IncomingHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Stands in for a span where nothing is recorded. */
export const NO_SPAN: Span = Object.freeze({
  set: () => {},
  rename: () => {},
  fail: () => {},
  now: () => 0,
  end: () => {},
});

/** Code or class of an error, for `Span.fail`. Its message stays out: it may quote what somebody wrote. */
export function errorType(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (typeof code === "string" && code !== "") return code;
  return typeof name === "string" && name !== "" ? name : "Error";
}

import { type Attributes, errorType, type IncomingHeaders, NO_SPAN, type Span, type SpanStart } from "./span.ts";
import { installedTracer, type TraceFields, type Tracer } from "./tracer.ts";

/**
 * Does `work` in a span of the trace that the caller works for. Outside of a trace, and after its end, nothing is recorded: only entries of a process
 * begin traces (`inTrace`). A rejection marks the span as failed and is passed on.
 */
export function inSpan<T>(name: string, attributes: Attributes, work: (span: Span) => Promise<T>): Promise<T> {
  const tracer = installedTracer();
  const parent = tracer?.active();
  if (!tracer || !parent) return work(NO_SPAN);
  return settle(tracer, tracer.beginSpan(parent, { name, attributes }), work);
}

/** The same for a call of another process. It is described only where it is recorded. */
export function inCallSpan<T>(
  describe: () => { readonly name: string; readonly attributes: Attributes },
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const tracer = installedTracer();
  const parent = tracer?.active();
  if (!tracer || !parent) return work(NO_SPAN);
  return settle(tracer, tracer.beginSpan(parent, { ...describe(), kind: "client" }), work);
}

/** Does `work` as a trace of its own, or as part of the trace that `headers` name. */
export function inTrace<T>(start: SpanStart, headers: IncomingHeaders, work: (span: Span) => Promise<T>): Promise<T> {
  const tracer = installedTracer();
  return tracer ? settle(tracer, tracer.beginTrace(start, headers), work) : work(NO_SPAN);
}

/** Begins a trace, or goes on with that of `headers`, for a caller that ends it itself. Null where nothing is traced. */
export function openTrace(start: SpanStart, headers: IncomingHeaders = {}): Span | null {
  return installedTracer()?.beginTrace(start, headers) ?? null;
}

/** Begins a part of `parent` that the caller ends itself, or that has ended already. */
export function openSpan(parent: Span, start: SpanStart): Span {
  return installedTracer()?.beginSpan(parent, start) ?? NO_SPAN;
}

/** Does `work`, and what it leads to, for `span`. */
export function within<T>(span: Span, work: () => T): T {
  const tracer = installedTracer();
  return tracer ? tracer.within(span, work) : work();
}

/** The span that the caller works for; null where nothing is recorded. */
export function activeSpan(): Span | null {
  return installedTracer()?.active() ?? null;
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** The headers `traceparent` and `tracestate` for a request to another process; none outside of a trace. */
export function carriedHeaders(): Readonly<Record<string, string>> {
  return installedTracer()?.headers() ?? NO_HEADERS;
}

/** Which trace a line of a log belongs to. A new object each time: pino writes into what its mixin gives it. */
export function traceFields(): TraceFields {
  return installedTracer()?.fields() ?? {};
}

async function settle<T>(tracer: Tracer, span: Span, work: (span: Span) => Promise<T>): Promise<T> {
  try {
    return await tracer.within(span, () => work(span));
  } catch (error) {
    span.fail(errorType(error));
    throw error;
  } finally {
    span.end();
  }
}

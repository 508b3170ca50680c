import type { IncomingHeaders, Span, SpanStart } from "./span.ts";

/** What records spans. There is none until `startTracing` installs it, and then spans cost nothing. */
export interface Tracer {
  /** A new trace, or the one that the headers of a request name (W3C Trace Context). */
  beginTrace(start: SpanStart, headers: IncomingHeaders): Span;
  beginSpan(parent: Span, start: SpanStart): Span;
  /** The span that the caller works for, as long as it is recorded and has not ended. */
  active(): Span | null;
  within<T>(span: Span, work: () => T): T;
  /** For requests to other processes; also of a trace that is not recorded, for it is not to be recorded there either. */
  headers(): Readonly<Record<string, string>>;
  fields(): TraceFields;
}

/** For lines of logs, under the names that OpenTelemetry gives them there; empty outside of a trace. */
export interface TraceFields {
  readonly trace_id?: string;
  readonly span_id?: string;
}

let installed: Tracer | null = null;

export function installedTracer(): Tracer | null {
  return installed;
}

/** @returns what takes it out again */
export function installTracer(tracer: Tracer): () => void {
  if (installed !== null) throw new Error("Bug: tracing was started twice in one process.");
  installed = tracer;
  return () => {
    installed = null;
  };
}

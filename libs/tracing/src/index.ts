export { type Attributes, errorType, type IncomingHeaders, NO_SPAN, type Span, type SpanStart } from "./span.ts";
export {
  activeSpan,
  carriedHeaders,
  inCallSpan,
  inSpan,
  inTrace,
  openSpan,
  openTrace,
  traceFields,
  within,
} from "./spans.ts";
export type { TraceFields } from "./tracer.ts";

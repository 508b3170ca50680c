// The only file that loads OpenTelemetry's SDK; it is imported when tracing starts and not before.
import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import {
  type Attributes as OtelAttributes,
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { createOtlpExporter } from "./otlp-exporter.ts";
import { type Attributes, NO_SPAN, type Span, type SpanStart } from "./span.ts";
import type { TracedProcess, Tracing, TracingSettings } from "./start.ts";
import { installTracer, type TraceFields } from "./tracer.ts";

/** How long what is left may take to be sent at the end. */
const LAST_SEND_MS = 2_000;
/** Spans that wait to be sent go together. */
const SEND_EVERY_MS = 2_000;
/** Names of operations come from clients. */
const LONGEST_VALUE = 200;

const KINDS = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;

/** Records spans and sends them; the context of a span goes along with what is awaited in it. */
export function openSdk(settings: TracingSettings, { service, warn }: TracedProcess): Tracing {
  const exporter = createOtlpExporter(settings, { warn });
  const open = countOpenSpans();
  const provider = new TracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({
        "service.namespace": "medley",
        ...settings.resourceAttributes,
        "service.name": settings.serviceName ?? settings.resourceAttributes["service.name"] ?? `medley-${service}`,
        "service.instance.id": randomUUID(),
        "process.pid": process.pid,
      }),
    ),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(settings.sampleRatio) }),
    spanLimits: { attributeValueLengthLimit: LONGEST_VALUE },
    spanProcessors: [open, new BatchSpanProcessor({ exporter, scheduledDelayMillis: SEND_EVERY_MS })],
  });
  const tracer = provider.getTracer("medley");
  const propagator = new W3CTraceContextPropagator();
  const current = new AsyncLocalStorage<RecordedSpan>();

  function begin(context: Context, clock: Clock, start: SpanStart): Span {
    const { name, kind = "internal", attributes, links = [], startedAt } = start;
    const options = {
      kind: KINDS[kind],
      attributes: withoutUndefined(attributes ?? {}),
      links: links.flatMap((link) => (link instanceof RecordedSpan ? [{ context: link.otel.spanContext() }] : [])),
      startTime: startedAt ?? clock(),
    };
    return new RecordedSpan(tracer.startSpan(name, options, context), clock);
  }
  /** The caller's span, also one of a trace that is not recorded; none that has ended, for what goes on then is no part of it. */
  function living(): RecordedSpan | null {
    const span = current.getStore();
    return span === undefined || span.hasEnded() ? null : span;
  }

  const uninstall = installTracer({
    beginTrace: (start, headers) =>
      begin(propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter), createClock(), start),
    beginSpan: (parent, start) =>
      parent instanceof RecordedSpan ? begin(parent.context(), parent.clock, start) : NO_SPAN,
    active() {
      const span = living();
      return span?.otel.isRecording() ? span : null;
    },
    within: (span, work) => (span instanceof RecordedSpan ? current.run(span, work) : work()),
    headers() {
      const carried: Record<string, string> = {};
      const span = living();
      if (span) propagator.inject(span.context(), carried, defaultTextMapSetter);
      return carried;
    },
    fields(): TraceFields {
      const { traceId, spanId } = living()?.otel.spanContext() ?? {};
      return traceId === undefined || spanId === undefined ? {} : { trace_id: traceId, span_id: spanId };
    },
  });
  return {
    async flush() {
      await provider.forceFlush().catch(() => {});
      await exporter.forceFlush?.();
    },
    get openSpans() {
      return open.count();
    },
    async [Symbol.asyncDispose]() {
      uninstall();
      const timer = setTimeout(() => exporter.abort(), LAST_SEND_MS).unref();
      await provider.shutdown().catch(() => {});
      clearTimeout(timer);
    },
  };
}

/** Milliseconds since 1970. */
type Clock = () => number;

/**
 * One for each trace in a process. The SDK would give each span the whole millisecond that it begins in, so that parts seem to begin before the whole;
 * and one for the process would be wrong once the machine's time was set.
 */
function createClock(): Clock {
  const offset = Date.now() - performance.now();
  return () => offset + performance.now();
}

class RecordedSpan implements Span {
  readonly otel: OtelSpan;
  readonly clock: Clock;
  #ended = false;

  constructor(otel: OtelSpan, clock: Clock) {
    this.otel = otel;
    this.clock = clock;
  }

  now(): number {
    return this.clock();
  }

  hasEnded(): boolean {
    return this.#ended;
  }

  context(): Context {
    return trace.setSpan(ROOT_CONTEXT, this.otel);
  }

  set(attributes: Attributes): void {
    this.otel.setAttributes(withoutUndefined(attributes));
  }

  rename(name: string): void {
    this.otel.updateName(name);
  }

  fail(type: string): void {
    this.otel.setAttribute("error.type", type).setStatus({ code: SpanStatusCode.ERROR });
  }

  end(endedAt?: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.otel.end(endedAt ?? this.clock());
  }
}

function withoutUndefined(attributes: Attributes): OtelAttributes {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as OtelAttributes;
}

function countOpenSpans(): SpanProcessor & { count(): number } {
  let open = 0;
  return {
    count: () => open,
    onStart: () => void (open += 1),
    onEnd: () => void (open -= 1),
    forceFlush: async () => {},
    shutdown: async () => {},
  };
}

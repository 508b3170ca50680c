import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import type { TracedProcess, TracingSettings } from "./start.ts";

const ENCODINGS = {
  "http/protobuf": { serializer: ProtobufTraceSerializer, contentType: "application/x-protobuf" },
  "http/json": { serializer: JsonTraceSerializer, contentType: "application/json" },
} as const;

const SEND_TIMEOUT_MS = 10_000;
/** Between two sentences about spans that were lost. */
const QUIET_MS = 60_000;

export interface OtlpExporter extends SpanExporter {
  /** Gives up what is being sent. */
  abort(): void;
}

/**
 * Sends spans by OTLP over HTTP. The exporter of OpenTelemetry tries again for ten seconds with timers that hold a process up at its end; here what a
 * collector does not take at once is lost, which is said at most once a minute.
 */
export function createOtlpExporter(
  { url, headers, protocol }: Pick<TracingSettings, "url" | "headers" | "protocol">,
  { warn }: Pick<TracedProcess, "warn">,
  now: () => number = () => performance.now(),
): OtlpExporter {
  const { serializer, contentType } = ENCODINGS[protocol];
  const stopped = new AbortController();
  const sending = new Set<Promise<void>>();
  const lose = reportLosses(url, warn, now);

  async function send(spans: ReadableSpan[]): Promise<void> {
    const body = serializer.serializeRequest(spans);
    if (body === undefined) throw new Error("spans could not be written down");
    const signal = AbortSignal.any([AbortSignal.timeout(SEND_TIMEOUT_MS), stopped.signal]);
    const request = { method: "POST", headers: { ...headers, "content-type": contentType }, signal } as const;
    const response = await fetch(url, { ...request, body: new Uint8Array(body), redirect: "error" });
    const reply = new Uint8Array(await response.arrayBuffer());
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    const { partialSuccess } = (reply.length > 0 && serializer.deserializeResponse(reply)) || {};
    const refused = Number(partialSuccess?.rejectedSpans ?? 0);
    if (refused > 0) lose(refused, `it refused them (${partialSuccess?.errorMessage || "it did not say why"})`);
  }

  async function attempt(spans: ReadableSpan[], done: (result: ExportResult) => void): Promise<void> {
    try {
      await send(spans);
      done({ code: ExportResultCode.SUCCESS });
    } catch (error) {
      lose(spans.length, reasonOf(error));
      done({ code: ExportResultCode.FAILED });
    }
  }

  const settled = async (): Promise<void> => void (await Promise.allSettled(sending));
  return {
    export(spans, done) {
      const attempted = attempt(spans, done);
      sending.add(attempted);
      void attempted.finally(() => sending.delete(attempted));
    },
    forceFlush: settled,
    shutdown: settled,
    abort: () => stopped.abort(new Error("the process ended")),
  };
}

function reportLosses(url: string, warn: (sentence: string) => void, now: () => number) {
  const { origin, pathname } = new URL(url);
  let saidAt = Number.NEGATIVE_INFINITY;
  let lost = 0;
  return (spans: number, reason: string): void => {
    lost += spans;
    if (now() - saidAt < QUIET_MS) return;
    saidAt = now();
    const hint = "Check OTEL_EXPORTER_OTLP_ENDPOINT, or unset it to trace nothing.";
    warn(`Traces do not reach ${origin}${pathname}: ${reason}. Spans lost: ${lost}. ${hint}`);
    lost = 0;
  };
}

/** fetch says "fetch failed", and its cause says why. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code, message } = cause as { code?: unknown; message?: unknown };
  return typeof code === "string" ? code : String(message ?? cause);
}

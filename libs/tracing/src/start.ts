/** Where traces go, and how many. */
export interface TracingSettings {
  /** Takes POST requests of OTLP, such as http://127.0.0.1:4318/v1/traces. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly protocol: "http/protobuf" | "http/json";
  /** Absent: medley-SERVICE. */
  readonly serviceName?: string;
  /** Told about the process with every span, such as deployment.environment.name. */
  readonly resourceAttributes: Readonly<Record<string, string>>;
  /** Share of the traces that begin here and are recorded, from 0 to 1. Whoever sends a trace along has decided already. */
  readonly sampleRatio: number;
}

export interface TracedProcess {
  /** Which of Medley's processes this is. */
  readonly service: "gateway" | "inference" | "ingest";
  /** Takes a sentence when spans are lost, at most once a minute. */
  readonly warn: (sentence: string) => void;
}

/** Disposing sends what is left, for two seconds at most. It never rejects. */
export interface Tracing extends AsyncDisposable {
  /** Sends what has ended so far. */
  flush(): Promise<void>;
  /** Spans that have begun and not ended. */
  readonly openSpans: number;
}

const NOTHING: Tracing = { flush: async () => {}, openSpans: 0, [Symbol.asyncDispose]: async () => {} };

/** Begins to record spans of this process. Without settings nothing is recorded, and nothing of OpenTelemetry is loaded. */
export async function startTracing(settings: TracingSettings | undefined, traced: TracedProcess): Promise<Tracing> {
  if (settings === undefined) return NOTHING;
  const { openSdk } = await import("./sdk.ts");
  return openSdk(settings, traced);
}

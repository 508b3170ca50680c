/** Upper bounds of the duration histogram in seconds: an embedded text takes milliseconds, a batch of captions minutes. */
const BUCKETS_SECONDS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300];

export interface InferenceMetrics {
  countRequest(model: string, status: number, durationMs: number): void;
  countItems(model: string, code: string, items: number): void;
  /** Prometheus text format, version 0.0.4. */
  render(): string;
}

/** Counters of one server since it started; labels take few values, so memory stays small. */
export function createInferenceMetrics(): InferenceMetrics {
  const requests = new Map<string, number>();
  const items = new Map<string, number>();
  const durations = new Map<string, { buckets: number[]; sum: number; count: number }>();
  return {
    countRequest(model, status, durationMs) {
      add(requests, labels({ model, status: String(status) }), 1);
      const seconds = durationMs / 1000;
      const histogram = durations.get(model) ?? { buckets: BUCKETS_SECONDS.map(() => 0), sum: 0, count: 0 };
      durations.set(model, {
        buckets: histogram.buckets.map((count, index) => count + (seconds <= (BUCKETS_SECONDS[index] ?? 0) ? 1 : 0)),
        sum: histogram.sum + seconds,
        count: histogram.count + 1,
      });
    },
    countItems(model, code, count) {
      if (count > 0) add(items, labels({ model, code }), count);
    },
    render() {
      return [
        ...counter("medley_inference_requests_total", "Requests by model and HTTP status.", requests),
        ...counter("medley_inference_items_total", "Items by model and outcome code (OK: succeeded).", items),
        "# HELP medley_inference_request_seconds Time from request to reply.",
        "# TYPE medley_inference_request_seconds histogram",
        ...[...durations].flatMap(([model, histogram]) => [
          ...BUCKETS_SECONDS.map(
            (bound, index) =>
              `medley_inference_request_seconds_bucket${labels({ model, le: String(bound) })} ${histogram.buckets[index]}`,
          ),
          `medley_inference_request_seconds_bucket${labels({ model, le: "+Inf" })} ${histogram.count}`,
          `medley_inference_request_seconds_sum${labels({ model })} ${histogram.sum}`,
          `medley_inference_request_seconds_count${labels({ model })} ${histogram.count}`,
        ]),
        "",
      ].join("\n");
    },
  };
}

function add(counts: Map<string, number>, key: string, amount: number): void {
  counts.set(key, (counts.get(key) ?? 0) + amount);
}

function labels(values: Readonly<Record<string, string>>): string {
  return `{${Object.entries(values)
    .map(([name, value]) => `${name}="${value}"`)
    .join(",")}}`;
}

function counter(name: string, help: string, counts: ReadonlyMap<string, number>): string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} counter`,
    ...[...counts].map(([key, count]) => `${name}${key} ${count}`),
  ];
}

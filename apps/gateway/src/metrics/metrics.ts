import { countOpenSteps, type Database, type OpenSteps, STEPS } from "@medley/storage";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** Upper bounds in seconds: a cached answer takes a millisecond, captions of a large model most of a minute. */
const REQUEST_SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Stages are parts of that: finding vectors takes milliseconds, re-ranking seconds. */
const STAGE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** How old the depth of the queue may be; one look costs a scan of the index of open steps. */
const QUEUE_AGE_MS = 15_000;

/**
 * What the gateway counts, in a registry of its own. Labels take their values from the schema and from tables of codes, never from what a
 * client writes: names of operations would let anyone fill the memory of two servers.
 */
export interface GatewayMetrics {
  readonly registry: Registry;
  /** One GraphQL request that was answered; `code` is OK or that of its first error. */
  countRequest(type: string, code: string, seconds: number): void;
  /** One root field that was resolved. */
  countField(field: string, code: string, seconds: number): void;
  observeStage(stage: string, seconds: number): void;
  countDegradation(stage: string, code: string): void;
  /** Image tokens that re-ranking needed: those that were stored, and those that the vision tower had to make. */
  countImageTokens(outcome: "stored" | "computed", pictures: number): void;
  /** Pages of searches: cut from a kept answer, or of a search that was made for them. */
  countPage(source: "kept" | "searched"): void;
  showRecall(mode: string, recall: number): void;
  observeCall(method: string, seconds: number): void;
}

export function createMetrics(db: Database, clock: () => number = () => performance.now()): GatewayMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: "medley_graphql_requests_total",
    help: "GraphQL requests by type of operation and code of the first error (OK: none).",
    labelNames: ["type", "code"],
    registers,
  });
  const requestSeconds = new Histogram({
    name: "medley_graphql_request_seconds",
    help: "Time from a GraphQL request to its answer.",
    labelNames: ["type"],
    buckets: REQUEST_SECONDS,
    registers,
  });
  const fields = new Counter({
    name: "medley_graphql_fields_total",
    help: "Root fields by name and code (OK: no error).",
    labelNames: ["field", "code"],
    registers,
  });
  const fieldSeconds = new Histogram({
    name: "medley_graphql_field_seconds",
    help: "Time that a root field took.",
    labelNames: ["field"],
    buckets: REQUEST_SECONDS,
    registers,
  });
  const stageSeconds = new Histogram({
    name: "medley_search_stage_seconds",
    help: "Time that a stage of a search took, as its report says.",
    labelNames: ["stage"],
    buckets: STAGE_SECONDS,
    registers,
  });
  const degradations = new Counter({
    name: "medley_search_degraded_total",
    help: "Ways in which searches gave less than was asked for.",
    labelNames: ["stage", "code"],
    registers,
  });
  const imageTokens = new Counter({
    name: "medley_search_image_tokens_total",
    help: "Pictures that searches re-ranked, by whether their image tokens were stored or computed.",
    labelNames: ["outcome"],
    registers,
  });
  const pages = new Counter({
    name: "medley_search_pages_total",
    help: "Pages of searches, by whether they were cut from a kept answer or searched for.",
    labelNames: ["source"],
    registers,
  });
  const recall = new Gauge({
    name: "medley_search_estimated_recall",
    help: "Recall that the last approximate search of each mode, in whatever corpus, is estimated to have had.",
    labelNames: ["mode"],
    registers,
  });
  const callSeconds = new Histogram({
    name: "medley_inference_call_seconds",
    help: "Time that a call to the models took, waiting included.",
    labelNames: ["method"],
    buckets: STAGE_SECONDS,
    registers,
  });
  gaugeQueue(registry, db, clock);
  return {
    registry,
    countRequest(type, code, seconds) {
      requests.inc({ type, code });
      requestSeconds.observe({ type }, seconds);
    },
    countField(field, code, seconds) {
      fields.inc({ field, code });
      fieldSeconds.observe({ field }, seconds);
    },
    observeStage: (stage, seconds) => stageSeconds.observe({ stage }, seconds),
    countDegradation: (stage, code) => degradations.inc({ stage, code }),
    countImageTokens: (outcome, pictures) => imageTokens.inc({ outcome }, pictures),
    countPage: (source) => pages.inc({ source }),
    showRecall: (mode, share) => recall.set({ mode }, share),
    observeCall: (method, seconds) => callSeconds.observe({ method }, seconds),
  };
}

/** The steps that wait, read when somebody looks and at most every 15 seconds. A database that does not answer leaves the gauge empty. */
function gaugeQueue(registry: Registry, db: Database, clock: () => number): void {
  let known: Promise<OpenSteps[] | null> | null = null;
  let readAt = Number.NEGATIVE_INFINITY;
  new Gauge({
    name: "medley_steps_open",
    help: "Steps of pictures that wait (pending) or are being done (leased), in all corpora.",
    labelNames: ["step", "state"],
    registers: [registry],
    async collect() {
      if (known === null || clock() - readAt >= QUEUE_AGE_MS) {
        readAt = clock();
        known = countOpenSteps(db).catch(() => null);
      }
      const open = await known;
      this.reset();
      if (open === null) return;
      for (const step of STEPS) {
        const { pending = 0, leased = 0 } = open.find((each) => each.step === step) ?? {};
        this.set({ step, state: "pending" }, pending);
        this.set({ step, state: "leased" }, leased);
      }
    },
  });
}

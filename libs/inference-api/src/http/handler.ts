import { randomUUID } from "node:crypto";
import { activeSpan, type IncomingHeaders } from "@medley/tracing";
import type { Inference } from "../inference.ts";
import { InferenceError, type Outcome } from "../outcome.ts";
import { createInferenceMetrics, type InferenceMetrics } from "./metrics.ts";
import { encodeOutcomes, TASKS, type Task } from "./tasks.ts";
import { traceRequest } from "./trace-request.ts";
import {
  inferRequestSchema,
  loadRequestSchema,
  optionalNumber,
  type Parameters,
  schemaComplaint,
  statusOfCode,
  type Tensor,
  WireError,
} from "./wire.ts";

/** A request without any server library; `path` has no query string. */
export interface HandlerRequest {
  readonly method: string;
  readonly path: string;
  /** The whole body as text; empty for GET. */
  readonly body: string;
  /** From the x-request-id header; the handler makes one up when neither it nor the body names one. */
  readonly requestId?: string;
  /** With names in lower case; `traceparent` and `tracestate` are read, where the process is traced. */
  readonly headers?: IncomingHeaders;
  /** Aborted when the caller has gone: unfinished items are given up. */
  readonly signal?: AbortSignal;
}

export interface HandlerResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One line of the server's log. */
export interface HandledRequest {
  readonly requestId: string;
  readonly model: string;
  readonly status: number;
  readonly items: number;
  readonly failedItems: number;
  readonly durationMs: number;
}

export interface InferenceHandlerOptions {
  /** Version that GET /v2 tells. */
  readonly version?: string;
  readonly metrics?: InferenceMetrics;
  readonly onInfer?: (request: HandledRequest) => void;
  /** False while the server shuts down: /v2/health/ready then answers 503. */
  readonly isReady?: () => boolean;
  readonly now?: () => number;
}

/**
 * Answers the Open Inference Protocol v2 for an engine. Task-level models stand for the methods of the port: embed-image,
 * embed-text, match-image, match-text, evidence, caption, answer. A bad item is a code in the tensor "error_code", not a failed
 * request. GET /v2/models and GET /metrics are additions to the protocol.
 */
export function createInferenceHandler(
  inference: Inference,
  options: InferenceHandlerOptions = {},
): (request: HandlerRequest) => Promise<HandlerResponse> {
  const metrics = options.metrics ?? createInferenceMetrics();
  const context: Context = { inference, metrics, now: options.now ?? (() => performance.now()), options };
  return (request) =>
    traceRequest(request, async () => {
      try {
        return await route(context, request);
      } catch (error) {
        return errorResponse(error);
      }
    });
}

interface Context {
  readonly inference: Inference;
  readonly metrics: InferenceMetrics;
  readonly now: () => number;
  readonly options: InferenceHandlerOptions;
}

async function route(context: Context, request: HandlerRequest): Promise<HandlerResponse> {
  const { method, path } = request;
  const infer = /^\/v2\/models\/([^/]+)\/infer$/.exec(path)?.[1];
  if (infer !== undefined) {
    return method === "POST" ? inferTask(context, taskOf(infer), request) : wrongMethod(path, "POST");
  }
  const load = /^\/v2\/repository\/models\/([^/]+)\/load$/.exec(path)?.[1];
  if (load !== undefined) {
    return method === "POST" ? loadModel(context, decodeURIComponent(load), request) : wrongMethod(path, "POST");
  }
  if (method !== "GET" && method !== "HEAD") return wrongMethod(path, "GET");
  if (path === "/v2" || path === "/v2/") return json(200, serverMetadata(context.options.version));
  if (path === "/v2/health/live") return json(200, { live: true });
  if (path === "/v2/health/ready") {
    const ready = context.options.isReady?.() ?? true;
    return json(ready ? 200 : 503, { ready });
  }
  if (path === "/v2/models") return json(200, { models: await context.inference.models() });
  if (path === "/metrics") return text(context.metrics.render());
  const model = /^\/v2\/models\/([^/]+)(\/ready)?$/.exec(path);
  if (model?.[1] !== undefined) return describeTask(context, taskOf(model[1]), model[2] !== undefined);
  return json(404, { error: `There is nothing at ${path}.` });
}

async function loadModel({ inference }: Context, name: string, { body }: HandlerRequest): Promise<HandlerResponse> {
  const parsed = loadRequestSchema.safeParse(parseJson(body));
  if (!parsed.success) throw new WireError(`The body does not say what to load. ${schemaComplaint(parsed.error)}`);
  const { checkpoint, itc_weight: itcWeight } = parsed.data.parameters;
  return json(200, await inference.loadModel({ checkpoint, name, ...(itcWeight !== undefined && { itcWeight }) }));
}

async function describeTask(context: Context, task: AnyTask, readiness: boolean): Promise<HandlerResponse> {
  const serving = (await context.inference.models()).filter(({ abilities }) => abilities.includes(task.ability));
  if (readiness) {
    const ready = serving.length > 0;
    return json(ready ? 200 : 503, { name: task.name, ready });
  }
  return json(200, {
    name: task.name,
    versions: serving.map(({ fingerprint }) => fingerprint),
    platform: "medley_blip",
    inputs: task.inputs,
    outputs: task.outputs,
  });
}

async function inferTask(context: Context, task: AnyTask, request: HandlerRequest): Promise<HandlerResponse> {
  const started = context.now();
  let requestId = request.requestId ?? randomUUID();
  let outcomes: Outcome<unknown>[] = [];
  let response: HandlerResponse;
  try {
    const { id, parameters = {}, inputs } = parseInferRequest(request.body);
    requestId = id ?? requestId;
    outcomes = await runTask(context.inference, task, inputs, parameters, request.signal);
    response = json(200, { model_name: task.name, id: requestId, outputs: encodeOutcomes(task, outcomes) });
  } catch (error) {
    response = errorResponse(error, requestId);
  }
  report(context, { task, requestId, outcomes, status: response.status, durationMs: context.now() - started });
  return { ...response, headers: { ...response.headers, "x-request-id": requestId } };
}

function report(
  context: Context,
  {
    task,
    requestId,
    outcomes,
    status,
    durationMs,
  }: {
    task: AnyTask;
    requestId: string;
    outcomes: Outcome<unknown>[];
    status: number;
    durationMs: number;
  },
): void {
  const failures = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.error.code]));
  context.metrics.countRequest(task.name, status, durationMs);
  context.metrics.countItems(task.name, "OK", outcomes.length - failures.length);
  for (const code of failures) context.metrics.countItems(task.name, code, 1);
  activeSpan()?.set({ "medley.items": outcomes.length, "medley.items.failed": failures.length });
  context.options.onInfer?.({
    requestId,
    model: task.name,
    status,
    items: outcomes.length,
    failedItems: failures.length,
    durationMs,
  });
}

// The seven tasks differ in their argument and value types; inside this file each is used only with what it made itself.
type AnyTask = Task<unknown, unknown>;

function taskOf(name: string): AnyTask {
  const task = TASKS.find((candidate) => candidate.name === name);
  if (task) return task as AnyTask;
  throw new InferenceError(
    "MODEL_NOT_FOUND",
    `There is no model "${name}". Choose one of ${TASKS.map((candidate) => candidate.name).join(", ")}.`,
  );
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new WireError(`The body is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parseInferRequest(body: string) {
  const parsed = inferRequestSchema.safeParse(parseJson(body));
  if (!parsed.success) throw new WireError(`The body is not an inference request. ${schemaComplaint(parsed.error)}`);
  return parsed.data;
}

function runTask(
  inference: Inference,
  task: AnyTask,
  inputs: readonly Tensor[],
  parameters: Parameters,
  signal: AbortSignal | undefined,
): Promise<Outcome<unknown>[]> {
  const deadlineMs = optionalNumber(parameters, "deadline_ms");
  return task.run(inference, task.decodeCall(inputs, parameters), {
    ...(deadlineMs !== undefined && { deadlineMs }),
    ...(signal && { signal }),
    ...(parameters.background === true && { background: true }),
  });
}

function serverMetadata(version = "0.1.0") {
  return { name: "medley-inference", version, extensions: ["model_repository", "medley_model_list"] };
}

function errorResponse(error: unknown, id?: string): HandlerResponse {
  const withId = id === undefined ? {} : { id };
  if (error instanceof WireError) return json(400, { ...withId, error: error.message, code: "INVALID_REQUEST" });
  if (error instanceof InferenceError) {
    const retry = error.code === "OVERLOADED" || error.code === "UNAVAILABLE" ? { "retry-after": "1" } : {};
    return json(statusOfCode(error.code), { ...withId, error: error.message, code: error.code }, retry);
  }
  const message = error instanceof Error ? error.message : String(error);
  return json(500, { ...withId, error: `The engine failed: ${message}`, code: "ENGINE_FAILED" });
}

function wrongMethod(path: string, allowed: string): HandlerResponse {
  return json(405, { error: `${path} answers ${allowed} only.` }, { allow: allowed });
}

function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): HandlerResponse {
  return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(value) };
}

function text(body: string): HandlerResponse {
  return { status: 200, headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" }, body };
}

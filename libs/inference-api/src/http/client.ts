import { randomUUID } from "node:crypto";
import { carriedHeaders, inCallSpan } from "@medley/tracing";
import type { CallOptions, EmbedOptions, Inference, ModelInfo, ModelToLoad } from "../inference.ts";
import { failed, InferenceError, type Outcome } from "../outcome.ts";
import {
  answerTask,
  captionTask,
  decodeOutcomes,
  embedImageTask,
  embedTextTask,
  evidenceTask,
  matchImageTask,
  matchTextTask,
  type Task,
} from "./tasks.ts";
import { errorOfReply, errorSchema, inferResponseSchema, modelListSchema, modelSchema, WireError } from "./wire.ts";

export interface InferenceClientOptions {
  /** Where the server is, such as http://127.0.0.1:8000. */
  readonly url: string;
  /** For tests; the global fetch (which keeps connections alive) when absent. */
  readonly fetch?: typeof fetch;
  /** Time limit of calls that name none, in milliseconds. Default 120,000. */
  readonly deadlineMs?: number;
  /** The server stops at the deadline by itself; the client waits this much longer for its partial answer. Default 2,000. */
  readonly answerGraceMs?: number;
}

const METADATA_DEADLINE_MS = 10_000;
/** Reading a large checkpoint for its fingerprint takes a few seconds on a fast disk and minutes on a slow one. */
const LOAD_DEADLINE_MS = 300_000;

/** The inference port over the Open Inference Protocol v2. Rejects with UNAVAILABLE when the server cannot be reached. */
export function createInferenceClient(options: InferenceClientOptions): Inference {
  const connection: Connection = {
    url: options.url.replace(/\/+$/, ""),
    fetch: options.fetch ?? fetch,
    deadlineMs: options.deadlineMs ?? 120_000,
    answerGraceMs: options.answerGraceMs ?? 2_000,
  };
  return {
    models: () => listModels(connection),
    loadModel: (model) => loadModel(connection, model),
    embedImages: (images, call = {}) => infer(connection, embedImageTask, { images, ask: askOf(call) }, call),
    embedTexts: (texts, call = {}) => infer(connection, embedTextTask, { texts, ask: askOf(call) }, call),
    matchImages: (text, images, call = {}) => infer(connection, matchImageTask, { text, images, ask: call }, call),
    matchTexts: (image, texts, call = {}) => infer(connection, matchTextTask, { image, texts, ask: call }, call),
    mapEvidence: (requests, call = {}) => infer(connection, evidenceTask, { requests, ask: askOf(call) }, call),
    captionImages: (images, request, call) => infer(connection, captionTask, { images, request }, call),
    answerQuestions: (questions, mode, call) => infer(connection, answerTask, { questions, mode }, call),
    [Symbol.asyncDispose]: async () => {},
  };
}

interface Connection {
  readonly url: string;
  readonly fetch: typeof fetch;
  readonly deadlineMs: number;
  readonly answerGraceMs: number;
}

async function listModels(connection: Connection): Promise<readonly ModelInfo[]> {
  const signal = AbortSignal.timeout(METADATA_DEADLINE_MS);
  const body = await exchange(connection, "/v2/models", { signal }).catch((error: unknown) => {
    throw interrupted(error) ? unavailable(connection, error) : error;
  });
  const parsed = modelListSchema.safeParse(body);
  if (parsed.success) return parsed.data.models;
  throw new InferenceError(
    "UNSUPPORTED",
    `${connection.url}/v2/models does not list models as Medley's inference server does. Check INFERENCE_URL.`,
    { cause: parsed.error },
  );
}

async function loadModel(connection: Connection, model: ModelToLoad): Promise<ModelInfo> {
  const { checkpoint, name = "model", itcWeight } = model;
  const path = `/v2/repository/models/${encodeURIComponent(name)}/load`;
  const route = "/v2/repository/models/{model}/load";
  const body = JSON.stringify({
    parameters: { checkpoint, ...(itcWeight !== undefined && { itc_weight: itcWeight }) },
  });
  const signal = AbortSignal.timeout(LOAD_DEADLINE_MS);
  const reply = await exchange(connection, path, { method: "POST", body, signal, route }).catch((error: unknown) => {
    throw interrupted(error) ? unavailable(connection, error) : error;
  });
  const parsed = modelSchema.safeParse(reply);
  if (parsed.success) return parsed.data;
  const message = `${connection.url}${path} does not load models as Medley's inference server does. Add the model where that server is configured.`;
  throw new InferenceError("UNSUPPORTED", message, { cause: parsed.error });
}

function askOf({ model }: EmbedOptions): { model?: string } {
  return model === undefined ? {} : { model };
}

async function infer<Call, Value>(
  connection: Connection,
  task: Task<Call, Value>,
  call: Call,
  options: CallOptions = {},
): Promise<Outcome<Value>[]> {
  const items = task.countItems(call);
  if (items === 0) return [];
  const deadlineMs = options.deadlineMs ?? connection.deadlineMs;
  const deadline = AbortSignal.timeout(deadlineMs + connection.answerGraceMs);
  const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
  const { inputs, parameters } = task.encodeCall(call);
  const path = `/v2/models/${task.name}/infer`;
  const limits = { deadline_ms: deadlineMs, ...(options.background && { background: true }) };
  const body = JSON.stringify({ id: randomUUID(), parameters: { ...parameters, ...limits }, inputs });
  try {
    const reply = await exchange(connection, path, { method: "POST", body, signal, items });
    return decodeReply(connection, task, reply, items);
  } catch (error) {
    if (!interrupted(error)) throw error;
    const given = options.signal?.aborted
      ? new InferenceError("CANCELLED", "The caller gave up.")
      : new InferenceError("DEADLINE_EXCEEDED", `The model did not answer within ${deadlineMs} ms.`);
    return Array.from({ length: items }, () => failed(given));
  }
}

function decodeReply<Call, Value>(
  connection: Connection,
  task: Task<Call, Value>,
  reply: unknown,
  items: number,
): Outcome<Value>[] {
  const parsed = inferResponseSchema.safeParse(reply);
  const where = `${connection.url}/v2/models/${task.name}/infer`;
  if (!parsed.success) {
    throw new InferenceError(
      "UNSUPPORTED",
      `${where} did not answer in the Open Inference Protocol. Check INFERENCE_URL.`,
      {
        cause: parsed.error,
      },
    );
  }
  try {
    return decodeOutcomes(task, parsed.data.outputs, items);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new InferenceError("UNSUPPORTED", `${where} answered something else than Medley expects: ${error.message}`);
  }
}

interface Exchange {
  readonly method?: string;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** The path without what callers chose, for traces; the path itself when absent. */
  readonly route?: string;
  /** For traces: pictures or texts that the request is about. */
  readonly items?: number;
}

/** One HTTP exchange with JSON bodies, a span of the caller's trace. Rejects with InferenceError, or with the abort of its signal. */
function exchange(connection: Connection, path: string, request: Exchange): Promise<unknown> {
  const describe = () => {
    const { method = "GET", route = path, items } = request;
    const { hostname, port, protocol } = new URL(connection.url);
    const server = { "server.address": hostname, "server.port": Number(port || (protocol === "https:" ? 443 : 80)) };
    const attributes = { "http.request.method": method, "url.template": route, "medley.items": items, ...server };
    return { name: `${method} ${route}`, attributes };
  };
  return inCallSpan(describe, async (span) => {
    const { status, text } = await send(connection, path, request);
    span.set({ "http.response.status_code": status });
    if (status === 200) return parseJson(text);
    const reply = errorSchema.safeParse(parseJson(text)).data;
    const message = reply?.error ?? `${connection.url}${path} answered with HTTP status ${status}.`;
    throw errorOfReply(status, reply?.code, message);
  });
}

async function send(
  connection: Connection,
  path: string,
  { method, body, signal }: Exchange,
): Promise<{ status: number; text: string }> {
  try {
    const response = await connection.fetch(`${connection.url}${path}`, {
      ...(method !== undefined && { method }),
      ...(body !== undefined && { body }),
      signal,
      headers: { "content-type": "application/json", ...carriedHeaders() },
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    throw signal.aborted ? new Interrupted({ cause: error }) : unavailable(connection, error);
  }
}

/** The signal of an exchange fired: the caller decides what that means. */
class Interrupted extends Error {
  readonly code = "INTERRUPTED";

  constructor(options: { cause: unknown }) {
    super("interrupted", options);
  }
}

function interrupted(error: unknown): boolean {
  return error instanceof Interrupted;
}

function unavailable(connection: Connection, error: unknown): InferenceError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? ("code" in cause ? String(cause.code) : cause.message) : String(cause);
  return new InferenceError(
    "UNAVAILABLE",
    `The inference server is not reachable at ${connection.url} (${reason}). Start it, or check INFERENCE_URL.`,
    { cause: error },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

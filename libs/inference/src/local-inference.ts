import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Blip, cleanCaption, cleanQuestion, type EvidenceSettings } from "@medley/blip";
import {
  type Answer,
  type AnswerMode,
  type CallOptions,
  type EmbedOptions,
  type ImageInput,
  type Inference,
  InferenceError,
  type Match,
  type ModelInfo,
  type ModelToLoad,
  type Outcome,
  type Role,
} from "@medley/inference-api";
import { captionPrefix, requireRoom, wantedAlternatives, wordCaption } from "./captions.ts";
import { ANSWER_LENGTHS, CAPTION_LENGTHS, decodingSettings } from "./decoding/decoding-settings.ts";
import { evidenceMap, type EvidencePayload, evidencePayload } from "./evidence-request.ts";
import { type Fingerprints, fingerprintsOf } from "./fingerprint.ts";
import { createGraphBuilder, planOf } from "./model-graphs.ts";
import { type CheckpointReference, type FurtherModel, type ModelSet, openFurtherModel } from "./model-set.ts";
import { emptyText, longestText } from "./text-limits.ts";
import { createScheduler, type QueuedItem } from "./scheduler.ts";
import { type BatchTrace, type TracedCall, traceBatch, tracedCall } from "./trace-batches.ts";
import type { WorkerTiming } from "./worker/main.ts";
import type { AnswerDecoding, EncodedText, GeneratedTokens, ItemResult, MatchLogits, Task } from "./worker/tasks.ts";
import { type PoolJob, startWorkerPool } from "./worker-pool.ts";
import type { WorkerResourcesModule } from "./worker-resources.ts";

export interface LocalInferenceOptions {
  /** The model set, or its opening: workers start meanwhile. */
  readonly modelSet: ModelSet | Promise<ModelSet>;
  /** Module that each worker opens pictures and the token store with. */
  readonly resources: WorkerResourcesModule;
  /** Where fingerprints of checkpoints and compiled modules are kept between starts. */
  readonly graphDirectory: string;
  /** Worker threads, each with its own sessions over shared, mapped weights; one per core when absent. */
  readonly workers?: number;
  /** Threads of one session. */
  readonly threadsPerWorker?: number;
  /** In order of preference; one that is not there is an error. */
  readonly executionProviders?: readonly string[];
  readonly maxQueuedItems?: number;
  readonly defaultDeadlineMs?: number;
}

const MAX_DEFAULT_WORKERS = 8;
const DEFAULT_MAX_QUEUED_ITEMS = 4096;
const DEFAULT_DEADLINE_MS = 120_000;
// Re-ranking more images in one batch gains nothing on a CPU and makes everybody else wait longer.
const MATCH_BATCH = 16;
const TEXT_BATCH = 64;
// The vision tower gains nothing from batches on a CPU (423 ms alone, 449 in a batch of 4).
const IMAGE_BATCH = 1;
const GENERATE_BATCH = 1;
const FOREGROUND = 0;
const BACKGROUND = 1;

type Payload =
  | { readonly kind: "embedImages"; readonly image: ImageInput }
  | { readonly kind: "embedTexts"; readonly ids: readonly number[] }
  | { readonly kind: "matchImages"; readonly text: EncodedText; readonly image: ImageInput }
  | { readonly kind: "matchTexts"; readonly image: ImageInput; readonly text: EncodedText }
  | EvidencePayload
  | {
      readonly kind: "captionImages";
      readonly image: ImageInput;
      readonly batch: Extract<Task, { kind: "captionImages" }>;
    }
  | {
      readonly kind: "answerQuestions";
      readonly image: ImageInput;
      readonly ids: readonly number[];
      readonly decoding: AnswerDecoding;
    };

interface Work {
  readonly model: CheckpointReference;
  readonly payload: Payload;
  readonly control: Int32Array;
  /** Absent: nothing is recorded. */
  readonly traced?: TracedCall | undefined;
}

type Value = Float32Array | MatchLogits | GeneratedTokens;

/** Opens the engine that runs models in worker threads of this process. */
export async function createLocalInference(options: LocalInferenceOptions): Promise<Inference> {
  const workers = options.workers ?? Math.min(availableParallelism(), MAX_DEFAULT_WORKERS);
  const scheduler = createScheduler<Work, Value>(options.maxQueuedItems ?? DEFAULT_MAX_QUEUED_ITEMS);
  const prints = new Map<string, Promise<Fingerprints>>();
  const start = {
    runtime: {
      threads: options.threadsPerWorker ?? 1,
      executionProviders: options.executionProviders ?? ["cpu"],
    },
    resources: options.resources,
    compileCacheDirectory: join(options.graphDirectory, "compile-cache"),
  };
  const opened = Promise.resolve(options.modelSet).then(graphBuildersOf);
  opened.catch(() => {}); // reported below
  /** By fingerprint. */
  const further = new Map<string, FurtherModel>();
  const starting = startWorkerPool(workers, start, nextJob, async ({ path, graph }) => {
    const builder = (await opened).get(path);
    if (!builder) throw new Error(`Bug: a worker asks for graphs of ${path}, which no role uses.`);
    return await builder(graph);
  });
  const modelSet = await Promise.resolve(options.modelSet).catch(async (error: unknown) => {
    await (await starting)[Symbol.asyncDispose]();
    throw error;
  });
  const pool = await starting;
  for (const model of modelSet.further) await serveFurther(model);

  /** A model that is served already takes what is said of it now, and nothing is loaded again. */
  async function serveFurther(
    model: FurtherModel,
    said: Pick<ModelToLoad, "name" | "itcWeight"> = {},
  ): Promise<ModelInfo> {
    const { model: fingerprint } = await fingerprints(model.blip);
    const known = further.get(fingerprint);
    if (!known) {
      const builders = await opened;
      if (!builders.has(model.blip.path)) builders.set(model.blip.path, createGraphBuilder(model.blip));
    }
    const served = known
      ? { ...known, name: said.name ?? known.name, itcWeight: said.itcWeight ?? known.itcWeight }
      : model;
    further.set(fingerprint, served);
    return await furtherInfo(served);
  }

  async function furtherInfo({ blip, name, itcWeight }: FurtherModel): Promise<ModelInfo> {
    return { ...modelInfo(modelSet, "retrieval", blip, await fingerprints(blip)), name, itcWeight };
  }

  /** The model that a call names by its fingerprint, or the role's own. */
  async function modelOf(role: Role, { model }: EmbedOptions): Promise<Blip> {
    if (model === undefined) return roleOf(role);
    if (role !== "retrieval") {
      throw new InferenceError(
        "UNSUPPORTED",
        `A model can be chosen for the role "retrieval" only, not for "${role}".`,
      );
    }
    const own = modelSet.roles.get(role);
    if (own && (await fingerprints(own)).model === model) return own;
    const found = further.get(model);
    if (found) return found.blip;
    throw new InferenceError("MODEL_NOT_FOUND", `No model with the fingerprint ${model} is served. Load it first.`);
  }

  /** Those of the role's own model, or of the further model that a call names. */
  function evidenceSettings(blip: Blip, { model }: EmbedOptions): EvidenceSettings {
    const own = blip === modelSet.roles.get("retrieval");
    const settings = own ? modelSet.evidence : further.get(model ?? "")?.evidence;
    if (!settings) throw new Error(`Bug: ${blip.name} has no setting for evidence maps.`);
    return settings;
  }

  function nextJob(): PoolJob | undefined {
    const batch = scheduler.takeBatch();
    const first = batch?.[0];
    if (!batch || !first) return undefined;
    const { model } = first.payload;
    const task = taskOf(batch.map((item) => item.payload.payload));
    const calls = batch.map((item) => item.payload.traced);
    const trace = traceBatch({ task: task.kind, model: model.name, calls });
    return {
      model,
      task,
      deadlineAt: Math.max(...batch.map((item) => item.deadlineAt)),
      control: sharedControl(batch),
      ...(trace && { timed: true }),
      finish: (results, timing) => {
        if (trace) endBatch(trace, batch.length, results, timing);
        settleBatch(batch, results);
      },
    };
  }

  function fingerprints(blip: Blip): Promise<Fingerprints> {
    const known = prints.get(blip.path);
    if (known) return known;
    const computing = fingerprintsOf(blip, modelSet.itmToken, options.graphDirectory);
    prints.set(blip.path, computing);
    return computing;
  }

  /** Tokens are stored under the vision fingerprint, so it must be known before a picture named by sha256 is touched. */
  async function referenceOf(blip: Blip, images: readonly ImageInput[]): Promise<CheckpointReference> {
    const named = images.some((image) => "sha256" in image);
    return { ...planOf(blip), visionFingerprint: named ? (await fingerprints(blip)).vision : "" };
  }

  function roleOf(role: Role): Blip {
    const blip = modelSet.roles.get(role);
    if (blip) return blip;
    const roles = [...modelSet.roles.keys()].join(", ");
    throw new InferenceError(
      "MODEL_NOT_FOUND",
      `Model set "${modelSet.name}" has no ${role}; it has: ${roles || "none"}.`,
    );
  }

  async function submit<Result>(
    model: CheckpointReference,
    items: readonly {
      readonly key: string;
      readonly payload: Payload;
      readonly maxBatch: number;
      readonly error?: InferenceError;
    }[],
    call: CallOptions,
    priority: number,
    convert: (value: Value, index: number) => Result,
  ): Promise<Outcome<Result>[]> {
    if (call.signal?.aborted) throw new InferenceError("CANCELLED", "The call was given up before it started.");
    const control = new Int32Array(new SharedArrayBuffer(4));
    const deadlineAt = Date.now() + (call.deadlineMs ?? options.defaultDeadlineMs ?? DEFAULT_DEADLINE_MS);
    const traced = tracedCall();
    const queued: QueuedItem<Work, Value>[] = [];
    const outcomes = items.map(
      (item, index) =>
        new Promise<Outcome<Result>>((settled) => {
          if (item.error) return settled({ ok: false, error: item.error });
          queued.push({
            key: `${model.path}:${priority}:${item.key}`,
            payload: { model, payload: item.payload, control, traced },
            priority,
            deadlineAt,
            maxBatch: item.maxBatch,
            cancelled: false,
            settle: (outcome) => settled(outcome.ok ? { ok: true, value: convert(outcome.value, index) } : outcome),
          });
        }),
    );
    scheduler.enqueue(queued);
    const abandon = (): void => {
      Atomics.store(control, 0, 1);
      for (const item of queued) item.cancelled = true;
      scheduler.expire();
    };
    call.signal?.addEventListener("abort", abandon, { once: true });
    const timer = setTimeout(() => scheduler.expire(), Math.max(0, deadlineAt - Date.now()) + 1);
    pool.wake();
    try {
      return await Promise.all(outcomes);
    } finally {
      clearTimeout(timer);
      call.signal?.removeEventListener("abort", abandon);
    }
  }

  const encodeText = (blip: Blip, text: string, withItc: boolean): EncodedText | InferenceError => {
    const cleaned = cleanCaption(text);
    if (cleaned === "") return emptyText(text);
    const first = modelSet.itmToken;
    const itmIds = blip.tokenizer.encode(cleaned, { first, maxTokens: longestText(blip) });
    if (!withItc) return { itmIds };
    return { itmIds, itcIds: blip.tokenizer.encode(cleaned, { first: "cls", maxTokens: longestText(blip) }) };
  };

  return {
    async models() {
      const own = [...modelSet.roles].map(async ([role, blip]) =>
        modelInfo(modelSet, role, blip, await fingerprints(blip)),
      );
      return await Promise.all([...own, ...[...further.values()].map(furtherInfo)]);
    },

    async loadModel(request) {
      const model = await openFurtherModel(request).catch((error: unknown) => {
        if (error instanceof InferenceError) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        throw new InferenceError("UNSUPPORTED", `${request.checkpoint} cannot be served. ${reason}`, { cause: error });
      });
      const own = modelSet.roles.get("retrieval");
      const prints = await fingerprints(model.blip);
      if (own && (await fingerprints(own)).model === prints.model) return modelInfo(modelSet, "retrieval", own, prints);
      return await serveFurther(model, request);
    },

    async embedImages(images, call = {}) {
      const blip = await modelOf("retrieval", call);
      const items = images.map((image) => ({
        key: "embedImages",
        payload: { kind: "embedImages", image } as const,
        maxBatch: IMAGE_BATCH,
      }));
      return await submit(await referenceOf(blip, images), items, call, BACKGROUND, (value) => value as Float32Array);
    },

    async embedTexts(texts, call = {}) {
      const blip = await modelOf("retrieval", call);
      const items = texts.map((text) => {
        const cleaned = cleanCaption(text);
        const ids = blip.tokenizer.encode(cleaned, { first: "cls", maxTokens: longestText(blip) });
        return {
          key: `embedTexts:${ids.length}`,
          payload: { kind: "embedTexts", ids } as const,
          maxBatch: TEXT_BATCH,
          ...(cleaned === "" ? { error: emptyText(text) } : {}),
        };
      });
      return await submit(await referenceOf(blip, []), items, call, FOREGROUND, (value) => value as Float32Array);
    },

    async matchImages(text, images, call = {}) {
      const blip = await modelOf(call.role ?? "retrieval", call);
      const encoded = encodeText(blip, text, call.itcCosine === true);
      if (encoded instanceof InferenceError) return images.map(() => ({ ok: false, error: encoded }));
      const key = `matchImages:${encoded.itmIds.join(",")}:${encoded.itcIds !== undefined}`;
      const items = images.map((image) => ({
        key,
        payload: { kind: "matchImages", text: encoded, image } as const,
        maxBatch: MATCH_BATCH,
      }));
      return await submit(await referenceOf(blip, images), items, call, FOREGROUND, (value) => value as Match);
    },

    async matchTexts(image, texts, call = {}) {
      const blip = await modelOf(call.role ?? "retrieval", call);
      const key = "sha256" in image ? `matchTexts:${image.sha256}` : `matchTexts:bytes:${nextNumber()}`;
      const items = texts.map((text) => {
        const encoded = encodeText(blip, text, call.itcCosine === true);
        const bad = encoded instanceof InferenceError;
        return {
          key,
          payload: { kind: "matchTexts", image, text: bad ? { itmIds: [] } : encoded } as const,
          maxBatch: TEXT_BATCH,
          ...(bad ? { error: encoded } : {}),
        };
      });
      return await submit(await referenceOf(blip, [image]), items, call, BACKGROUND, (value) => value as Match);
    },

    async mapEvidence(requests, call = {}) {
      const blip = await modelOf("retrieval", call);
      const settings = evidenceSettings(blip, call);
      const items = requests.map((request) => {
        const payload = evidencePayload(blip, settings, modelSet.itmToken, request);
        const bad = payload instanceof InferenceError;
        return {
          key: bad
            ? ""
            : `${payload.kind}:${payload.ids.join(",")}:${"means" in payload ? payload.means.join(",") : ""}`,
          payload: bad ? ({ kind: "patchCosines", ids: [], image: request.image } as const) : payload,
          maxBatch: MATCH_BATCH,
          ...(bad ? { error: payload } : {}),
        };
      });
      const images = requests.map(({ image }) => image);
      const toMap = (value: Value) => evidenceMap(blip, settings, value as Float32Array);
      return await submit(await referenceOf(blip, images), items, call, FOREGROUND, toMap);
    },

    async captionImages(images, request, call = {}) {
      const blip = roleOf("captioner");
      const prompt = request.prompt ?? modelSet.captionPrompt;
      const prefix = captionPrefix(blip, prompt);
      const alternatives = wantedAlternatives(request);
      const settings = decodingSettings(request.decoding, CAPTION_LENGTHS, 1 + alternatives);
      requireRoom(settings, prefix);
      const batch = { kind: "captionImages", images: [], prefix, settings } as const;
      const key = `captionImages:${JSON.stringify([prefix, settings])}`;
      const items = images.map((image) => ({
        key,
        payload: { kind: "captionImages", image, batch } as const,
        maxBatch: GENERATE_BATCH,
      }));
      const wording = { blip, prefix, prompt, tellsAlternatives: alternatives > 0 };
      const toCaption = (value: Value) => wordCaption(value as GeneratedTokens, wording);
      return await submit(await referenceOf(blip, images), items, call, BACKGROUND, toCaption);
    },

    async answerQuestions(questions, mode, call = {}) {
      const blip = roleOf("answerer");
      const decoding = answerDecoding(blip, mode);
      const items = questions.map(({ image, question }) => {
        const cleaned = cleanQuestion(question);
        const ids = blip.tokenizer.encode(cleaned, { first: modelSet.itmToken, maxTokens: longestText(blip) });
        return {
          key: `answerQuestions:${JSON.stringify(mode)}`,
          payload: { kind: "answerQuestions", image, ids, decoding } as const,
          maxBatch: GENERATE_BATCH,
          ...(cleaned.trim() === "" ? { error: emptyText(question) } : {}),
        };
      });
      const images = questions.map(({ image }) => image);
      const toAnswer = (value: Value): Answer => {
        const { tokenIds, logProbability, answerIndex, relativeProbability } = value as GeneratedTokens;
        const ranked = mode.mode === "rank" && answerIndex !== undefined ? mode.answers[answerIndex] : undefined;
        const text = ranked ?? blip.tokenizer.decode(tokenIds);
        const among = relativeProbability === undefined ? {} : { relativeProbability };
        return { text, tokenIds, logProbability, ...among, mode: mode.mode };
      };
      const priority = call.background ? BACKGROUND : FOREGROUND;
      return await submit(await referenceOf(blip, images), items, call, priority, toAnswer);
    },

    async [Symbol.asyncDispose]() {
      scheduler.clear(new InferenceError("UNAVAILABLE", "The inference engine is shutting down."));
      await pool[Symbol.asyncDispose]();
    },
  };
}

let lastNumber = 0;
function nextNumber(): number {
  return ++lastNumber;
}

function taskOf(payloads: readonly Payload[]): Task {
  const [first] = payloads;
  if (!first) throw new Error("Bug: an empty batch.");
  const of = <Kind extends Payload["kind"]>(_kind: Kind) => payloads as readonly Extract<Payload, { kind: Kind }>[];
  switch (first.kind) {
    case "embedImages":
      return { kind: first.kind, images: of(first.kind).map((one) => one.image) };
    case "embedTexts":
      return { kind: first.kind, texts: of(first.kind).map((one) => one.ids) };
    case "matchImages":
      return { kind: first.kind, text: first.text, images: of(first.kind).map((one) => one.image) };
    case "matchTexts":
      return { kind: first.kind, image: first.image, texts: of(first.kind).map((one) => one.text) };
    case "patchCosines":
      return { kind: first.kind, ids: first.ids, images: of(first.kind).map((one) => one.image) };
    case "attentionMeans": {
      const { kind, ids, means, layer } = first;
      return { kind, ids, means, layer, images: of(kind).map((one) => one.image) };
    }
    case "captionImages":
      return { ...first.batch, images: of(first.kind).map((one) => one.image) };
    case "answerQuestions": {
      const questions = of(first.kind).map(({ image, ids }) => ({ image, ids }));
      return { kind: first.kind, questions, decoding: first.decoding };
    }
    default:
      return first satisfies never;
  }
}

/** The flag that gives a batch up: its call's own, or one that nobody raises where several calls share the batch. */
function sharedControl(batch: readonly QueuedItem<Work, Value>[]): Int32Array {
  const [control, ...others] = new Set(batch.map((item) => item.payload.control));
  return control && others.length === 0 ? control : new Int32Array(new SharedArrayBuffer(4));
}

function endBatch(
  trace: BatchTrace,
  items: number,
  results: readonly ItemResult[] | InferenceError,
  timing: WorkerTiming | undefined,
): void {
  const together = results instanceof InferenceError ? items : 0;
  // One result for several items: the task failed as a whole.
  const each =
    results instanceof InferenceError ? [] : Array.from({ length: items }, (_, at) => results[at] ?? results[0]);
  trace.end({ failedItems: together + each.filter((result) => !result?.ok).length, timing });
}

function settleBatch(batch: readonly QueuedItem<Work, Value>[], results: readonly ItemResult[] | InferenceError): void {
  for (const [index, item] of batch.entries()) {
    if (results instanceof InferenceError) {
      item.settle({ ok: false, error: results });
      continue;
    }
    // A task that failed as a whole gives one error for all of its items.
    const result = results[index] ?? results[0];
    if (!result) item.settle({ ok: false, error: new InferenceError("ENGINE_FAILED", "The worker gave no result.") });
    else if (result.ok) item.settle(result);
    else item.settle({ ok: false, error: new InferenceError(result.code, result.message) });
  }
}

function modelInfo(modelSet: ModelSet, role: Role, blip: Blip, prints: Fingerprints): ModelInfo {
  return {
    role,
    name: blip.name,
    fingerprint: prints.model,
    visionFingerprint: prints.vision,
    imageSizePixels: blip.vision.imagePixels,
    imageFilter: blip.preprocessor.filter,
    embeddingDimensions: blip.embeddingDimensions ?? null,
    abilities: [...blip.abilities],
    itcWeight: modelSet.itcWeight,
    captionPrompt: modelSet.captionPrompt,
  };
}

/** Path of each checkpoint -> its graphs. */
function graphBuildersOf(modelSet: ModelSet): Map<string, ReturnType<typeof createGraphBuilder>> {
  const blips = new Map([...modelSet.roles.values()].map((blip) => [blip.path, blip]));
  return new Map([...blips].map(([path, blip]) => [path, createGraphBuilder(blip)]));
}

function answerDecoding(blip: Blip, mode: AnswerMode): AnswerDecoding {
  if (mode.mode === "generate") {
    const settings = decodingSettings(mode.decoding, ANSWER_LENGTHS);
    requireRoom(settings, [blip.tokenizer.specialTokens.decode]);
    return { mode: "generate", settings };
  }
  // BLIP ranks the 128 answers whose first token is likeliest (configs/vqa.yaml k_test).
  const answers = mode.answers.map((answer) => blip.tokenizer.encode(answer, { first: "dec" }));
  return { mode: "rank", answers, candidates: mode.candidates ?? 128 };
}

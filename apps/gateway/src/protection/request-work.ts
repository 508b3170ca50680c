import { type CallOptions, failed, type Inference, InferenceError, type Outcome } from "@medley/inference-api";

/** What one request asks of the models: given up together, and counted. */
export interface RequestWork {
  /** The port; every call through it ends with the request. */
  readonly inference: Inference;
  /** Milliseconds that calls took so far, added up. */
  readonly spentMs: () => number;
}

export interface RequestLimits {
  /** Fires when the caller has gone away. */
  readonly gone: AbortSignal;
  readonly timeoutMs: number;
  readonly onCall?: (method: string, milliseconds: number) => void;
}

/**
 * Ties an engine to a request: when the caller goes away or the time is over, the engine is told to stop, and items that it had not finished
 * come back as CANCELLED or DEADLINE_EXCEEDED.
 */
export function bindToRequest(inference: Inference, { gone, timeoutMs, onCall }: RequestLimits): RequestWork {
  const end = createEnd(gone, timeoutMs);
  let spentMs = 0;

  function options<Options extends CallOptions>(given: Options | undefined): Options {
    const ended = end.signal();
    const signal = given?.signal === undefined ? ended : AbortSignal.any([given.signal, ended]);
    return { ...given, signal } as Options;
  }
  async function count<T>(method: string, call: Promise<Outcome<T>[]>): Promise<Outcome<T>[]> {
    const startedAt = performance.now();
    try {
      return (await call).map((outcome) => (end.isLate() ? explain(outcome, timeoutMs) : outcome));
    } finally {
      const milliseconds = performance.now() - startedAt;
      spentMs += milliseconds;
      onCall?.(method, milliseconds);
    }
  }
  return {
    spentMs: () => spentMs,
    inference: {
      models: () => inference.models(),
      loadModel: (model) => inference.loadModel(model),
      embedImages: (images, call) => count("embedImages", inference.embedImages(images, options(call))),
      embedTexts: (texts, call) => count("embedTexts", inference.embedTexts(texts, options(call))),
      matchImages: (text, images, call) => count("matchImages", inference.matchImages(text, images, options(call))),
      matchTexts: (image, texts, call) => count("matchTexts", inference.matchTexts(image, texts, options(call))),
      mapEvidence: (requests, call) => count("mapEvidence", inference.mapEvidence(requests, options(call))),
      captionImages: (images, request, call) =>
        count("captionImages", inference.captionImages(images, request, options(call))),
      answerQuestions: (questions, mode, call) =>
        count("answerQuestions", inference.answerQuestions(questions, mode, options(call))),
      // The engine belongs to whoever opened it.
      [Symbol.asyncDispose]: async () => {},
    },
  };
}

/** The time counts from now, but a timer exists only once a model is asked: most requests never do. */
function createEnd(gone: AbortSignal, timeoutMs: number) {
  const startedAt = performance.now();
  let end: AbortController | null = null;
  let late = false;
  return {
    isLate: () => late,
    signal(): AbortSignal {
      if (end !== null) return end.signal;
      const controller = new AbortController();
      end = controller;
      const timer = setTimeout(
        () => {
          late = true;
          controller.abort();
        },
        Math.max(0, timeoutMs - (performance.now() - startedAt)),
      ).unref();
      const stop = () => {
        clearTimeout(timer);
        controller.abort();
      };
      if (gone.aborted) stop();
      else gone.addEventListener("abort", stop, { once: true });
      return controller.signal;
    },
  };
}

/** The engine knows only that it was told to stop; the caller should read why. */
function explain<T>(outcome: Outcome<T>, timeoutMs: number): Outcome<T> {
  if (outcome.ok || outcome.error.code !== "CANCELLED") return outcome;
  return failed(new InferenceError("DEADLINE_EXCEEDED", `The request took longer than ${timeoutMs} ms.`));
}

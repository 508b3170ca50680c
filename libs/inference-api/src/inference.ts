import type { Outcome } from "./outcome.ts";

/** Which job a checkpoint does in a model set. One checkpoint may serve several roles. */
export type Role = "retrieval" | "filter" | "captioner" | "answerer";

/**
 * A picture: by the SHA-256 (lower-case hex) of its bytes in the content store that the engine shares with its callers,
 * or as encoded bytes (JPEG, PNG, ...). Image tokens of a picture named by sha256 are stored and reused; of bytes they are not.
 */
export type ImageInput = { readonly sha256: string } | { readonly bytes: Uint8Array };

export interface CallOptions {
  /** Milliseconds from now after which unfinished items become DEADLINE_EXCEEDED; the engine's default when absent. */
  readonly deadlineMs?: number;
  /** Gives up unfinished items (CANCELLED). */
  readonly signal?: AbortSignal;
  /** Nobody waits for the answers to questions: what people wait for goes before them. What else is done for imports goes behind anyway. */
  readonly background?: boolean;
}

/** A call to the retrieval model, or to another model that embeds and matches beside it. */
export interface EmbedOptions extends CallOptions {
  /** Fingerprint of the model that shall answer, one that `models` lists for the role "retrieval"; the first of them when absent. */
  readonly model?: string;
}

/** A checkpoint that shall be served beside the retrieval model, for the embedding spaces that it builds. */
export interface ModelToLoad {
  /** Path of the checkpoint as the engine sees it. */
  readonly checkpoint: string;
  /** For people; the checkpoint's own name when absent. */
  readonly name?: string;
  /** See `ModelInfo.itcWeight`; 1 when absent. */
  readonly itcWeight?: number;
}

export interface ModelInfo {
  readonly role: Role;
  /** Name in the model set, for people. */
  readonly name: string;
  /** SHA-256 (hex) over the weights and every setting that changes outputs. */
  readonly fingerprint: string;
  /** SHA-256 (hex) over what makes the image tokens; equal for checkpoints that may share them. */
  readonly visionFingerprint: string;
  readonly imageSizePixels: number;
  /** Filter that pictures are resized with. */
  readonly imageFilter: "bicubic" | "bilinear" | "lanczos" | "box" | "hamming";
  /** Length of ITC embeddings; null where the checkpoint has no retrieval heads. */
  readonly embeddingDimensions: number | null;
  /** What the checkpoint can do. */
  readonly abilities: readonly ("embed" | "match" | "caption" | "answer")[];
  /** Weight w of itcCosine in the rerank order itmLogit + w * itcCosine; 1 is BLIP's rule. */
  readonly itcWeight: number;
  /** Prompt that captions of this model set start from. */
  readonly captionPrompt: string;
}

export interface Match {
  /** Raw logit of "match" (index 1 of the ITM head); higher is better, not a probability. */
  readonly itmLogit: number;
  /** Raw logit of "no match" (index 0). softmax over both is BLIP's uncalibrated match score. */
  readonly itmNoMatchLogit: number;
  /** Cosine of the ITC embeddings; only where the call asked for it. */
  readonly itcCosine?: number;
  /** Whether the picture's image tokens were in the store, so that the vision tower did not run for it. Absent where a server does not tell. */
  readonly tokensWereStored?: boolean;
}

export interface MatchOptions extends EmbedOptions {
  /** The retrieval model when absent. */
  readonly role?: "retrieval" | "filter";
  /** Only with the role "retrieval". */
  readonly model?: string;
  /** Also gives `itcCosine` of each pair. */
  readonly itcCosine?: boolean;
}

export type Decoding =
  | {
      readonly method: "greedy";
      readonly maxLength?: number;
      readonly minLength?: number;
      readonly repetitionPenalty?: number;
    }
  | {
      readonly method: "beam";
      readonly beams: number;
      readonly maxLength?: number;
      readonly minLength?: number;
      readonly repetitionPenalty?: number;
    }
  | {
      readonly method: "nucleus";
      readonly topP: number;
      readonly topK?: number;
      readonly seed: number;
      readonly maxLength?: number;
      readonly minLength?: number;
      readonly repetitionPenalty?: number;
    };

export interface CaptionRequest {
  /** Text that the caption starts from; the model set's own when absent. It is cut off the result. */
  readonly prompt?: string;
  readonly decoding: Decoding;
  /**
   * How many further texts are wanted beside the caption, at most 15; none when absent. Beam search finds one for each further beam, sampling one for
   * each seed that follows, greedy decoding none: where more are wanted than there are, the call rejects with UNSUPPORTED.
   */
  readonly alternatives?: number;
}

export interface GeneratedText {
  readonly text: string;
  /** Generated ids including prefix and, where it was reached, the end token [SEP]. */
  readonly tokenIds: readonly number[];
  /** Sum of log-probabilities of the generated tokens (natural logarithm); with beams, after the penalty for repetition. */
  readonly logProbability: number;
}

export interface Caption extends GeneratedText {
  /**
   * Only where alternatives were asked for: other texts, each once and none of them the caption's. Of beam search by log-probability per token,
   * as it ranks them; of sampling by log-probability. Absent where a server does not tell.
   */
  readonly alternatives?: readonly GeneratedText[];
}

export type AnswerMode =
  | { readonly mode: "generate"; readonly decoding: Decoding }
  /** Ranks a closed list; candidates are cut to the first-token top k (128) as in BLIP's VQA evaluation. */
  | { readonly mode: "rank"; readonly answers: readonly string[]; readonly candidates?: number };

export interface Answer extends GeneratedText {
  /**
   * Only where answers were ranked: the answer's probability among the candidates that were scored in full, a softmax over their log-probabilities.
   * Not calibrated. Absent where a server does not tell.
   */
  readonly relativeProbability?: number;
  readonly mode: "generate" | "rank";
}

/** A word, or a few words in a row, whose place in a picture is asked for. */
export interface EvidenceRequest {
  readonly image: ImageInput;
  readonly word: string;
  /** The text that the word stands in, and must occur in; without one the word is read by itself. */
  readonly text?: string;
}

/** What the places of a map are made of. */
export type EvidenceMethod = "patchCosine" | "crossAttention";

/** How much each place of a picture speaks for a word. The grid lies over the whole picture, whatever its shape. */
export interface EvidenceMap {
  readonly rows: number;
  readonly columns: number;
  /** float32 [rows * columns], row by row from the top left, 0 to 1: the least patch is 0 and the greatest 1, also where the picture does not show the word. */
  readonly values: Float32Array;
  readonly method: EvidenceMethod;
  /** Cosine of the word's embedding and the greatest patch's; absent for the method "crossAttention". */
  readonly peakCosine?: number;
}

/**
 * The port behind which models run (local worker threads, or a server). Every list result has the length and order of its
 * input; one bad item is an error outcome and never a failed call. A call rejects with InferenceError only when nothing of it
 * could be tried (unknown role, overload, engine gone).
 */
export interface Inference extends AsyncDisposable {
  /** One for each role; then, with the role "retrieval", those that are served beside the retrieval model. */
  models(): Promise<readonly ModelInfo[]>;
  /**
   * Serves one more model that embeds and matches, until the engine ends; one that is served already stays as it is.
   * Rejects with MODEL_NOT_FOUND or UNSUPPORTED where it cannot be.
   */
  loadModel(model: ModelToLoad): Promise<ModelInfo>;
  /** ITC embeddings of pictures, each with L2 norm 1; stores image tokens of those named by sha256. */
  embedImages(images: readonly ImageInput[], options?: EmbedOptions): Promise<Outcome<Float32Array>[]>;
  /** ITC embeddings of texts, each with L2 norm 1. */
  embedTexts(texts: readonly string[], options?: EmbedOptions): Promise<Outcome<Float32Array>[]>;
  /** One text against many pictures (search re-rank). `role` chooses between the retrieval model and the filter. */
  matchImages(text: string, images: readonly ImageInput[], options?: MatchOptions): Promise<Outcome<Match>[]>;
  /** One picture against many texts (caption filter, describe). */
  matchTexts(image: ImageInput, texts: readonly string[], options?: MatchOptions): Promise<Outcome<Match>[]>;
  /**
   * Where in each picture the retrieval model finds a word. Forward only, from image tokens. A word that its text does not have is WORD_NOT_IN_TEXT.
   */
  mapEvidence(requests: readonly EvidenceRequest[], options?: EmbedOptions): Promise<Outcome<EvidenceMap>[]>;
  captionImages(
    images: readonly ImageInput[],
    request: CaptionRequest,
    options?: CallOptions,
  ): Promise<Outcome<Caption>[]>;
  answerQuestions(
    questions: readonly { readonly image: ImageInput; readonly question: string }[],
    mode: AnswerMode,
    options?: CallOptions,
  ): Promise<Outcome<Answer>[]>;
}

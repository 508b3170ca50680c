import { z } from "zod";
import { CliError } from "../cli-error.ts";

/** A server that speaks the Hugging Face hub's API. */
export interface Hub {
  /** Without a slash at its end. */
  readonly url: string;
  /** Sent to this server only. */
  readonly token?: string;
}

export interface HubFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** Digest of the content: SHA-256 of large files, git's SHA-1 ("blob SIZE\0" in front) of the others. */
  readonly digest: { readonly kind: "sha256" | "git"; readonly hex: string };
}

export interface HubModel {
  readonly id: string;
  /** Commit that the files belong to. */
  readonly commit: string;
  readonly files: readonly HubFile[];
}

const hex = (length: number) => z.string().regex(new RegExp(`^[0-9a-f]{${length}}$`));
const answerSchema = z.object({
  sha: hex(40),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.int().nonnegative().optional(),
      blobId: hex(40).optional(),
      lfs: z.object({ sha256: hex(64), size: z.int().nonnegative() }).nullish(),
    }),
  ),
});

const ANSWER_MS = 30_000;

export function authorization({ token }: Hub): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** Asks the hub which files a model has at a branch, tag or commit. */
export async function findHubModel(hub: Hub, id: string, revision: string): Promise<HubModel> {
  const url = `${hub.url}/api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`;
  let response: Response;
  try {
    response = await fetch(url, { headers: authorization(hub), signal: AbortSignal.timeout(ANSWER_MS) });
  } catch (error) {
    throw unreachable(hub, error);
  }
  if (!response.ok) throw refused(hub, id, revision, response.status);
  const answer = answerSchema.safeParse(await response.json().catch(() => undefined));
  if (!answer.success) {
    throw new CliError("HUB_FAILED", `${hub.url} did not answer as a model hub does: ${z.prettifyError(answer.error)}`);
  }
  const files = answer.data.siblings.flatMap(({ rfilename: name, size, blobId, lfs }): HubFile[] => {
    if (lfs) return [{ name, sizeBytes: lfs.size, digest: { kind: "sha256", hex: lfs.sha256 } }];
    if (size === undefined || blobId === undefined) return [];
    return [{ name, sizeBytes: size, digest: { kind: "git", hex: blobId } }];
  });
  return { id, commit: answer.data.sha, files };
}

function unreachable({ url }: Hub, cause: unknown): CliError {
  const reason = cause instanceof Error ? String((cause.cause as Error | undefined)?.message ?? cause.message) : cause;
  const hint = "Check the connection, or name another hub in HF_ENDPOINT; a folder copied by hand does as well.";
  return new CliError("HUB_UNREACHABLE", `The model hub at ${url} cannot be reached: ${reason}. ${hint}`, { cause });
}

function refused({ url, token }: Hub, id: string, revision: string, status: number): CliError {
  if (status === 401 || status === 403) {
    const hint =
      token === undefined
        ? "If the model exists, it is private or gated: set HF_TOKEN."
        : "The token in HF_TOKEN may not read it.";
    return new CliError("HUB_REFUSED", `${url} does not give out "${id}" (status ${status}). ${hint}`);
  }
  if (status === 404) {
    return new CliError("MODEL_NOT_FOUND", `${url} has no model "${id}" with a revision "${revision}".`);
  }
  return new CliError("HUB_FAILED", `${url} answered with status ${status} when asked for "${id}". Try again later.`);
}

const SETTINGS_FILES = new Set([
  "config.json",
  "preprocessor_config.json",
  "tokenizer_config.json",
  "tokenizer.json",
  "special_tokens_map.json",
  "vocab.txt",
]);
/** In the order of preference. A sharded form is an index and the shards beside it. */
const WEIGHTS = [
  { whole: "model.safetensors", shard: /^model-\d{5}-of-\d{5}\.safetensors$/ },
  { whole: "pytorch_model.bin", shard: /^pytorch_model-\d{5}-of-\d{5}\.bin$/ },
] as const;

/** The files that a checkpoint is made of: settings, vocabulary and one form of the weights. Other names are never written to disk. */
export function checkpointFiles({ id, files }: HubModel): HubFile[] {
  const names = new Set(files.map(({ name }) => name));
  for (const { whole, shard } of WEIGHTS) {
    const index = `${whole}.index.json`;
    const wanted = names.has(whole)
      ? (name: string) => name === whole
      : names.has(index)
        ? (name: string) => name === index || shard.test(name)
        : undefined;
    if (wanted) return files.filter(({ name }) => SETTINGS_FILES.has(name) || wanted(name));
  }
  const expected = WEIGHTS.map(({ whole }) => whole).join(" or ");
  throw new CliError("NO_WEIGHTS", `"${id}" has no ${expected}; it has ${[...names].slice(0, 10).join(", ")}.`);
}

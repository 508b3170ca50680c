import type { S3Place } from "./s3-stores.ts";
import { StorageError } from "./storage-error.ts";

/** The object is not there. A bucket that is not there is another thing: it may come back to nobody. */
export function isMissingObject(error: unknown): boolean {
  return nameOf(error) === "NoSuchKey" || nameOf(error) === "NotFound";
}

/** What the SDK threw as an error of ours: what could not be done, why, and what to do. */
export function explainS3(error: unknown, what: string, { bucket, endpoint, region }: S3Place): StorageError {
  if (error instanceof StorageError) return error;
  const [name, status] = [nameOf(error), statusOf(error)];
  const message = error instanceof Error ? error.message : String(error);
  const where = endpoint ?? `S3 in ${region}`;
  const options = { cause: error };
  if (name === "NoSuchBucket") {
    return new StorageError(
      "NOT_FOUND",
      `${where} has no bucket "${bucket}". Create it, or set MEDLEY_BLOBS.`,
      options,
    );
  }
  if (status === 403 || status === 401 || name === "CredentialsProviderError") {
    const hint = "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the rights of their owner";
    return new StorageError("INVALID_VALUE", `${what} may not be used (${name}: ${message}). ${hint}.`, options);
  }
  if (status === undefined || status >= 500 || status === 429 || name === "TimeoutError") {
    const hint = "Check the service and S3_ENDPOINT; run the call again";
    return new StorageError("UNREACHABLE", `${where} does not answer for ${what} (${message}). ${hint}.`, {
      ...options,
      retryable: true,
    });
  }
  return new StorageError("INVALID_VALUE", `${where} refused ${what} (${name}: ${message}).`, options);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}

/** HTTP status of the answer; undefined when there was none. */
function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata?.httpStatusCode;
}

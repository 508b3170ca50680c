import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import type * as Sdk from "@aws-sdk/client-s3";
import type { BlobStore, StoredFile, VariantStore } from "./picture-stores.ts";
import { explainS3, isMissingObject } from "./s3-errors.ts";
import { requireVariant } from "./blobs.ts";
import { StorageError } from "./storage-error.ts";

/** A bucket of an S3-compatible service. Credentials come from where the AWS SDK looks for them: environment, profile, role of the machine. */
export interface S3Place {
  readonly bucket: string;
  /** What keys begin with, with a slash at its end; empty for the whole bucket. */
  readonly prefix: string;
  /** Absent: that of AWS in the region. With one, buckets are named in the path. */
  readonly endpoint?: string;
  readonly region: string;
}

/** How long a connection may take, and how long one may say nothing. The SDK tries three times. */
const CONNECT_MS = 5_000;
const SILENT_MS = 30_000;

interface Bucket {
  readonly client: Sdk.S3Client;
  readonly sdk: typeof Sdk;
  readonly place: S3Place;
}

/**
 * Originals under `<prefix>blobs/ab/cd/<sha256>`, what is derived from them under `<prefix>thumbnails/ab/cd/<sha256>.<variant>`. The service checks the SHA-256 of
 * what it is sent, so that an object is whole or not there; what comes back is checked here. The SDK is loaded with the first call.
 */
export function openS3Stores(place: S3Place): { blobs: BlobStore; thumbnails: VariantStore } {
  let opening: Promise<Bucket> | undefined;
  const bucket = () => (opening ??= openBucket(place));
  const at = (key: string) => `s3://${place.bucket}/${key}`;
  const blobKey = (sha256: string) => `${place.prefix}blobs/${fannedKey(sha256)}`;
  const variantKey = (sha256: string, variant: string) =>
    `${place.prefix}thumbnails/${fannedKey(sha256)}.${requireVariant(variant)}`;
  /** Every call to the service: what it throws becomes an error of ours. */
  const call = async <T>(key: string, work: (bucket: Bucket) => Promise<T>): Promise<T> => {
    try {
      return await work(await bucket());
    } catch (error) {
      throw explainS3(error, at(key), place);
    }
  };
  const find = async (key: string): Promise<StoredFile | undefined> => {
    const sizeBytes = await call(key, (opened) => sizeOf(opened, key));
    if (sizeBytes === undefined) return undefined;
    return { sizeBytes, open: () => call(key, async (opened) => (await get(opened, key)).stream) };
  };
  const readAll = (key: string) => call(key, (opened) => readObject(opened, key));
  /** One that something else has cut off is written again: its name says what belongs into it. */
  const isWhole = async (key: string, sizeBytes: number) => (await find(key))?.sizeBytes === sizeBytes;
  const has = async (key: string) => (await find(key)) !== undefined;
  const write = (key: string, content: Content) => call(key, (opened) => putObject(opened, key, content));
  const remove = (key: string) => call(key, (opened) => removeObject(opened, key));

  const blobs: BlobStore = {
    placeOf: (sha256) => at(blobKey(sha256)),
    has: (sha256) => has(blobKey(sha256)),
    find: (sha256) => find(blobKey(sha256)),
    remove: (sha256) => remove(blobKey(sha256)),
    async put(bytes) {
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      if (!(await isWhole(blobKey(sha256), bytes.length))) {
        await write(blobKey(sha256), { body: bytes, sizeBytes: bytes.length, sha256 });
      }
      return sha256;
    },
    async putFile(path) {
      const sha256 = await sha256OfFile(path);
      const { size: sizeBytes } = await stat(path);
      // The file is read a second time; one that changed in between is refused by the service, because its SHA-256 is another one.
      if (!(await isWhole(blobKey(sha256), sizeBytes))) {
        await write(blobKey(sha256), { body: createReadStream(path), sizeBytes, sha256 });
      }
      return sha256;
    },
    async read(sha256) {
      const bytes = await readAll(blobKey(sha256));
      if (bytes === undefined) throw new StorageError("NOT_FOUND", `${at(blobKey(sha256))} does not exist.`);
      const found = createHash("sha256").update(bytes).digest("hex");
      if (found === sha256) return bytes;
      const message = `${at(blobKey(sha256))} is damaged: its SHA-256 is ${found}. Remove it, and ingest the picture again.`;
      throw new StorageError("INVALID_VALUE", message);
    },
  };
  const thumbnails: VariantStore = {
    read: (sha256, variant) => readAll(variantKey(sha256, variant)),
    has: (sha256, variant) => has(variantKey(sha256, variant)),
    find: (sha256, variant) => find(variantKey(sha256, variant)),
    remove: (sha256, variant) => remove(variantKey(sha256, variant)),
    async write(sha256, variant, bytes) {
      const digest = createHash("sha256").update(bytes).digest("hex");
      await write(variantKey(sha256, variant), { body: bytes, sizeBytes: bytes.length, sha256: digest });
    },
    async removeAll(sha256) {
      const stem = `${place.prefix}thumbnails/${fannedKey(sha256)}.`;
      await call(stem, async (opened) => {
        for (const key of await listKeys(opened, stem)) await removeObject(opened, key);
      });
    },
  };
  return { blobs, thumbnails };
}

/** Writes, reads and removes an object. Throws a StorageError that says what is wrong with the bucket or the credentials. */
export async function checkS3(place: S3Place): Promise<void> {
  const key = `${place.prefix}medley-check-${process.pid}`;
  try {
    const bucket = await openBucket(place);
    const body = Buffer.from("Medley can write here.");
    const sha256 = createHash("sha256").update(body).digest("hex");
    await putObject(bucket, key, { body, sizeBytes: body.length, sha256 });
    if (!(await readObject(bucket, key))?.equals(body)) throw new Error("What was written did not come back.");
    await removeObject(bucket, key);
  } catch (error) {
    throw explainS3(error, `s3://${place.bucket}/${key}`, place);
  }
}

async function openBucket(place: S3Place): Promise<Bucket> {
  const sdk = await import("@aws-sdk/client-s3");
  const { endpoint, region } = place;
  const client = new sdk.S3Client({
    region,
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    // Checksums that this store names itself; services that are not AWS refuse the SDK's own.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: SILENT_MS },
  });
  return { client, sdk, place };
}

/** As on disk, so that a bucket can be filled by copying a folder. Also keeps what is no hash out of every key. */
function fannedKey(sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256)) {
    throw new StorageError("INVALID_VALUE", `"${sha256}" is not a sha256 of 64 lower-case hexadecimal digits.`);
  }
  return `${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`;
}

interface Content {
  readonly body: Uint8Array | Readable;
  readonly sizeBytes: number;
  readonly sha256: string;
}

async function putObject({ client, sdk, place }: Bucket, key: string, content: Content): Promise<void> {
  const { body, sizeBytes, sha256 } = content;
  const input: Sdk.PutObjectCommandInput = {
    Bucket: place.bucket,
    Key: key,
    Body: body,
    ContentLength: sizeBytes,
    ChecksumSHA256: Buffer.from(sha256, "hex").toString("base64"),
  };
  await client.send(new sdk.PutObjectCommand(input));
}

async function sizeOf({ client, sdk, place }: Bucket, key: string): Promise<number | undefined> {
  try {
    const head = await client.send(new sdk.HeadObjectCommand({ Bucket: place.bucket, Key: key }));
    return head.ContentLength ?? 0;
  } catch (error) {
    if (isMissingObject(error)) return undefined;
    throw error;
  }
}

async function get({ client, sdk, place }: Bucket, key: string): Promise<{ stream: Readable }> {
  const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket: place.bucket, Key: key }));
  if (Body === undefined) throw new Error("The service answered without a body.");
  return { stream: Body as Readable };
}

async function readObject(bucket: Bucket, key: string): Promise<Buffer | undefined> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of (await get(bucket, key)).stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  } catch (error) {
    if (isMissingObject(error)) return undefined;
    throw error;
  }
}

async function removeObject({ client, sdk, place }: Bucket, key: string): Promise<void> {
  await client.send(new sdk.DeleteObjectCommand({ Bucket: place.bucket, Key: key }));
}

/** A blob has a handful of variants: one page of the list. */
async function listKeys({ client, sdk, place }: Bucket, prefix: string): Promise<string[]> {
  const list = await client.send(new sdk.ListObjectsV2Command({ Bucket: place.bucket, Prefix: prefix }));
  return (list.Contents ?? []).flatMap(({ Key }) => Key ?? []);
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

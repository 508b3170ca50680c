import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import S3rver from "s3rver";
import type { S3Place } from "../s3-stores.ts";

/** An S3-compatible service on loopback with one bucket. For tests only. */
export interface TestS3 extends AsyncDisposable {
  readonly place: S3Place;
  /** The place as variables of the environment, credentials included. */
  readonly environment: Readonly<Record<string, string>>;
  /** Folder in which the service keeps its objects. */
  readonly directory: string;
}

const BUCKET = "pictures";
const CREDENTIALS = { AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "S3RVER" };

/** Sets the credentials of this process as well, which is where the SDK looks for them. */
export async function openTestS3({ port = 0 } = {}): Promise<TestS3> {
  const directory = mkdtempSync(join(tmpdir(), "medley-s3-"));
  const server = new S3rver({
    address: "127.0.0.1",
    port,
    silent: true,
    directory,
    configureBuckets: [{ name: BUCKET }],
  });
  const { port: found } = await server.run();
  Object.assign(process.env, CREDENTIALS);
  const place = { bucket: BUCKET, prefix: "test/", endpoint: `http://127.0.0.1:${found}`, region: "us-east-1" };
  const environment = { ...CREDENTIALS, MEDLEY_BLOBS: `s3://${BUCKET}/test`, S3_ENDPOINT: place.endpoint };
  let closing: Promise<void> | undefined;
  return { place, environment, directory, [Symbol.asyncDispose]: () => (closing ??= server.close()) };
}

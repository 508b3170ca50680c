import type { MedleyClient, RequestOptions } from "./client.ts";
import {
  OperationUpdatedDocument,
  type OperationUpdatedSubscription,
  UploadUpdatedDocument,
  type UploadUpdatedSubscription,
} from "./generated/graphql.ts";

export type Operation = OperationUpdatedSubscription["operationUpdated"];
export type Upload = UploadUpdatedSubscription["uploadUpdated"];

/** An operation: first as it is now, then at every change, until it is finished. */
export async function* watchOperation(
  client: MedleyClient,
  operationId: string,
  { signal }: RequestOptions = {},
): AsyncGenerator<Operation, void, undefined> {
  const events = client.subscribe(OperationUpdatedDocument, { id: operationId }, { signal });
  for await (const { operationUpdated } of events) yield operationUpdated;
}

/** An upload: first as it is now, then at every change, until it is INGESTED or REJECTED. */
export async function* watchUpload(
  client: MedleyClient,
  uploadId: string,
  { signal }: RequestOptions = {},
): AsyncGenerator<Upload, void, undefined> {
  const events = client.subscribe(UploadUpdatedDocument, { id: uploadId }, { signal });
  for await (const { uploadUpdated } of events) yield uploadUpdated;
}

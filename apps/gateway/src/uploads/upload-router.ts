import { findUpload, type Upload } from "@medley/storage";
import { type Request, type Response, Router } from "express";
import type { GatewayDependencies } from "../context.ts";
import type { UploadReceiver } from "./receive-upload.ts";
import { UPLOAD_STATUS, UploadError } from "./upload-error.ts";
import { readUploadToken } from "./upload-token.ts";

type UploadRouterDependencies = Pick<GatewayDependencies, "db" | "uploadKey"> & { readonly uploads: UploadReceiver };

/** Each holds a file open and may wait for the disk; more of them at once are told to come back. */
const CONCURRENT_UPLOADS = 64;

/**
 * `PUT /uploads/TOKEN` takes the bytes of an upload, from `Upload-Offset` on; `HEAD` and `GET` say how far it is. The token alone gives the right to
 * it: no cookie or key is looked at, so that there is nothing for another site to misuse.
 */
export function createUploadRouter(dependencies: UploadRouterDependencies): Router {
  const router = Router();
  let running = 0;
  router
    .route("/uploads/:token")
    .get((request, response) => answer(response, () => showUpload(dependencies, request, response)))
    .put((request, response) =>
      answer(response, async () => {
        if (running >= CONCURRENT_UPLOADS) {
          throw new UploadError("OVERLOADED", "Too many uploads are running. Send this one again in a moment.");
        }
        running += 1;
        try {
          await takeBytes(dependencies, request, response);
        } finally {
          running -= 1;
        }
      }),
    )
    .all((request, response) =>
      answer(response, async () => {
        response.set("Allow", "PUT, HEAD, GET");
        throw new UploadError("METHOD_NOT_ALLOWED", `${request.method} is not known here, expected PUT, HEAD or GET.`);
      }),
    );
  return router;
}

async function answer(response: Response, work: () => Promise<void>): Promise<void> {
  response.set("Cache-Control", "no-store");
  try {
    await work();
  } catch (error) {
    // The sender went away in the middle; what came is kept.
    if (response.req.destroyed && !response.req.complete) return;
    if (!(error instanceof UploadError)) throw error;
    if (error.receivedBytes !== null) response.set("Upload-Offset", String(error.receivedBytes));
    if (error.code === "OVERLOADED") response.set("Retry-After", "1");
    const { code, message, retryable } = error;
    response.status(UPLOAD_STATUS[code]).json({ error: message, code, retryable });
    // The rest of what it sends is read and dropped, so that it comes to read this.
    response.req.resume();
  }
}

async function showUpload(
  { db, uploads, uploadKey }: UploadRouterDependencies,
  request: Request,
  response: Response,
): Promise<void> {
  const uploadId = readGrant(uploadKey, request);
  const upload = await findUpload(db, uploadId);
  if (upload === null) throw new UploadError("NOT_FOUND", `There is no upload "${uploadId}". Create one.`);
  sendUpload(response, 200, { ...upload, receivedBytes: await uploads.receivedBytes(upload) });
}

async function takeBytes(
  { uploads, uploadKey }: UploadRouterDependencies,
  request: Request,
  response: Response,
): Promise<void> {
  const uploadId = readGrant(uploadKey, request);
  const offset = readNumber(request, "Upload-Offset") ?? 0;
  const length = readNumber(request, "Content-Length") ?? (request.get("Transfer-Encoding") === undefined ? 0 : null);
  const upload = await uploads.receive({ uploadId, offset, length, complete: readComplete(request), body: request });
  sendUpload(response, upload.state === "RECEIVING" ? 202 : 201, upload);
}

function sendUpload(response: Response, status: number, upload: Upload): void {
  const { id, state, receivedBytes, sizeBytes, sha256, imageId, errorCode, errorMessage } = upload;
  const error = errorCode === null ? null : { code: errorCode, message: errorMessage };
  response
    .status(status)
    .set("Upload-Offset", String(receivedBytes))
    .set("Upload-Complete", state === "RECEIVING" ? "?0" : "?1")
    .json({ id, state, receivedBytes, sizeBytes, sha256, imageId, error });
}

/** The upload that the token in the path is for. */
function readGrant(uploadKey: string, request: Request): string {
  const grant = readUploadToken(uploadKey, String(request.params["token"]));
  if (grant === null) {
    throw new UploadError("INVALID_TOKEN", "The address is not one that createUpload of this installation gave.");
  }
  if (grant.expiresAt.getTime() <= Date.now()) {
    throw new UploadError("EXPIRED", `The address expired at ${grant.expiresAt.toISOString()}. Create another upload.`);
  }
  return grant.uploadId;
}

function readNumber(request: Request, header: string): number | null {
  const text = request.get(header);
  if (text === undefined) return null;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UploadError("INVALID_HEADER", `${header} is "${text}", expected a number of bytes.`);
}

/** Structured fields write true as ?1. Absent: the file ends with this request, as for any PUT. */
function readComplete(request: Request): boolean {
  const text = request.get("Upload-Complete");
  if (text === undefined || text === "?1") return true;
  if (text === "?0") return false;
  throw new UploadError("INVALID_HEADER", `Upload-Complete is "${text}", expected ?1 or ?0.`);
}

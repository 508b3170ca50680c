import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { renderHeatMap } from "@medley/media/heat-map";
import { findImage, type Image } from "@medley/storage";
import type { StoredFile } from "@medley/storage/picture-stores";
import { type Request, type Response, Router } from "express";
import type { Access } from "./access/access.ts";
import { AccessError } from "./access/access-error.ts";
import { roleIn } from "./access/viewer.ts";
import type { GatewayDependencies } from "./context.ts";
import { gridOf, overlaySize } from "./evidence-overlay.ts";

/** Names of image formats as the content types that browsers know. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
  gif: "image/gif",
  tiff: "image/tiff",
  heif: "image/heif",
  heic: "image/heic",
  avif: "image/avif",
  svg: "image/svg+xml",
};

type PictureDependencies = Pick<GatewayDependencies, "db" | "blobs" | "thumbnails">;

/**
 * `/images/:id` gives the original bytes, `/thumbnails/:id` the small WebP file, or the original while there is none, and `/evidence/:id` a transparent PNG of the
 * map in its address, to be laid over the picture.
 */
export function createPictureRouter(dependencies: PictureDependencies, access: Access): Router {
  const router = Router();
  router.get("/images/:id", async (request, response) => {
    const image = await requirePicture(dependencies, access, request, response);
    if (image !== null) await sendOriginal(dependencies, image, request, response, await cachingOf(access));
  });
  router.get("/thumbnails/:id", async (request, response) => {
    const image = await requirePicture(dependencies, access, request, response);
    if (image === null) return;
    const caching = await cachingOf(access);
    const file = await dependencies.thumbnails.find(image.sha256, THUMBNAIL);
    // The fallback is not immutable: ingest may write the small file a moment later.
    if (file === undefined) return sendOriginal(dependencies, image, request, response, "no-cache");
    const head = { contentType: "image/webp", etag: `"${image.sha256}-thumbnail"`, caching };
    await sendFile(file, head, request, response);
  });
  router.get("/evidence/:id", async (request, response) => {
    const image = await requirePicture(dependencies, access, request, response);
    if (image !== null) await sendOverlay(image, request, response, await cachingOf(access));
  });
  return router;
}

/** The variant that ingest writes: 320 pixels on the longer side. */
const THUMBNAIL = "320.webp";
/** The bytes behind an id never change. Pictures that need a key may be kept by the browser that had one, and by no proxy. */
async function cachingOf(access: Access): Promise<string> {
  return `${(await access.isClosed()) ? "private" : "public"}, max-age=31536000, immutable`;
}

/** The picture, when the caller may see it; otherwise the answer was sent, or the caller is told to show a key. */
async function requirePicture(
  { db }: PictureDependencies,
  access: Access,
  request: Request,
  response: Response,
): Promise<Image | null> {
  const id = String(request.params["id"]);
  const maySee = await rightToSee(access, id, request);
  const image = await findImage(db, id);
  if (image !== null && maySee(image)) return image;
  response.status(404).json({ error: `There is no image "${id}".` });
  return null;
}

/** A good seal is the right to see this picture; without one the header must say who asks. Decided before the picture is looked for. */
async function rightToSee(access: Access, id: string, request: Request): Promise<(image: Image) => boolean> {
  const { until, seal } = request.query;
  if (access.links.isGood(id, until, seal)) return () => true;
  if (seal !== undefined && request.get("Authorization") === undefined && (await access.isClosed())) {
    const message = "The link has expired or was changed. Ask GraphQL for the picture's url again.";
    throw new AccessError("UNAUTHENTICATED", message);
  }
  const viewer = await access.authenticate(request.get("Authorization"));
  return ({ corpusId }) => roleIn(viewer, corpusId) !== null;
}

async function sendOriginal(
  { blobs }: PictureDependencies,
  image: Image,
  request: Request,
  response: Response,
  caching: string,
): Promise<void> {
  const file = await blobs.find(image.sha256);
  if (file === undefined) {
    const message = `The bytes of image "${image.id}" (${image.sha256}) are not in the content store.`;
    response.status(404).json({ error: message });
    return;
  }
  const contentType = CONTENT_TYPES[image.format ?? ""] ?? "application/octet-stream";
  await sendFile(file, { contentType, etag: `"${image.sha256}"`, caching }, request, response);
}

async function sendOverlay(image: Image, request: Request, response: Response, caching: string): Promise<void> {
  const { map } = request.query;
  const grid = gridOf(map);
  if (grid === null) {
    const message = "The address holds no evidence map. Ask GraphQL for overlayUrl, and use it as it is.";
    response.status(400).json({ error: message });
    return;
  }
  const size = overlaySize(image);
  const name = createHash("sha256")
    .update(`${String(map)} ${size.width}x${size.height}`)
    .digest("base64url");
  const png = await renderHeatMap(grid, size);
  const file = { sizeBytes: png.length, open: async () => Readable.from([png]) };
  await sendFile(file, { contentType: "image/png", etag: `"evidence-${name}"`, caching }, request, response);
}

interface FileHead {
  readonly contentType: string;
  readonly etag: string;
  readonly caching: string;
}

async function sendFile(file: StoredFile, head: FileHead, request: Request, response: Response): Promise<void> {
  response.set("ETag", head.etag).set("Cache-Control", head.caching);
  // A picture may be an SVG with a script in it: opened by itself it must be able to do nothing.
  response.set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox");
  response.set("Cross-Origin-Resource-Policy", "cross-origin");
  if (hasAlready(request, head.etag)) {
    response.status(304).end();
    return;
  }
  response.set("Content-Type", head.contentType).set("Content-Length", String(file.sizeBytes));
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  await pipeline(await file.open(), response).catch((error: NodeJS.ErrnoException) => {
    // The browser went away, which is its right.
    if (error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  });
}

/** Also for requests that say no-cache: the bytes behind an ETag of ours never change. */
function hasAlready(request: Request, etag: string): boolean {
  const known = request.get("If-None-Match")?.split(",") ?? [];
  return known.some((tag) => tag.trim().replace(/^W\//, "") === etag);
}

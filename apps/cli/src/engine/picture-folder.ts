import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type ImageInput, InferenceError } from "@medley/inference-api";
import { openBlobStore } from "@medley/storage/blobs";
import type { PictureStores } from "./worker-resources.ts";

const PREFIX = "evaluation-";
/** Workers may be writing tokens while the command is given up. */
const REMOVAL = { recursive: true, force: true, maxRetries: 3 } as const;

/** Pictures of a data set as the engine's content store, for as long as a command runs. */
export interface PictureFolder extends AsyncDisposable {
  readonly stores: PictureStores;
  /** The picture by its sha256. Rejects with InferenceError IMAGE_NOT_FOUND. */
  readonly add: (path: string) => Promise<ImageInput>;
}

/**
 * A content store of links to the pictures where they are, beside a store of image tokens: each picture goes through the vision
 * transformer once, however many texts it meets. Tokens take up to 0.9 MB a picture, so all of it goes when the command ends,
 * also by Ctrl-C; what a killed one left goes with the next.
 */
export async function openPictureFolder(home: string): Promise<PictureFolder> {
  await mkdir(home, { recursive: true });
  await removeAbandoned(home);
  const directory = await mkdtemp(join(home, `${PREFIX}${process.pid}-`));
  const stores = {
    blobDirectory: join(directory, "blobs"),
    thumbnailDirectory: join(directory, "thumbnails"),
    tokenDirectory: join(directory, "tokens"),
  };
  const blobs = openBlobStore({ directory: stores.blobDirectory });
  const added = new Map<string, Promise<ImageInput>>();
  const removeNow = () => rmSync(directory, REMOVAL);
  const onSignal = () => process.exit(130);
  // "exit" also comes when the reader of the output has gone (| head).
  process.on("exit", removeNow);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, onSignal);

  async function link(path: string): Promise<ImageInput> {
    const sha256 = createHash("sha256")
      .update(await readPicture(path))
      .digest("hex");
    const place = blobs.pathOf(sha256);
    await mkdir(dirname(place), { recursive: true });
    await symlink(resolve(path), place).catch((error: NodeJS.ErrnoException) => {
      // Two names of the same bytes.
      if (error.code !== "EEXIST") throw error;
    });
    return { sha256 };
  }

  return {
    stores,
    add(path) {
      const earlier = added.get(path);
      if (earlier) return earlier;
      const adding = link(path);
      added.set(path, adding);
      return adding;
    },
    async [Symbol.asyncDispose]() {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, onSignal);
      process.off("exit", removeNow);
      await rm(directory, REMOVAL);
    },
  };
}

async function readPicture(path: string): Promise<Uint8Array> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    const missing = error.code === "ENOENT" || error.code === "ENOTDIR";
    const reason = missing ? "there is no such file" : error.message;
    throw new InferenceError("IMAGE_NOT_FOUND", `The picture "${path}" cannot be read: ${reason}.`, { cause: error });
  });
}

/** Folders of commands that are gone: their name holds the process's number. */
async function removeAbandoned(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    const pid = name.startsWith(PREFIX) ? Number.parseInt(name.slice(PREFIX.length), 10) : Number.NaN;
    if (pid > 0 && !isAlive(pid)) await rm(join(home, name), REMOVAL);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

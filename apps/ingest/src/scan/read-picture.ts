import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { fileError, IngestError } from "../ingest-error.ts";

/** Reads a whole file within the size limit. Throws IngestError; what is not a regular file is not waited for. */
export async function readPicture(file: string, options: { readonly maxBytes: number }): Promise<Buffer> {
  // Without O_NONBLOCK opening a named pipe would wait for a writer for ever.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw fileError(file, error);
  });
  try {
    const found = await handle.stat();
    if (!found.isFile())
      throw new IngestError("NOT_A_FILE", `"${file}" is not a regular file, expected a picture file.`);
    if (found.size === 0) throw new IngestError("EMPTY_FILE", `"${file}" has 0 bytes, expected a picture.`);
    if (found.size > options.maxBytes) {
      const limit = `the limit is ${options.maxBytes}. Scale it down, or raise MEDLEY_MAX_BYTES.`;
      throw new IngestError("FILE_TOO_LARGE", `"${file}" has ${found.size} bytes, ${limit}`);
    }
    return await handle.readFile();
  } catch (error) {
    throw error instanceof IngestError ? error : fileError(file, error);
  } finally {
    await handle.close();
  }
}

import type { FileHandle } from "node:fs/promises";
import { open, realpath, stat } from "node:fs/promises";
import { CheckpointError } from "./checkpoint-error.ts";
import { quote } from "./quote.ts";

/** A regular file that is open for reading. */
export interface OpenedFile {
  /** Absolute, with every symbolic link resolved. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Exactly these bytes, or a TRUNCATED error. */
  read(offsetBytes: number, lengthBytes: number): Promise<Buffer>;
}

// One read system call on Linux moves at most 2,147,479,552 bytes.
const MAX_BYTES_PER_READ = 2 ** 30;

/** Opens the file, passes it on and closes it, whatever happens. */
export async function withFile<T>(path: string, use: (file: OpenedFile) => Promise<T>): Promise<T> {
  const { handle, real } = await openRegularFile(path);
  try {
    const { size } = await handle.stat();
    return await use({
      path: real,
      sizeBytes: size,
      read: (offsetBytes, lengthBytes) => readExactly(handle, real, size, offsetBytes, lengthBytes),
    });
  } finally {
    await handle.close();
  }
}

async function openRegularFile(path: string): Promise<{ handle: FileHandle; real: string }> {
  try {
    const real = await realpath(path);
    // Checked before opening: to open a named pipe would wait for its writer for ever.
    if (!(await stat(real)).isFile()) {
      throw new CheckpointError(
        "UNSUPPORTED",
        `${quote(path)} is not a regular file. Give the path of a checkpoint file.`,
      );
    }
    return { handle: await open(real, "r"), real };
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new CheckpointError(
      "NOT_FOUND",
      `${quote(path)} cannot be opened (${reason}). Check the path and its rights.`,
      {
        cause: error,
      },
    );
  }
}

async function readExactly(
  handle: FileHandle,
  path: string,
  sizeBytes: number,
  offsetBytes: number,
  lengthBytes: number,
): Promise<Buffer> {
  // Checked before the buffer is made, so that a false length costs nothing.
  if (offsetBytes + lengthBytes > sizeBytes) throw endsEarly(path, sizeBytes, offsetBytes + lengthBytes);
  // Not allocUnsafe: its pool hands out slices whose offset a typed array cannot start at.
  const bytes = Buffer.from(new ArrayBuffer(lengthBytes));
  let done = 0;
  while (done < lengthBytes) {
    const wanted = Math.min(lengthBytes - done, MAX_BYTES_PER_READ);
    const { bytesRead } = await handle.read(bytes, done, wanted, offsetBytes + done);
    if (bytesRead === 0) throw endsEarly(path, offsetBytes + done, offsetBytes + lengthBytes);
    done += bytesRead;
  }
  return bytes;
}

function endsEarly(path: string, sizeBytes: number, expectedBytes: number): CheckpointError {
  return new CheckpointError(
    "TRUNCATED",
    `${quote(path)} has ${sizeBytes} bytes, expected at least ${expectedBytes}. Download or copy it again.`,
  );
}

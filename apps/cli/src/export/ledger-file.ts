import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { promisify } from "node:util";
import { createGunzip, gzip } from "node:zlib";
import { type FileRecord, SealedOutput } from "./sealed-output.ts";

const compress = promisify(gzip);
const LINE_FEED = 0x0a;

/** Lines of JSON, compressed; every part is a gzip member of its own, so that the same parts give the same bytes. */
export class LedgerOutput implements AsyncDisposable {
  readonly #output: SealedOutput;
  lines = 0;

  private constructor(output: SealedOutput) {
    this.#output = output;
  }

  static async open(directory: string, name: string): Promise<LedgerOutput> {
    return new LedgerOutput(await SealedOutput.open(directory, name));
  }

  async write(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    this.lines += lines.length;
    await this.#output.write(await compress(lines.map((line) => `${line}\n`).join("")));
  }

  async seal(): Promise<FileRecord> {
    return await this.#output.seal();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#output[Symbol.asyncDispose]();
  }
}

/** The lines of a ledger file, one at a time. Only line feeds end them: node:readline would also cut at U+2028, which texts may hold. */
export async function* readLedger(path: string): AsyncGenerator<string> {
  const source = createReadStream(path);
  const plain = createGunzip();
  source.once("error", (error) => plain.destroy(error));
  source.pipe(plain);
  let begun: Buffer[] = [];
  try {
    for await (const chunk of plain as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
        begun.push(chunk.subarray(from, end));
        yield Buffer.concat(begun).toString();
        begun = [];
        from = end + 1;
      }
      if (from < chunk.length) begun.push(chunk.subarray(from));
    }
    if (begun.length > 0) yield Buffer.concat(begun).toString();
  } finally {
    source.destroy();
    plain.destroy();
  }
}

/** Compares ledgers whatever the corpus is called: the SHA-256 of their lines, without the name in the first one. */
export async function ledgerDigest(lines: AsyncIterable<string>): Promise<string> {
  const hash = createHash("sha256");
  let isFirst = true;
  for await (const line of lines) {
    hash.update(isFirst ? JSON.stringify({ ...(JSON.parse(line) as object), name: "" }) : line).update("\n");
    isFirst = false;
  }
  return hash.digest("hex");
}

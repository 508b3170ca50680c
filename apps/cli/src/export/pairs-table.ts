import { type BasicType, ByteWriter, ParquetWriter, schemaFromColumnData } from "hyparquet-writer";
import type { PairRecord } from "./pair-record.ts";
import { type FileRecord, SealedOutput } from "./sealed-output.ts";

/** A row of the table: a caption with its text, as in the JSON of a sample. */
export type PairRow = PairRecord & { readonly text: string };

type Column = { readonly name: keyof PairRow; readonly type: BasicType };

const COLUMNS: readonly Column[] = [
  ...strings("captionId", "imageId", "sha256", "text", "captionSource", "verdict", "reason", "reviewer"),
  ...numbers("matchProbability", "itmLogit", "itmNoMatchLogit", "itcCosine"),
  ...strings("filterFingerprint"),
  { name: "policyVersion", type: "INT32" },
  ...strings("captionerFingerprint", "runId", "prompt"),
  { name: "decoding", type: "JSON" },
  { name: "seed", type: "INT64" },
  ...numbers("logProbability"),
  ...strings("partOf", "language", "author", "createdAt", "licence", "source", "group"),
  { name: "width", type: "INT32" },
  { name: "height", type: "INT32" },
  { name: "origins", type: "JSON" },
  { name: "attributes", type: "JSON" },
];

function strings(...names: readonly (keyof PairRow)[]): Column[] {
  return names.map((name) => ({ name, type: "STRING" }));
}

function numbers(...names: readonly (keyof PairRow)[]): Column[] {
  return names.map((name) => ({ name, type: "DOUBLE" }));
}

/** Rows of a row group, which is held in memory; long texts end it earlier. */
const GROUP_ROWS = 10_000;
const GROUP_CHARACTERS = 8_000_000;

/** The Parquet file, written one row group after the other. */
export class PairsTable implements AsyncDisposable {
  readonly #output: SealedOutput;
  readonly #bytes = new ByteWriter();
  readonly #parquet: ParquetWriter;
  #rows: PairRow[] = [];
  #characters = 0;

  private constructor(output: SealedOutput) {
    this.#output = output;
    const schema = schemaFromColumnData({ columnData: COLUMNS.map((column) => ({ ...column, data: [] })) });
    this.#parquet = new ParquetWriter({ writer: this.#bytes, schema, createdBy: "medley" });
  }

  static async open(directory: string, name: string): Promise<PairsTable> {
    return new PairsTable(await SealedOutput.open(directory, name));
  }

  async add(row: PairRow): Promise<void> {
    this.#rows.push(row);
    this.#characters += row.text.length;
    if (this.#rows.length >= GROUP_ROWS || this.#characters >= GROUP_CHARACTERS) await this.#writeGroup();
  }

  async seal(): Promise<FileRecord> {
    await this.#writeGroup();
    await this.#parquet.finish();
    await this.#flush();
    return await this.#output.seal();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#output[Symbol.asyncDispose]();
  }

  async #writeGroup(): Promise<void> {
    const rows = this.#rows;
    [this.#rows, this.#characters] = [[], 0];
    if (rows.length === 0) return;
    const columnData = COLUMNS.map((column) => ({ ...column, data: rows.map((row) => storedValue(row, column)) }));
    await this.#parquet.write({ columnData, rowGroupSize: rows.length });
    await this.#flush();
  }

  async #flush(): Promise<void> {
    await this.#output.write(this.#bytes.getBytes().slice());
    this.#bytes.index = 0;
  }
}

function storedValue(row: PairRow, { name, type }: Column): unknown {
  const value = row[name];
  if (value === null || value === undefined) return null;
  return type === "INT64" ? BigInt(value as number) : value;
}

import { readFile } from "node:fs/promises";
import { type AttributeSchema, declareAttributes, parseAttributeSchema } from "@medley/storage";
import type { IngestContext } from "./ingest-context.ts";
import { fileError } from "./ingest-error.ts";

/** The declarations of a file. Throws IngestError or StorageError with a sentence. */
export async function readAttributeFile(file: string): Promise<AttributeSchema> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw fileError(file, error);
  });
  return parseAttributeSchema(text, file);
}

/** Declares the attributes of the corpus before its pictures come in; the same ones again change nothing. */
export async function declareForRun(
  { db }: Pick<IngestContext, "db">,
  corpusId: string,
  schema: AttributeSchema,
  onNote: (note: string) => void,
): Promise<void> {
  const { converted, unfit, examples } = await db.transaction((tx) => declareAttributes(tx, corpusId, schema));
  if (converted > 0) onNote(`The attributes of ${converted} pictures were given the declared types.`);
  const [first] = examples;
  if (!first) return;
  const example = `${first.origin ?? first.imageId}: ${first.problems[0]}`;
  onNote(`${unfit} pictures do not fit the declared attributes and stay as they are, such as ${example}`);
}

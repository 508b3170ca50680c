import { readFile } from "node:fs/promises";
import type { Settings } from "@medley/config";
import {
  type AttributeSchema,
  attributeSchemaOf,
  declareAttributes,
  type Declared,
  describeDeclaration,
  ensureCorpus,
  findCorpus,
  openDatabase,
  parseAttributeSchema,
} from "@medley/storage";
import { CliError } from "../cli-error.ts";
import { databaseOptions } from "../database-options.ts";
import { describeNewCorpus, withCorpus } from "../with-corpus.ts";
import { note, writeLine, writeRecord } from "../output.ts";

interface CorpusOptions {
  readonly corpus: string;
  readonly json: boolean;
}

/** Prints what a corpus declares, one attribute a line. */
export async function showAttributes(settings: Settings, { corpus, json }: CorpusOptions): Promise<void> {
  await using db = await openDatabase(databaseOptions(settings));
  const found = await findCorpus(db, corpus);
  if (!found) throw new CliError("CORPUS_NOT_FOUND", `There is no corpus "${corpus}". Ingest into it first.`);
  const schema = await attributeSchemaOf(db, found.id);
  if (json) return await writeRecord({ corpus, attributes: schema });
  if (schema.length === 0) note(`Corpus "${corpus}" declares nothing: attributes may hold anything.`);
  for (const declaration of schema) {
    const required = declaration.required ? "; required" : "";
    await writeLine(`${declaration.name}: ${describeDeclaration(declaration)}${required}`);
  }
}

/** Declares what the file says; the corpus is created when there is none, so that its first pictures are checked already. */
export async function setAttributes(settings: Settings, file: string, options: CorpusOptions): Promise<void> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError("FILE_NOT_FOUND", `"${file}" cannot be read: ${reason}.`, { cause: error });
  });
  await declare(settings, options, parseAttributeSchema(text, file));
}

export async function clearAttributes(settings: Settings, options: CorpusOptions): Promise<void> {
  // A name with a mistake in it must not become a corpus: there is nothing to clear in a new one.
  await withCorpus(settings, options.corpus, async () => {});
  await declare(settings, options, []);
}

async function declare(settings: Settings, { corpus, json }: CorpusOptions, schema: AttributeSchema): Promise<void> {
  await using db = await openDatabase(databaseOptions(settings));
  if ((await findCorpus(db, corpus)) === null) note(describeNewCorpus(corpus));
  const { id } = await ensureCorpus(db, { name: corpus });
  const declared = await db.transaction((tx) => declareAttributes(tx, id, schema));
  if (json) return await writeRecord({ corpus, attributes: schema, ...declared });
  for (const line of describeDeclared(corpus, declared)) note(line);
}

function describeDeclared(corpus: string, { changed, converted, unfit, examples }: Declared): string[] {
  if (!changed) return [`Corpus "${corpus}" declared that already.`];
  const counts = `${converted} pictures were given the declared types, ${unfit} do not fit and stay as they are`;
  return [
    ...examples.map(({ imageId, origin, problems }) => `${origin ?? imageId}: ${problems.join(" ")}`),
    `Corpus "${corpus}": ${counts}.`,
  ];
}

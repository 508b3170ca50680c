import { SearchError } from "@medley/search";
import { type Corpus, ensureCorpus } from "@medley/storage";
import { requireRole } from "../access/require-role.ts";
import { includes } from "../access/viewer.ts";
import type { GatewayContext } from "../context.ts";
import { refuse, requireText } from "./user-errors.ts";

/** What the name of a new corpus may be. */
export const NAME_OF_CORPUS = { most: 200, oneLine: true, visible: true };

/** The corpus that a mutation names, for an INGESTOR of it. One that does not exist for the caller is NOT_FOUND at `path`. */
export async function requireCorpus(
  context: GatewayContext,
  idOrName: string,
  path: readonly string[],
): Promise<Corpus> {
  const corpus = await findCorpusFor(context, idOrName);
  if (corpus === null) refuse("NOT_FOUND", `There is no corpus "${idOrName}".`, path);
  return corpus;
}

/** The same, but where there is none and the caller may make corpora it is made. */
export async function requireOrMakeCorpus(
  context: GatewayContext,
  idOrName: string,
  path: readonly string[],
): Promise<Corpus> {
  const name = requireText(idOrName, path, NAME_OF_CORPUS);
  const corpus = await findCorpusFor(context, name);
  if (corpus !== null) return corpus;
  if (includes(context.viewer.everywhere, "ADMIN")) return await ensureCorpus(context.db, { name });
  return refuse("NOT_FOUND", `There is no corpus "${name}". An ADMIN makes it with createCorpus.`, path);
}

async function findCorpusFor(context: GatewayContext, idOrName: string): Promise<Corpus | null> {
  try {
    return await requireRole(context, idOrName, "INGESTOR");
  } catch (error) {
    if (error instanceof SearchError && error.code === "CORPUS_NOT_FOUND") return null;
    throw error;
  }
}

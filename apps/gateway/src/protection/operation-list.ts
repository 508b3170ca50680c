import { readFile } from "node:fs/promises";
import { parse } from "graphql";
import { z } from "zod";
import { OWN_OPERATIONS } from "../generated/own-operations.ts";
import { MAX_TOKENS } from "../limits.ts";
import { fingerprintOf } from "./operation-fingerprint.ts";

/** The only operations that clients may send. */
export interface OperationList {
  /** The text of the operation that a client names; undefined where the file has none of that name. */
  textOf(id: string): string | undefined;
  /** Whether a text is one of the operations, however it is spaced, commented and ordered, with or without __typename. */
  includes(text: string): boolean;
}

/** As graphql-codegen's client preset writes them (`persistedDocuments`): the texts by their hashes. */
const documentsByHash = z.record(z.string().min(1), z.string().min(1));
/** As Apollo's `generate-persisted-query-manifest` writes them. */
const apolloManifest = z.object({
  format: z.literal("apollo-persisted-query-manifest"),
  version: z.literal(1),
  operations: z.array(z.object({ id: z.string().min(1), body: z.string().min(1) })),
});

/**
 * Reads the operations of a front end from a file of graphql-codegen or Apollo, and adds those of the web page and of the client package.
 * Throws an Error that names the file and what is wrong with it.
 */
export async function readOperationList(path: string): Promise<OperationList> {
  const documents = await readDocuments(path);
  for (const [id, text] of documents) {
    const fault = faultOf(text);
    if (fault !== null) throw new Error(`The operation "${id}" of MEDLEY_OPERATIONS (${path}) is no GraphQL: ${fault}`);
  }
  return createOperationList(documents);
}

/** @param documents texts by the ids that clients name them with */
export function createOperationList(documents: ReadonlyMap<string, string>): OperationList {
  const listed = new Set([...OWN_OPERATIONS, ...[...documents.values()].map(fingerprintOf)]);
  /** Texts that were found to be listed, as they were sent: most clients send the same few again and again. */
  const known = new Set<string>();
  return {
    textOf: (id) => documents.get(id),
    includes(text) {
      if (known.has(text)) return true;
      if (!listed.has(fingerprintOf(text))) return false;
      // Spacing has no end of variants, and a long one could fill the memory.
      if (known.size < MOST_KNOWN && text.length <= LONGEST_KNOWN) known.add(text);
      return true;
    },
  };
}

const MOST_KNOWN = 1_000;
const LONGEST_KNOWN = 20_000;

function faultOf(text: string): string | null {
  try {
    parse(text, { maxTokens: MAX_TOKENS });
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function readDocuments(path: string): Promise<ReadonlyMap<string, string>> {
  const expected =
    'expected JSON as graphql-codegen writes it ({"HASH": "query ..."}) or the manifest of Apollo\'s generate-persisted-query-manifest';
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`MEDLEY_OPERATIONS (${path}) cannot be read: ${reason}; ${expected}.`, { cause });
  }
  const manifest = apolloManifest.safeParse(content);
  if (manifest.success) return new Map(manifest.data.operations.map(({ id, body }) => [id, body]));
  const documents = documentsByHash.safeParse(content);
  if (documents.success) return new Map(Object.entries(documents.data));
  throw new Error(`MEDLEY_OPERATIONS (${path}) has another form; ${expected}.`);
}

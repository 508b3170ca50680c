import { readFile } from "node:fs/promises";
import { type GraphQLSchema, Kind, parse, specifiedRules, validate } from "graphql";
import { z } from "zod";
import { OWN_OPERATIONS } from "../generated/own-operations.ts";
import { limitSize, MAX_TOKENS } from "../limits.ts";
import { fingerprintOf } from "./operation-fingerprint.ts";

/** The only operations that clients may send. */
export interface OperationList {
  /** The text of the operation that a client names; undefined where the file has none of that name. */
  textOf(id: string): string | undefined;
  /** Whether a text is one of the operations, however it is spaced, commented and ordered, with or without __typename. */
  includes(text: string): boolean;
}

/** As Apollo's `generate-persisted-query-manifest` writes them. graphql-codegen writes an object with the texts by their keys. */
const apolloManifest = z.object({
  format: z.literal("apollo-persisted-query-manifest"),
  version: z.literal(1, { error: "a version other than 1" }),
  operations: z.array(z.object({ id: z.string().min(1), body: z.string() })),
});

/**
 * Reads the operations of a front end, texts by the ids that clients name them with, from a file of graphql-codegen or Apollo.
 * Throws an Error that names the file and what is wrong with it.
 */
export async function readOperations(path: string): Promise<ReadonlyMap<string, string>> {
  const documents = new Map<string, string>();
  for (const [id, text] of documentsIn(path, await readJson(path))) {
    const fault =
      faultOf(text) ?? (documents.has(id) && documents.get(id) !== text ? "is there twice, with two texts" : null);
    if (fault !== null) throw new Error(`The operation "${id}" of MEDLEY_OPERATIONS (${path}) ${fault}.`);
    documents.set(id, text);
  }
  return documents;
}

/** The operations of a front end, and those of the web page and of the client package. */
export function createOperationList(documents: ReadonlyMap<string, string>): OperationList {
  const listed = new Set([...OWN_OPERATIONS, ...[...documents.values()].flatMap((text) => fingerprintOf(text) ?? [])]);
  /** Texts that were found to be listed, as they were sent: most clients send the same few again and again. */
  const known = new Set<string>();
  return {
    textOf: (id) => documents.get(id),
    includes(text) {
      if (known.has(text)) return true;
      const fingerprint = fingerprintOf(text);
      if (fingerprint === null || !listed.has(fingerprint)) return false;
      // Spacing has no end of variants.
      if (known.size >= MOST_KNOWN) known.clear();
      if (text.length <= LONGEST_KNOWN) known.add(text);
      return true;
    },
  };
}

const MOST_KNOWN = 1_000;
const LONGEST_KNOWN = 20_000;

/** Why an operation that is listed will be refused all the same; null where nothing speaks against it. */
export function objectionTo(text: string, schema: GraphQLSchema): string | null {
  const [error] = validate(schema, parse(text, { maxTokens: MAX_TOKENS }), [...specifiedRules, limitSize]);
  return error?.message ?? null;
}

function faultOf(text: string): string | null {
  try {
    const { definitions } = parse(text, { maxTokens: MAX_TOKENS });
    const isOperation = definitions.some(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    return isOperation ? null : "has no query, mutation or subscription in it";
  } catch (error) {
    return `is no GraphQL: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const EXPECTED =
  'expected JSON as graphql-codegen writes it ({"KEY": "query ..."}) or the manifest of Apollo\'s generate-persisted-query-manifest';

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse((await readFile(path, "utf8")).replace(/^\uFEFF/, ""));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`MEDLEY_OPERATIONS (${path}) cannot be read: ${reason}; ${EXPECTED}.`, { cause });
  }
}

function documentsIn(path: string, content: unknown): (readonly [id: string, text: string])[] {
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new Error(`MEDLEY_OPERATIONS (${path}) is no object; ${EXPECTED}.`);
  }
  if ("format" in content) {
    const manifest = apolloManifest.safeParse(content);
    if (manifest.success) return manifest.data.operations.map(({ id, body }) => [id, body]);
    const [issue] = manifest.error.issues;
    const found = `${issue?.path.join(".") || "the file"}: ${issue?.message}`;
    throw new Error(`MEDLEY_OPERATIONS (${path}) is no manifest of Apollo (${found}); ${EXPECTED}.`);
  }
  return Object.entries(content).map(([id, text]: [string, unknown]) => {
    if (typeof text === "string") return [id, text];
    throw new Error(`MEDLEY_OPERATIONS (${path}) has no text at "${id}"; ${EXPECTED}.`);
  });
}

import type { Attributes } from "@medley/tracing";

const WRITES = [
  ["INSERT", /\binsert\s+into\s+(\w+)/i],
  ["DELETE", /\bdelete\s+from\s+(\w+)/i],
  ["UPDATE", /\bupdate\s+(\w+)(?:\s+(?:as\s+)?\w+)?\s+set\b/i],
] as const;
/** A function that makes rows is no table, and neither is what "extract" and "is distinct from" take. */
const READS =
  /(?<!\bdistinct\s+|\bextract\s*\(\s*\w+\s+)\b(?:from|join)\s+(?!unnest\b|generate_series\b|lateral\b)([a-z_]\w*)\b(?!\s*\()/gi;
const NAMED_QUERY =
  /(?:\bwith\s+(?:recursive\s+)?|,\s*)(\w+)(?:\s*\([\w\s,]*\))?\s+as\s+(?:(?:not\s+)?materialized\s+)?\(/gi;

/** Enough to know a statement by. */
const MOST_TABLES = 3;

/**
 * What a statement does, and to which tables in the order of its text, such as "SELECT embeddings images"; of one that writes, the one that it writes to.
 * Its text and its values stay out of traces.
 */
export function describeStatement(text: string): { name: string; attributes: Attributes } {
  const { operation, tables } = summaryOf(text);
  const name = [operation, ...tables].join(" ");
  const attributes = { "db.system.name": "postgresql", "db.operation.name": operation, "db.query.summary": name };
  return { name, attributes: { ...attributes, "db.collection.name": tables.length === 1 ? tables[0] : undefined } };
}

function summaryOf(text: string): { operation: string; tables: readonly string[] } {
  for (const [operation, pattern] of WRITES) {
    const table = pattern.exec(text)?.[1];
    if (table !== undefined) return { operation, tables: [table] };
  }
  const named = new Set([...text.matchAll(NAMED_QUERY)].map(([, name]) => name));
  const read = new Set([...text.matchAll(READS)].flatMap(([, name]) => (named.has(name) ? [] : (name ?? []))));
  const word = /^\s*([a-z]+)/i.exec(text)?.[1]?.toUpperCase() ?? "QUERY";
  const operation = read.size > 0 || word === "WITH" ? "SELECT" : word;
  return { operation, tables: [...read].slice(0, MOST_TABLES) };
}

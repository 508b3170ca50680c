import type { Clause } from "./query.ts";

/**
 * The vectors to search by, best first: all clauses of "all" together, with each of "any" in turn, and then every wanted clause by itself, so that a picture
 * that one clause alone finds is looked at as well. Clauses without a vector, and those of "none", take no part.
 */
export function mixVectors(
  clauses: readonly Clause[],
  vectors: readonly (Float32Array | null)[],
): readonly Float32Array[] {
  const of = (place: Clause["place"]) =>
    clauses.flatMap((clause, index) => (clause.place === place ? (vectors[index] ?? []) : []));
  const [all, any] = [of("ALL"), of("ANY")];
  const mixed = any.length === 0 ? (all.length === 0 ? [] : [sum(all)]) : any.map((vector) => sum([...all, vector]));
  return all.length + any.length === 1 || all.length === 0 ? mixed : [...mixed, ...all, ...any];
}

function sum(vectors: readonly Float32Array[]): Float32Array {
  const [first = new Float32Array(), ...rest] = vectors;
  return rest.reduce((added, vector) => added.map((value, axis) => value + (vector[axis] ?? 0)), first);
}

/** The first of each list, then the second of each, ..., every picture once, until there are `limit`. */
export function takeInTurns<T extends { readonly imageId: string }>(
  lists: readonly (readonly T[])[],
  limit: number,
): T[] {
  const taken = new Map<string, T>();
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  for (let place = 0; place < longest; place += 1) {
    for (const list of lists) {
      const picture = list[place];
      if (picture !== undefined && !taken.has(picture.imageId)) taken.set(picture.imageId, picture);
      if (taken.size === limit) return [...taken.values()];
    }
  }
  return [...taken.values()];
}

import type { NearText, VectorHit } from "@medley/storage";

type Id = { readonly imageId: string };

/** The nearest pictures of several corpora, as if they were one. Each list is best first, and so is the result. */
export function mergeNearest(lists: readonly (readonly VectorHit[])[], limit: number): readonly VectorHit[] {
  return mergeLists(lists, (one, other) => other.itcCosine - one.itcCosine).slice(0, limit);
}

/** The pictures with the nearest texts. */
export function mergeNearTexts(lists: readonly (readonly NearText[])[], limit: number): readonly NearText[] {
  return mergeLists(lists, (one, other) => other.textCosine - one.textCosine).slice(0, limit);
}

/** Ties by id, as the database orders them. */
function mergeLists<T extends Id>(
  lists: readonly (readonly T[])[],
  compare: (one: T, other: T) => number,
): readonly T[] {
  const [first = [], ...others] = lists;
  if (others.length === 0) return first;
  return lists.flat().toSorted((one, other) => compare(one, other) || (one.imageId < other.imageId ? -1 : 1));
}

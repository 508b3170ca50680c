import { type AccessRole, ROLES } from "@medley/storage";

/** Who asks, and what he may do where. */
export interface Viewer {
  /** For logs and for counting his requests: the id of a key, the subject of a token. Never a secret. */
  readonly id: string;
  /** What error messages call his credentials, such as `key "reader"`. */
  readonly name: string;
  /** Role in every corpus, also in those that do not exist yet; null: none. */
  readonly everywhere: AccessRole | null;
  /** Role by corpus id, besides `everywhere`. */
  readonly byCorpus: ReadonlyMap<string, AccessRole>;
}

/** Everyone, while access is open. */
export const ANYONE: Viewer = { id: "anyone", name: "anyone", everywhere: "ADMIN", byCorpus: new Map() };

/** Whether a role includes another one: each may do everything that those before it may. */
export function includes(role: AccessRole | null, least: AccessRole): boolean {
  return role !== null && ROLES.indexOf(role) >= ROLES.indexOf(least);
}

/** The viewer's role in a corpus; null: for him it does not exist. */
export function roleIn(viewer: Viewer, corpusId: string): AccessRole | null {
  const here = viewer.byCorpus.get(corpusId) ?? null;
  return viewer.everywhere !== null && includes(viewer.everywhere, here ?? "VIEWER") ? viewer.everywhere : here;
}

/** Whether he has at least this role in one corpus or more. */
export function hasSomewhere(viewer: Viewer, least: AccessRole): boolean {
  return includes(viewer.everywhere, least) || [...viewer.byCorpus.values()].some((role) => includes(role, least));
}

/** Those of the corpora that exist for the viewer, in the same order. */
export function visibleTo<Row extends { readonly id: string }>(viewer: Viewer, corpora: readonly Row[]): Row[] {
  return corpora.filter(({ id }) => roleIn(viewer, id) !== null);
}

import type { ModelInfo } from "@medley/inference-api";
import {
  activateFilterPolicy,
  activeFilterPolicy,
  type Database,
  decideCaptions,
  ensureFilterPolicy,
  type FilterPolicy,
  type FilterRule,
  reopenUnscored,
  undecidedImages,
} from "@medley/storage";
import { DEFAULT_FILTER_RULE } from "./filter-rule.ts";

/** The filter that a policy reads the scores of. */
export type PolicyFilter = Pick<ModelInfo, "fingerprint" | "name">;

/**
 * The policy that counts for a corpus, with this filter: the active one; where another filter is served now, a new version with the same rule, and the
 * step "filter" is opened again where that filter has given no scores; where there was none, BLIP's own rule.
 */
export async function ensureActivePolicy(db: Database, corpusId: string, filter: PolicyFilter): Promise<FilterPolicy> {
  return await db.transaction(async (tx) => {
    const active = await activeFilterPolicy(tx, corpusId);
    if (active?.filterFingerprint === filter.fingerprint) return active;
    const named = { filterFingerprint: filter.fingerprint, filterName: filter.name };
    const rule = active?.rule ?? DEFAULT_FILTER_RULE;
    const policy = await ensureFilterPolicy(tx, { corpusId, ...named, rule });
    await activateFilterPolicy(tx, policy.id);
    await reopenUnscored(tx, { corpusId, filterFingerprint: filter.fingerprint });
    return { ...policy, active: true };
  });
}

/**
 * Decides every caption of a corpus by another rule, from the scores that are stored, and makes that rule the one that counts. Nobody sees a corpus half
 * decided: the verdicts are there before they count, and what workers judged by the rule before in the meantime is decided after.
 * @returns the policy, and how many verdicts were added or changed
 */
export async function changePolicy(
  db: Database,
  { corpusId, filter, rule }: { readonly corpusId: string; readonly filter: PolicyFilter; readonly rule: FilterRule },
): Promise<{ policy: FilterPolicy; changed: number }> {
  const wanted = { corpusId, filterFingerprint: filter.fingerprint, filterName: filter.name, rule };
  const policy = await db.transaction((tx) => ensureFilterPolicy(tx, wanted));
  const changed = await decideCaptions(db, { policyId: policy.id, imageIds: null });
  await db.transaction(async (tx) => {
    await activateFilterPolicy(tx, policy.id);
    await reopenUnscored(tx, { corpusId, filterFingerprint: filter.fingerprint });
  });
  const late = await decideCaptions(db, { policyId: policy.id, imageIds: await undecidedImages(db, policy.id) });
  return { policy: { ...policy, active: true }, changed: changed + late };
}

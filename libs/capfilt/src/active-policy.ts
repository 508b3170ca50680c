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
 * The policy that counts for a corpus, with this filter: the active one; where another filter is served now, one with the same rule. It decides at once what this
 * filter has scored before, and the step "filter" is opened again where it has given no scores. Where there was none, BLIP's own rule.
 */
export async function ensureActivePolicy(db: Database, corpusId: string, filter: PolicyFilter): Promise<FilterPolicy> {
  for (;;) {
    const active = await activeFilterPolicy(db, corpusId);
    if (active?.filterFingerprint === filter.fingerprint) return active;
    const change = { corpusId, filter, rule: active?.rule ?? DEFAULT_FILTER_RULE };
    const changed = await decideAndActivate(db, change, (now) => now?.id === active?.id);
    if (changed !== null) return changed.policy;
  }
}

export interface PolicyChange {
  readonly corpusId: string;
  readonly filter: PolicyFilter;
  readonly rule: FilterRule;
}

/**
 * Decides every caption of a corpus by another rule, from the scores that are stored, and makes that rule the one that counts. Nobody sees a corpus half
 * decided: the verdicts are there before they count, and what workers judged by the rule before in the meantime is decided after.
 * @returns the policy, and how many verdicts were added or changed
 */
export async function changePolicy(
  db: Database,
  change: PolicyChange,
): Promise<{ policy: FilterPolicy; changed: number }> {
  const changed = await decideAndActivate(db, change, () => true);
  if (changed === null) throw new Error("Bug: a change of the policy that nothing keeps back was kept back.");
  return changed;
}

/** @returns null where the policy that counts by then is not one that may be replaced; it still counts then */
async function decideAndActivate(
  db: Database,
  { corpusId, filter, rule }: PolicyChange,
  mayReplace: (active: FilterPolicy | null) => boolean,
): Promise<{ policy: FilterPolicy; changed: number } | null> {
  const wanted = { corpusId, filterFingerprint: filter.fingerprint, filterName: filter.name, rule };
  const policy = await db.transaction((tx) => ensureFilterPolicy(tx, wanted));
  const changed = await decideCaptions(db, { policyId: policy.id, imageIds: null });
  const isActive = await db.transaction(async (tx) => {
    // Once more, for it keeps others from activating theirs until this one counts.
    await ensureFilterPolicy(tx, wanted);
    if (!mayReplace(await activeFilterPolicy(tx, corpusId))) return false;
    await activateFilterPolicy(tx, policy.id);
    await reopenUnscored(tx, { corpusId, filterFingerprint: filter.fingerprint });
    return true;
  });
  if (!isActive) return null;
  const late = await decideCaptions(db, { policyId: policy.id, imageIds: await undecidedImages(db, policy.id) });
  return { policy: { ...policy, active: true }, changed: changed + late };
}

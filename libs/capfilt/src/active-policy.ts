import type { ModelInfo } from "@medley/inference-api";
import {
  activateFilterPolicy,
  activeFilterPolicy,
  type Database,
  ensureFilterPolicy,
  type FilterPolicy,
  type FilterRule,
} from "@medley/storage";
import { DEFAULT_FILTER_RULE } from "./filter-rule.ts";

/**
 * The policy that counts for a corpus, with this filter: the active one; where another filter is served now, a new version with the same rule; where
 * there was none, BLIP's own rule.
 */
export async function ensureActivePolicy(
  db: Database,
  corpusId: string,
  filter: ModelInfo,
  rule?: FilterRule,
): Promise<FilterPolicy> {
  return await db.transaction(async (tx) => {
    const active = await activeFilterPolicy(tx, corpusId);
    const wanted = rule ?? active?.rule ?? DEFAULT_FILTER_RULE;
    const named = { filterFingerprint: filter.fingerprint, filterName: filter.name };
    const policy = await ensureFilterPolicy(tx, { corpusId, ...named, rule: wanted });
    if (policy.id !== active?.id) await activateFilterPolicy(tx, policy.id);
    return { ...policy, active: true };
  });
}

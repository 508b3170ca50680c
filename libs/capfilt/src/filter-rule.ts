import type { FilterRule } from "@medley/storage";
import { z } from "zod";
import { CapFiltError } from "./errors.ts";

/** BLIP's own rule (section 3.3 of the paper; the softmax of the matching head at one half), in English. */
export const DEFAULT_FILTER_RULE: FilterRule = {
  slope: 1,
  offset: 0,
  keepFrom: { WEB: 0.5, SYNTHETIC: 0.5, IMPORTED: 0.5 },
  leastDistinctWords: 0.5,
  bestOf: null,
  languages: ["en"],
};

const share = z.number().min(0).max(1);
const ruleSchema = z.strictObject({
  slope: z.number().positive(),
  offset: z.number(),
  keepFrom: z.strictObject({ WEB: share, SYNTHETIC: share, IMPORTED: share }),
  leastDistinctWords: share,
  bestOf: z.int().min(1).max(20).nullable(),
  languages: z.array(z.string().regex(/^[a-z]{2,3}$/, { error: "expected codes such as en or de" })).max(60),
});

/**
 * A whole rule from some of its members; the others are those of `base`.
 * @throws CapFiltError INVALID_RULE with the member, its value and what was expected
 */
export function filterRuleOf(changes: object, base: FilterRule = DEFAULT_FILTER_RULE): FilterRule {
  const { keepFrom, ...others } = changes as Partial<FilterRule>;
  const parsed = ruleSchema.safeParse({ ...base, ...others, keepFrom: { ...base.keepFrom, ...keepFrom } });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CapFiltError(
    "INVALID_RULE",
    `The filter rule does not fit at "${issue?.path.join(".")}": ${issue?.message}.`,
  );
}

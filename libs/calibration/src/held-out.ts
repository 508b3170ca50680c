import { fitPlatt, type LabelledScore, probabilityOf } from "./platt.ts";
import type { Prediction } from "./reliability.ts";

const FOLDS = 5;

/**
 * What Platt scaling says about examples that it was not fitted on: each fifth of the groups is predicted by a fit on the other four.
 * @param groups examples that depend on each other, such as the pairs of one picture; they are held out together
 * @returns fewer where a fit of four fifths is impossible
 */
export function heldOutPredictions(groups: readonly (readonly LabelledScore[])[]): Prediction[] {
  return Array.from({ length: FOLDS }, (_, fold) => {
    const fitted = fitPlatt(groups.filter((_, index) => index % FOLDS !== fold).flat());
    if (fitted === null) return [];
    const heldOut = groups.filter((_, index) => index % FOLDS === fold).flat();
    return heldOut.map(({ score, matches }) => ({ probability: probabilityOf(fitted, score), holds: matches }));
  }).flat();
}

/**
 * One-sided sign test: how likely at least so many losses among all changes are when losing and gaining are equally likely. Ties do not count. 1 when
 * nothing changed. (Conover, Practical Nonparametric Statistics, 3.4.)
 */
export function chanceOfLosses({ lost, gained }: { readonly lost: number; readonly gained: number }): number {
  const changes = lost + gained;
  let chance = 0;
  for (let losses = lost; losses <= changes; losses += 1) chance += Math.exp(logBinomial(changes, losses));
  return Math.min(1, chance);
}

/** Natural logarithm of C(n, k) / 2^n. */
function logBinomial(n: number, k: number): number {
  let sum = -n * Math.LN2;
  for (let i = 1; i <= k; i += 1) sum += Math.log((n - k + i) / i);
  return sum;
}

import { median } from "../measure.ts";

/** Runs `count` searches with `clients` of them under way at a time. @returns searches a second */
export async function rateOf(
  search: (index: number) => Promise<unknown>,
  { count, clients }: { count: number; clients: number },
): Promise<number> {
  let next = 0;
  const client = async () => {
    while (next < count) await search(next++);
  };
  const before = performance.now();
  await Promise.all(Array.from({ length: clients }, client));
  return (1000 * count) / (performance.now() - before);
}

export interface Side {
  readonly search: (index: number) => Promise<unknown>;
  /** Searches of each round. */
  readonly count: number;
}

/** Median rates of several sides, measured in turns after one round of each that does not count. */
export async function ratesInTurns<Name extends string>(
  sides: Readonly<Record<Name, Side>>,
  { rounds, clients }: { rounds: number; clients: number },
): Promise<Record<Name, number>> {
  const names = Object.keys(sides) as Name[];
  const taken = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of names) {
      const { search, count } = sides[name];
      const rate = await rateOf(search, { count, clients });
      if (round > 0) taken.get(name)?.push(rate);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(taken.get(name) ?? [])])) as Record<Name, number>;
}

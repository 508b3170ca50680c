import {
  activateFilterPolicy,
  type Database,
  decideCaptions,
  ensureCorpus,
  ensureFilterPolicy,
  explainCaption,
  type FilterPolicy,
  type FilterRule,
  findCaption,
} from "@medley/storage";
import { lowerIsBetter, type Measurement, median, timed } from "../measure.ts";
import { benchServer, createBenchDatabase, noServer } from "../redecide/bench-database.ts";
import { decideInNode } from "../redecide/decide-in-node.ts";
import { CAPTIONS_PER_IMAGE, FILTER, fillLedger } from "../redecide/fill-ledger.ts";

const IMAGES = 250_000;
const EXPLAINED = 200;
const DRAW_SEED = "7";

const FIRST_RULE: FilterRule = {
  slope: 1,
  offset: 0,
  keepFrom: { WEB: 0.5, SYNTHETIC: 0.5, IMPORTED: 0.5 },
  leastDistinctWords: 0.5,
  bestOf: 1,
  languages: ["en"],
};

/**
 * Another policy over the stored scores of a corpus, against the same decision made in Node; and why one caption was kept, against
 * reading its row alone. Every run decides every caption under a policy that is new, beside the verdicts of all earlier ones.
 */
export async function redecide(runs: number): Promise<readonly Measurement[]> {
  const server = benchServer();
  if (!server) throw new Error(noServer("redecide"));
  await using database = await createBenchDatabase(server);
  const { db } = database;
  const { id: corpusId } = await ensureCorpus(db, { name: "redecide" });
  note("filled", await timed(() => fillLedger(db, corpusId, IMAGES)));
  note("policy 1", await timed(() => decideAndActivate(db, corpusId, FIRST_RULE)));
  await db.query("vacuum analyze caption_verdicts");

  const taken = { threshold: [] as number[], slope: [] as number[], whole: [] as number[], naive: [] as number[] };
  for (let run = 1; run <= runs; run++) {
    const threshold = withThreshold(0.5 + run / 100);
    const ours = await newPolicy(db, corpusId, threshold);
    taken.threshold.push(note("another threshold", await timed(() => decideAll(db, ours))));
    // The offset makes it a policy of its own and moves no verdict.
    const naive = await newPolicy(db, corpusId, { ...threshold, offset: 1e-12 });
    taken.naive.push(note("decided in Node", await timed(() => decideInNode(db, naive))));
    const slope = await newPolicy(db, corpusId, { ...FIRST_RULE, slope: 1 + run / 10 });
    taken.slope.push(note("another slope", await timed(() => decideAll(db, slope))));
    const whole = withThreshold(0.7 + run / 100);
    taken.whole.push(note("whole", await timed(() => decideAndActivate(db, corpusId, whole))));
    await requireSameVerdicts(db, ours, naive);
  }

  const count = (IMAGES * CAPTIONS_PER_IMAGE).toLocaleString("en");
  const against = (metric: string, values: readonly number[]) =>
    lowerIsBetter("redecide", `${count} captions, ${metric}`, "s", runs, {
      ours: median(values),
      baseline: median(taken.naive),
    });
  return [
    against("another threshold", taken.threshold),
    against("another slope", taken.slope),
    against("another threshold, with making and activating the policy", taken.whole),
    ...(await explain(db, 1 + 4 * runs)),
  ];
}

/** Times of explaining captions that were drawn at random, each one's row read alone just before. */
async function explain(db: Database, policies: number): Promise<readonly Measurement[]> {
  const drawn = await db.query<{ id: string }>(
    "select id from captions order by md5(id::text || $1::text) limit $2::integer",
    [DRAW_SEED, EXPLAINED],
  );
  const rows: number[] = [];
  const explanations: number[] = [];
  for (const { id } of drawn) {
    rows.push(1000 * (await timed(() => findCaption(db, id))));
    explanations.push(1000 * (await timed(() => explainCaption(db, id))));
  }
  const line = (name: string, pick: (values: readonly number[]) => number) =>
    lowerIsBetter("redecide", `one caption explained under ${policies} policies, ${name}`, "ms", EXPLAINED, {
      ours: pick(explanations),
      baseline: pick(rows),
    });
  return [line("median", median), line("largest", (values) => Math.max(...values))];
}

function withThreshold(least: number): FilterRule {
  return { ...FIRST_RULE, keepFrom: { WEB: least, SYNTHETIC: least, IMPORTED: least } };
}

function newPolicy(db: Database, corpusId: string, rule: FilterRule): Promise<FilterPolicy> {
  const policy = { corpusId, filterFingerprint: FILTER, filterName: "benchmark filter", rule };
  return db.transaction((tx) => ensureFilterPolicy(tx, policy));
}

async function decideAndActivate(db: Database, corpusId: string, rule: FilterRule): Promise<void> {
  const policy = await newPolicy(db, corpusId, rule);
  await decideAll(db, policy);
  await activateFilterPolicy(db, policy.id);
}

async function decideAll(db: Database, { id: policyId }: FilterPolicy): Promise<void> {
  const changed = await decideCaptions(db, { policyId, imageIds: null });
  const expected = IMAGES * CAPTIONS_PER_IMAGE;
  if (changed !== expected) throw new Error(`Bug: ${changed} captions were decided, expected ${expected}.`);
}

/** Both ways must have done the same work. */
async function requireSameVerdicts(db: Database, one: FilterPolicy, other: FilterPolicy): Promise<void> {
  const [row] = await db.query<{ different: number }>(
    `select count(*)::integer as different
     from (select caption_id, reason from caption_verdicts where policy_id = $1::uuid) one
     full join (select caption_id, reason from caption_verdicts where policy_id = $2::uuid) other using (caption_id)
     where one.reason is distinct from other.reason`,
    [one.id, other.id],
  );
  if (row?.different !== 0) throw new Error(`Bug: the two ways decide ${row?.different} captions differently.`);
}

/** A run of a quarter of an hour says where it is; on stderr, beside the results. */
function note(what: string, seconds: number): number {
  console.error(`redecide: ${what}: ${seconds.toFixed(1)} s`);
  return seconds;
}

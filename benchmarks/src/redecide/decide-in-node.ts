import type { Database, FilterPolicy, FilterRule, Queryable } from "@medley/storage";

const IMAGES_PER_PAGE = 2500;
const VERDICTS_PER_STATEMENT = 500;

interface Scored {
  readonly id: string;
  readonly imageId: string;
  readonly source: "WEB" | "SYNTHETIC" | "IMPORTED";
  readonly language: string | null;
  readonly distinctWords: number;
  readonly hasParts: boolean;
  readonly itmLogit: number;
  readonly itmNoMatchLogit: number;
}

interface Decided {
  readonly id: string;
  readonly verdict: string;
  readonly reason: string;
}

/**
 * The baseline: what an export and a loop do. Reads the scores in pages, decides in JavaScript, writes the verdicts back, all in one
 * transaction, so that no commit waits for a disk.
 */
export async function decideInNode(db: Database, { id: policyId, corpusId, filterFingerprint, rule }: FilterPolicy) {
  await db.transaction(async (tx) => {
    for (let after = "00000000-0000-0000-0000-000000000000"; ; ) {
      const images = await tx.query<{ id: string }>(
        "select id from images where corpus_id = $1::uuid and id > $2::uuid order by id limit $3::integer",
        [corpusId, after, IMAGES_PER_PAGE],
      );
      if (images.length === 0) return;
      after = (images.at(-1) as { id: string }).id;
      const ids = images.map(({ id }) => id);
      await saveVerdicts(tx, policyId, decide(await readScores(tx, ids, filterFingerprint), rule));
    }
  });
}

function readScores(db: Queryable, imageIds: readonly string[], filterFingerprint: string): Promise<Scored[]> {
  return db.query<Scored>(
    `select c.id, c.image_id as "imageId", c.source, c.language, c.distinct_words as "distinctWords",
       exists (select from captions part where part.part_of = c.id) as "hasParts",
       s.itm_logit as "itmLogit", s.itm_no_match_logit as "itmNoMatchLogit"
     from captions c join caption_scores s on s.caption_id = c.id and s.filter_fingerprint = $2::text
     left join caption_runs run on run.id = c.run_id
     where c.image_id = any ($1::uuid[]) and c.source <> 'HUMAN' and run.reverted_at is null and c.superseded_by is null`,
    [imageIds, filterFingerprint],
  );
}

function decide(scored: readonly Scored[], rule: FilterRule): Decided[] {
  const judged = scored.map((caption) => ({ ...caption, probability: matchProbability(caption, rule) }));
  judged.sort((a, b) => b.probability - a.probability || (a.id < b.id ? -1 : 1));
  const places = new Map<string, number>();
  return judged.map((caption) => {
    const group = `${caption.imageId} ${caption.source}`;
    const place = (places.get(group) ?? 0) + 1;
    places.set(group, place);
    return { id: caption.id, ...verdictOf(caption, place, rule) };
  });
}

function matchProbability({ itmLogit, itmNoMatchLogit }: Scored, { slope, offset }: FilterRule): number {
  return 1 / (1 + Math.exp(-(slope * (itmLogit - itmNoMatchLogit) + offset)));
}

function verdictOf(caption: Scored & { readonly probability: number }, place: number, rule: FilterRule) {
  const { language, source } = caption;
  if (language === "zxx") return { verdict: "UNJUDGED", reason: "WORDLESS" };
  if (caption.hasParts) return { verdict: "UNJUDGED", reason: "JUDGED_BY_SENTENCES" };
  if (language && language !== "und" && rule.languages.length > 0 && !rule.languages.includes(language)) {
    return { verdict: "UNJUDGED", reason: "OTHER_LANGUAGE" };
  }
  if (caption.distinctWords < rule.leastDistinctWords) return { verdict: "REJECTED", reason: "REPETITIVE" };
  if (caption.probability < rule.keepFrom[source]) return { verdict: "REJECTED", reason: "BELOW_THRESHOLD" };
  if (source === "SYNTHETIC" && rule.bestOf !== null && place > rule.bestOf) {
    return { verdict: "REJECTED", reason: "NOT_AMONG_BEST" };
  }
  return { verdict: "KEPT", reason: "MATCHES" };
}

async function saveVerdicts(db: Queryable, policyId: string, decided: readonly Decided[]): Promise<void> {
  for (let from = 0; from < decided.length; from += VERDICTS_PER_STATEMENT) {
    const some = decided.slice(from, from + VERDICTS_PER_STATEMENT);
    await db.query(
      `insert into caption_verdicts as known (policy_id, caption_id, verdict, reason)
       select $1::uuid, * from unnest($2::uuid[], $3::text[], $4::text[])
       on conflict (policy_id, caption_id) do update set verdict = excluded.verdict, reason = excluded.reason`,
      [policyId, some.map(({ id }) => id), some.map(({ verdict }) => verdict), some.map(({ reason }) => reason)],
    );
  }
}

import type { Settings } from "@medley/config";
import type { Inference } from "@medley/inference-api";
import { searchImages } from "@medley/search";
import { type Database, findImages, openDatabase } from "@medley/storage";
import { note, writeLine, writeRecord } from "../output.ts";
import { withInference } from "../processes/with-inference.ts";

export interface SearchOptions {
  readonly corpus: string;
  readonly first: number;
  readonly candidates?: number;
  readonly textWeight?: number;
  readonly json: boolean;
}

export async function runSearch(settings: Settings, text: string, options: SearchOptions): Promise<void> {
  await using db = await openDatabase({
    home: settings.home,
    maxConnections: settings.databaseMaxConnections,
    databaseUrl: settings.databaseUrl,
  });
  const { hits, notes } = await withInference(settings, "exit", ({ inference }) =>
    findHits({ db, inference }, text, options),
  );
  for (const sentence of notes) note(sentence);
  for (const hit of hits) {
    if (options.json) await writeRecord(hit);
    else await writeLine(describeHit(hit));
  }
  if (hits.length === 0) note(`Corpus "${options.corpus}" has no pictures that are embedded yet.`);
}

/** One hit with the scores and places of both stages. */
export interface Hit {
  readonly rank: number;
  readonly imageId: string;
  readonly path: string;
  readonly sha256: string;
  readonly itcCosine: number | null;
  readonly itmLogit: number | null;
  readonly matchProbability: number | null;
  readonly rerankScore: number | null;
  readonly textShare: number;
  readonly textCosine: number | null;
  readonly textScore: number;
  readonly fusedScore: number | null;
  readonly rankBeforeRerank: number | null;
  readonly rankAfterRerank: number;
  /** Codes of what was cut from this answer; absent when nothing was. */
  readonly degraded?: readonly string[];
}

export async function findHits(
  { db, inference }: { db: Database; inference: Inference },
  text: string,
  { corpus, first, candidates, textWeight }: Pick<SearchOptions, "corpus" | "first" | "candidates" | "textWeight">,
): Promise<{ hits: Hit[]; notes: string[] }> {
  const query = {
    corpus,
    all: [{ text }],
    first,
    ...(candidates !== undefined && { candidates }),
    ...(textWeight !== undefined && { textWeight }),
  };
  const { hits: list, report } = await searchImages({ db, inference }, query);
  const hits = list.slice(0, first);
  const images = await findImages(
    db,
    hits.map(({ imageId }) => imageId),
  );
  const paths = new Map(images.map(({ id, origins }) => [id, origins[0]]));
  const degraded = report.degraded.map(({ code }) => code);
  return {
    hits: hits.map(({ imageId, sha256, rankBeforeRerank, rankAfterRerank, score, ...hit }, index) => {
      const [scores] = hit.clauses;
      if (scores === undefined) throw new Error("Bug: a hit has no scores for the query's only clause");
      const { itcCosine, itmLogit, rerankScore, textShare, textCosine, textScore } = scores;
      return {
        rank: index + 1,
        imageId,
        path: paths.get(imageId) ?? "",
        sha256,
        itcCosine,
        itmLogit,
        matchProbability: hit.matchProbability,
        rerankScore,
        textShare,
        textCosine,
        textScore,
        fusedScore: score,
        rankBeforeRerank,
        rankAfterRerank,
        ...(degraded.length > 0 && { degraded }),
      };
    }),
    notes: report.degraded.map(({ message }) => message),
  };
}

export function describeHit(hit: Hit): string {
  const logit = hit.itmLogit === null ? "not matched" : `itmLogit ${hit.itmLogit.toFixed(2)}`;
  const words = hit.textScore > 0 ? [`its texts ${hit.textScore.toFixed(2)}`] : [];
  const before = hit.rankBeforeRerank === null ? "found by its texts" : `was ${hit.rankBeforeRerank}`;
  const cosine = hit.itcCosine === null ? "not embedded" : `itcCosine ${hit.itcCosine.toFixed(3)}`;
  const parts = [cosine, logit, ...words, before];
  return `${String(hit.rank).padStart(2)}. ${hit.path}  (${parts.join(", ")})`;
}

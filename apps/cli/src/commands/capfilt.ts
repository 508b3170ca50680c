import {
  beginCaptionRun,
  calibrateFilter,
  captionerOf,
  changePolicy,
  CapFiltError,
  type CaptionRunSettings,
  DEFAULT_FILTER_RULE,
  filterOf,
  filterRuleOf,
} from "@medley/capfilt";
import type { Settings } from "@medley/config";
import { areaUnderCurve } from "@medley/evaluation";
import type { ModelInfo } from "@medley/inference-api";
import {
  activeFilterPolicy,
  activeSpace,
  type CaptionRunSummary,
  countVerdicts,
  type Database,
  explainCaption,
  type FilterPolicy,
  findCorpus,
  listCaptionRuns,
  openDatabase,
  replaceCaption,
  reviewCaption,
  revertCaptionRun,
  type VerdictCount,
} from "@medley/storage";
import { note, writeLine, writeRecord } from "../output.ts";
import { withInference } from "../processes/with-inference.ts";
import { workOnCorpus } from "./ingest.ts";

interface Output {
  readonly json: boolean;
}

/** Members of a filter rule that the command line changes. */
export type RuleChanges = Parameters<typeof filterRuleOf>[0];

/** Captions a corpus anew as the settings say, and judges every caption of it. Resolves with the exit code. */
export async function runCapFilt(
  settings: Settings,
  corpus: string,
  run: CaptionRunSettings,
  changes: RuleChanges,
  { json }: Output,
): Promise<number> {
  return await withInference(settings, "wait", async ({ inference, url, lost }) => {
    const models = await inference.models();
    await withDatabase(settings, async (db) => {
      const corpusId = await requireCorpus(db, corpus);
      const captioner = requireModel(captionerOf(models), "captioner");
      const filter = requireModel(filterOf(models), "filter");
      await beginCaptionRun(db, corpusId, captioner, run);
      const base = (await activeFilterPolicy(db, corpusId))?.rule ?? DEFAULT_FILTER_RULE;
      await changePolicy(db, { corpusId, filter, rule: filterRuleOf(changes, base) });
    });
    const code = await workOnCorpus(settings, url, corpus, { json }, lost);
    if (code === 0 && !json) await printStatus(settings, corpus, { json });
    return code;
  });
}

/** Decides all captions of a corpus under a changed rule, from their stored scores, and makes that rule the one that counts. */
export async function decideAgain(
  settings: Settings,
  corpus: string,
  changes: RuleChanges,
  { json }: Output,
): Promise<void> {
  const began = performance.now();
  const { policy, changed } = await withDatabase(settings, async (db) => {
    const corpusId = await requireCorpus(db, corpus);
    const active = await activeFilterPolicy(db, corpusId);
    if (!active) {
      const hint = `Run medley capfilt run --corpus ${corpus} first.`;
      throw new CapFiltError("NO_POLICY", `The captions of "${corpus}" were never judged. ${hint}`);
    }
    const filter = { fingerprint: active.filterFingerprint, name: active.filterName };
    return await changePolicy(db, { corpusId, filter, rule: filterRuleOf(changes, active.rule) });
  });
  const seconds = (performance.now() - began) / 1000;
  if (json) await writeRecord({ policyId: policy.id, version: policy.version, rule: policy.rule, changed, seconds });
  else {
    await writeLine(`Policy ${policy.version}: ${changed} verdicts added or changed in ${seconds.toFixed(1)} s.`);
    await printStatus(settings, corpus, { json });
  }
}

/** Fits what the filter's logits mean in a corpus, and decides its captions anew by that. */
export async function calibrate(
  settings: Settings,
  corpus: string,
  { images, seed, json }: Output & { readonly images: number; readonly seed: number },
): Promise<void> {
  const fitted = await withInference(settings, "exit", async ({ inference }) => {
    const filter = requireModel(filterOf(await inference.models()), "filter");
    return await withDatabase(settings, async (db) => {
      const corpusId = await requireCorpus(db, corpus);
      const space = await activeSpace(db, corpusId);
      if (!space)
        throw new CapFiltError("NO_ACTIVE_SPACE", `Corpus "${corpus}" has no embedded pictures yet. Ingest first.`);
      return await calibrateFilter({ db, inference }, { corpusId, spaceId: space.id }, filter, { images, seed });
    });
  });
  const { slope, offset, examples } = fitted;
  const [positives, negatives] = [true, false].map((wanted) =>
    examples.flatMap(({ score, matches }) => (matches === wanted ? [score] : [])),
  ) as [number[], number[]];
  const area = areaUnderCurve(positives, negatives);
  if (json) {
    await writeRecord({ corpus, slope, offset, area, positives: positives.length, negatives: negatives.length });
  } else {
    const pairs = `${positives.length} pairs that should match and ${negatives.length} that should not`;
    await writeLine(
      `Fitted on ${pairs}: slope ${slope.toFixed(4)}, offset ${offset.toFixed(4)}; area under the curve ${area.toFixed(3)}.`,
    );
  }
  await decideAgain(settings, corpus, { slope, offset }, { json });
}

/** What became of the captions of a corpus, which runs wrote them and which policy decided. */
export async function printStatus(settings: Settings, corpus: string, { json }: Output): Promise<void> {
  const { policy, verdicts, runs } = await withDatabase(settings, async (db) => {
    const corpusId = await requireCorpus(db, corpus);
    return {
      policy: await activeFilterPolicy(db, corpusId),
      verdicts: await countVerdicts(db, corpusId),
      runs: await listCaptionRuns(db, corpusId),
    };
  });
  if (json) await writeRecord({ corpus, policy, verdicts, runs });
  else for (const line of describeStatus(policy, verdicts, runs)) await writeLine(line);
}

function describeStatus(
  policy: FilterPolicy | null,
  verdicts: readonly VerdictCount[],
  runs: readonly CaptionRunSummary[],
): string[] {
  const { keepFrom, slope, offset } = policy?.rule ?? DEFAULT_FILTER_RULE;
  const shares = Object.entries(keepFrom).map(([source, share]) => `${source} ${share}`);
  const rule = slope === 1 && offset === 0 ? "softmax" : `calibrated (slope ${slope}, offset ${offset})`;
  return [
    policy
      ? `policy ${policy.version}, filter "${policy.filterName}": ${rule}, keep from ${shares.join(", ")}`
      : "no policy yet: nothing has been judged",
    ...verdicts.map(
      ({ source, verdict, reason, captions }) =>
        `${String(captions).padStart(9)}  ${source.padEnd(9)}  ${(verdict ?? "to be judged").padEnd(12)}  ${reason ?? ""}`,
    ),
    ...runs.map(
      ({ id, captionerName, decoding, captions, kept, rejected, revertedAt }) =>
        `run ${id}: ${captionerName}, ${JSON.stringify(decoding)}, ${captions} captions, ${kept} kept, ${rejected} rejected${revertedAt ? ", taken back" : ""}`,
    ),
  ];
}

/** Prints everything that led to a caption's verdict. */
export async function printExplanation(settings: Settings, captionId: string, { json }: Output): Promise<void> {
  const explanation = await withDatabase(settings, (db) => explainCaption(db, captionId));
  if (!explanation) throw new CapFiltError("CAPTION_NOT_FOUND", `There is no caption "${captionId}".`);
  if (json) return await writeRecord(explanation);
  const { caption, scores, decisions, reviews, distinctWords, words, parts } = explanation;
  await writeLine(
    `"${caption.text}" (${caption.source}): ${caption.verdict ?? "to be judged"}, ${caption.reason ?? "-"}`,
  );
  await writeLine(`language ${caption.language ?? "-"}, ${words} words, ${distinctWords.toFixed(2)} of them different`);
  for (const { filterFingerprint, itmLogit, itmNoMatchLogit, itcCosine } of scores) {
    const logits = `itmLogit ${itmLogit.toFixed(3)}, itmNoMatchLogit ${itmNoMatchLogit?.toFixed(3) ?? "-"}`;
    await writeLine(`filter ${filterFingerprint.slice(0, 12)}: ${logits}, itcCosine ${itcCosine?.toFixed(3) ?? "-"}`);
  }
  for (const { version, active, verdict, reason, matchProbability, rule } of decisions) {
    const threshold = rule.keepFrom[caption.source as keyof typeof rule.keepFrom];
    const probability = `match probability ${matchProbability?.toFixed(3) ?? "-"}, kept from ${threshold}`;
    await writeLine(`policy ${version}${active ? " (active)" : ""}: ${verdict}, ${reason}; ${probability}`);
  }
  for (const { verdict, reviewer, note: said } of reviews) {
    await writeLine(`review by ${reviewer}: ${verdict}${said ? ` ("${said}")` : ""}`);
  }
  if (parts.length > 0) await writeLine(`judged by its sentences: ${parts.join(", ")}`);
}

/** A person keeps or rejects a caption, above every policy. */
export async function review(
  settings: Settings,
  captionId: string,
  decision: { verdict: "KEPT" | "REJECTED"; reviewer: string; note?: string },
  output: Output,
): Promise<void> {
  await withDatabase(settings, (db) => reviewCaption(db, { captionId, ...decision }));
  await printExplanation(settings, captionId, output);
}

/** A person writes a better text; the old one stays in the ledger and counts no longer. */
export async function correct(
  settings: Settings,
  captionId: string,
  { text, author }: { readonly text: string; readonly author: string },
  output: Output,
): Promise<void> {
  const written = await withDatabase(settings, (db) =>
    db.transaction((tx) => replaceCaption(tx, { captionId, text, author })),
  );
  await printExplanation(settings, written.id, output);
}

/** Takes a run back: its captions stay in the ledger and count for nothing. */
export async function revert(settings: Settings, runId: string, { json }: Output): Promise<void> {
  const captions = await withDatabase(settings, (db) => revertCaptionRun(db, runId));
  if (json) await writeRecord({ runId, captions });
  else note(`${captions} captions of run ${runId} count no longer.`);
}

async function withDatabase<T>(settings: Settings, work: (db: Database) => Promise<T>): Promise<T> {
  await using db = await openDatabase({
    home: settings.home,
    maxConnections: settings.databaseMaxConnections,
    databaseUrl: settings.databaseUrl,
  });
  return await work(db);
}

async function requireCorpus(db: Database, name: string): Promise<string> {
  const corpus = await findCorpus(db, name);
  if (corpus) return corpus.id;
  throw new CapFiltError("CORPUS_NOT_FOUND", `There is no corpus "${name}". Ingest into it first.`);
}

function requireModel(model: ModelInfo | undefined, role: string): ModelInfo {
  if (model) return model;
  throw new CapFiltError("MODEL_MISSING", `The model set has no ${role}. Add a checkpoint with the role "${role}".`);
}

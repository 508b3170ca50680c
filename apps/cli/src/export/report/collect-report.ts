import type { CaptionSource, ExportedCaption, ExportedImage, FilterPolicy } from "@medley/storage";

/** A caption as an example. */
export interface ReportExample {
  readonly sha256: string;
  readonly captionId: string;
  /** The beginning of it. */
  readonly text: string;
  readonly source: CaptionSource;
  readonly verdict: string | null;
  readonly reason: string | null;
  readonly matchProbability: number | null;
}

/** Match probabilities of one source: bin i counts those from i / bins.length on. */
export interface ReportHistogram {
  readonly source: CaptionSource;
  readonly keepFrom: number | null;
  readonly bins: readonly number[];
}

/** Pictures of which the text of one source is kept and that of the other rejected. */
export interface Disagreement {
  readonly kept: CaptionSource;
  readonly rejected: CaptionSource;
  readonly pictures: number;
  readonly examples: readonly { readonly kept: ReportExample; readonly rejected: ReportExample }[];
}

export interface ExportReport {
  readonly corpus: string;
  readonly policy: Pick<FilterPolicy, "version" | "filterName" | "filterFingerprint" | "rule"> | null;
  readonly pictures: number;
  readonly captions: number;
  readonly verdicts: readonly {
    readonly source: CaptionSource;
    readonly verdict: string | null;
    readonly reason: string | null;
    readonly captions: number;
  }[];
  readonly histograms: readonly ReportHistogram[];
  /** Nearest first. */
  readonly nearThreshold: readonly ReportExample[];
  /** Most frequent first. */
  readonly rejections: readonly {
    readonly reason: string;
    readonly captions: number;
    readonly examples: readonly ReportExample[];
  }[];
  readonly disagreements: readonly Disagreement[];
}

const BINS = 40;
const LONGEST_TEXT = 300;
const NEAR_EXAMPLES = 12;
const REJECTION_EXAMPLES = 6;
const DISAGREEMENT_EXAMPLES = 8;

/** What is counted while the pictures pass by; its size does not depend on theirs. */
export interface GrowingReport {
  readonly corpus: string;
  readonly policy: FilterPolicy | null;
  readonly counts: { pictures: number; captions: number };
  readonly verdicts: Map<
    string,
    { source: CaptionSource; verdict: string | null; reason: string | null; captions: number }
  >;
  readonly bins: Map<CaptionSource, number[]>;
  readonly near: { distance: number; example: ReportExample }[];
  readonly rejections: Map<string, { captions: number; examples: ReportExample[] }>;
  readonly disagreements: readonly GrowingDisagreement[];
}

type GrowingDisagreement = Pick<Disagreement, "kept" | "rejected"> & {
  pictures: number;
  readonly examples: { kept: ReportExample; rejected: ReportExample }[];
};

export function beginReport(corpus: string, policy: FilterPolicy | null): GrowingReport {
  return {
    corpus,
    policy,
    counts: { pictures: 0, captions: 0 },
    verdicts: new Map(),
    bins: new Map(),
    near: [],
    rejections: new Map(),
    disagreements: [
      { kept: "WEB", rejected: "SYNTHETIC", pictures: 0, examples: [] },
      { kept: "SYNTHETIC", rejected: "WEB", pictures: 0, examples: [] },
    ],
  };
}

export function addPicture(report: GrowingReport, image: ExportedImage, captions: readonly ExportedCaption[]): void {
  report.counts.pictures += 1;
  for (const caption of captions) {
    report.counts.captions += 1;
    countVerdict(report, caption);
    countProbability(report, image, caption);
  }
  addRejections(report, image, captions);
  for (const disagreement of report.disagreements) addDisagreement(disagreement, image, captions);
}

export function endReport(report: GrowingReport): ExportReport {
  const { corpus, policy, counts, near, disagreements } = report;
  const inOrder = (one: string, other: string) => (one < other ? -1 : 1);
  return {
    corpus,
    policy: policy && {
      version: policy.version,
      filterName: policy.filterName,
      filterFingerprint: policy.filterFingerprint,
      rule: policy.rule,
    },
    ...counts,
    verdicts: [...report.verdicts].sort(([one], [other]) => inOrder(one, other)).map(([, row]) => row),
    histograms: [...report.bins]
      .sort(([one], [other]) => inOrder(one, other))
      .map(([source, bins]) => ({ source, keepFrom: keepFromOf(policy, source), bins })),
    nearThreshold: near.map(({ example }) => example),
    rejections: [...report.rejections]
      .map(([reason, { captions, examples }]) => ({ reason, captions, examples }))
      .sort((one, other) => other.captions - one.captions || inOrder(one.reason, other.reason)),
    disagreements,
  };
}

function countVerdict({ verdicts }: GrowingReport, { source, verdict, reason }: ExportedCaption): void {
  const key = JSON.stringify([source, verdict, reason]);
  const row = verdicts.get(key) ?? { source, verdict, reason, captions: 0 };
  row.captions += 1;
  verdicts.set(key, row);
}

function countProbability(report: GrowingReport, image: ExportedImage, caption: ExportedCaption): void {
  const { source, matchProbability, reason } = caption;
  if (matchProbability === null || Number.isNaN(matchProbability)) return;
  const bins = report.bins.get(source) ?? new Array<number>(BINS).fill(0);
  report.bins.set(source, bins);
  const bin = Math.min(BINS - 1, Math.floor(matchProbability * BINS));
  bins[bin] = (bins[bin] ?? 0) + 1;
  const keepFrom = keepFromOf(report.policy, source);
  if (keepFrom === null || (reason !== "MATCHES" && reason !== "BELOW_THRESHOLD")) return;
  const { near } = report;
  const distance = Math.abs(matchProbability - keepFrom);
  if (near.length === NEAR_EXAMPLES && distance >= (near.at(-1)?.distance ?? 0)) return;
  const place = near.findIndex((each) => each.distance > distance);
  near.splice(place < 0 ? near.length : place, 0, { distance, example: exampleOf(image, caption) });
  near.length = Math.min(near.length, NEAR_EXAMPLES);
}

/** One example of a reason for each picture, so that a picture with many captions does not fill the page. */
function addRejections(
  { rejections }: GrowingReport,
  image: ExportedImage,
  captions: readonly ExportedCaption[],
): void {
  const shown = new Set<string>();
  for (const caption of captions) {
    const { verdict, reason } = caption;
    if (verdict !== "REJECTED" || reason === null) continue;
    const row = rejections.get(reason) ?? { captions: 0, examples: [] };
    rejections.set(reason, row);
    row.captions += 1;
    if (shown.has(reason) || row.examples.length === REJECTION_EXAMPLES) continue;
    shown.add(reason);
    row.examples.push(exampleOf(image, caption));
  }
}

function addDisagreement(
  disagreement: GrowingDisagreement,
  image: ExportedImage,
  captions: readonly ExportedCaption[],
): void {
  const find = (source: CaptionSource, verdict: string) =>
    captions.find((caption) => caption.source === source && caption.verdict === verdict);
  const kept = find(disagreement.kept, "KEPT");
  const rejected = find(disagreement.rejected, "REJECTED");
  if (!kept || !rejected || find(disagreement.rejected, "KEPT")) return;
  disagreement.pictures += 1;
  if (disagreement.examples.length === DISAGREEMENT_EXAMPLES) return;
  disagreement.examples.push({ kept: exampleOf(image, kept), rejected: exampleOf(image, rejected) });
}

function keepFromOf(policy: FilterPolicy | null, source: CaptionSource): number | null {
  return policy === null || source === "HUMAN" ? null : policy.rule.keepFrom[source];
}

function exampleOf(image: ExportedImage, caption: ExportedCaption): ReportExample {
  const { id, text, source, verdict, reason, matchProbability } = caption;
  const shown = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT - 1).toWellFormed()}…` : text;
  return { sha256: image.sha256, captionId: id, text: shown, source, verdict, reason, matchProbability };
}

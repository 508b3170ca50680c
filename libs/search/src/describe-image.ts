import type { Inference, Match, ModelInfo, Outcome } from "@medley/inference-api";
import {
  activeSpace,
  type Database,
  embeddingOf,
  type Image,
  type NearestText,
  searchTextsNear,
} from "@medley/storage";
import { loadSearchCalibration, matchProbabilityOf, type SearchCalibration } from "./calibration.ts";
import { requireImage } from "./caption-image.ts";
import { SearchError } from "./errors.ts";
import { modelFor, requireModelOf } from "./models.ts";
import { requireInteger, requireText } from "./query.ts";

/** How many of the nearest texts the matching head reads: one pass each, as for the pictures of a search. */
const TEXTS_JUDGED = 64;
const MAX_TEXTS = 64;
const MAX_LABELS = 100;
const LABEL = "{label}";
/** The prompt of BLIP's captions, which its texts in training begin with. */
export const DEFAULT_TEMPLATE = `a picture of ${LABEL}`;

interface DescribeDependencies {
  readonly db: Database;
  readonly inference: Inference;
}

/** How well a text fits a picture, judged by itself. */
export interface TextFit {
  readonly text: string;
  readonly itcCosine: number;
  readonly itmLogit: number;
  /** itmLogit + w * itcCosine: what texts are ordered by. */
  readonly rerankScore: number;
  /** Calibrated probability that picture and text belong together, 0..1; null until the picture's corpus is calibrated for this model. */
  readonly matchProbability: number | null;
}

export interface Description extends TextFit, Omit<NearestText, "text"> {}

export interface DescribeResult {
  readonly image: Image;
  /** Best first. */
  readonly texts: readonly Description[];
  readonly modelName: string;
  readonly modelFingerprint: string;
}

/**
 * Which of the texts of its corpus fit a picture (image-to-text retrieval): the 64 nearest to it in the active space, ordered by the matching head as in
 * BLIP's evaluation. Its own texts are among them, or are not: both say something about them.
 * @throws SearchError IMAGE_NOT_FOUND, NO_ACTIVE_SPACE, MODEL_MISMATCH, INVALID_QUERY
 */
export async function describeImage(
  dependencies: DescribeDependencies,
  { imageId, first, deadlineMs }: { imageId: string; first: number; deadlineMs?: number },
): Promise<DescribeResult> {
  requireInteger("first", first, 1, MAX_TEXTS);
  const { db, inference } = dependencies;
  const image = await requireImage(db, imageId);
  const space = await activeSpace(db, image.corpusId);
  const query = space && (await embeddingOf(db, { spaceId: space.id, imageId: image.id }));
  if (!space || !query) {
    const hint = "Wait until its ingest is done.";
    throw new SearchError("NO_ACTIVE_SPACE", `Image "${imageId}" has no vector in an active space yet. ${hint}`);
  }
  const model = await requireModelOf({ db, inference }, space);
  const near = await searchTextsNear(db, { corpusId: image.corpusId, spaceId: space.id, query, limit: TEXTS_JUDGED });
  const fits = await judgeTexts(
    dependencies,
    model,
    image,
    near.map(({ text }) => text),
    deadlineMs,
  );
  const texts = near.map(({ captionId, imageId: of }, index) => ({
    captionId,
    imageId: of,
    ...requireFit(fits[index]),
  }));
  return {
    image,
    texts: texts.toSorted(byScore).slice(0, first),
    modelName: model.name,
    modelFingerprint: model.fingerprint,
  };
}

export type LabelFit = TextFit & { readonly label: string };

/** From here on a picture and a text rather belong together than not. */
const FITS_FROM = 0.5;

export interface Classification {
  readonly image: Image;
  /** Best first; each is judged by itself, so that none of them may fit. */
  readonly labels: readonly LabelFit[];
  /** The best label whose match probability is one half or more; null where none fits so well, and without a calibration. */
  readonly best: LabelFit | null;
  readonly modelName: string;
  readonly modelFingerprint: string;
}

/**
 * How well each label fits a picture, without training on them (zero-shot), as texts that the template makes of them.
 * @throws SearchError IMAGE_NOT_FOUND, INVALID_QUERY
 */
export async function classifyImage(
  dependencies: DescribeDependencies,
  {
    imageId,
    labels,
    template = DEFAULT_TEMPLATE,
    deadlineMs,
  }: {
    imageId: string;
    labels: readonly string[];
    template?: string | undefined;
    deadlineMs?: number;
  },
): Promise<Classification> {
  requireInteger("the number of labels", labels.length, 1, MAX_LABELS);
  if (!template.includes(LABEL)) {
    throw new SearchError(
      "INVALID_QUERY",
      `The template "${template.slice(0, 80)}" has no ${LABEL}, which a label is to replace.`,
    );
  }
  const texts = labels.map((label, index) => template.replaceAll(LABEL, () => requireText(`labels[${index}]`, label)));
  const image = await requireImage(dependencies.db, imageId);
  const model = await modelFor(dependencies, image.corpusId);
  const fits = await judgeTexts(dependencies, model, image, texts, deadlineMs);
  const judged = labels.map((label, index) => ({ label: label.trim(), ...requireFit(fits[index]) })).toSorted(byScore);
  const best = judged.find(({ matchProbability }) => (matchProbability ?? 0) >= FITS_FROM) ?? null;
  return { image, labels: judged, best, modelName: model.name, modelFingerprint: model.fingerprint };
}

async function judgeTexts(
  { db, inference }: DescribeDependencies,
  model: ModelInfo,
  image: Image,
  texts: readonly string[],
  deadlineMs: number | undefined,
): Promise<TextFit[]> {
  if (texts.length === 0) return [];
  const deadline = deadlineMs === undefined ? {} : { deadlineMs };
  const outcomes = await inference.matchTexts({ sha256: image.sha256 }, texts, {
    ...deadline,
    itcCosine: true,
    model: model.fingerprint,
  });
  const calibration = await calibrationFor(db, image, model);
  return texts.map((text, index) => fitOf(text, outcomes[index], model.itcWeight, calibration));
}

/** That of the space which answers for the picture's corpus, when this model built it. */
async function calibrationFor(db: Database, { corpusId }: Image, model: ModelInfo): Promise<SearchCalibration | null> {
  const space = await activeSpace(db, corpusId);
  if (space?.fingerprint !== model.fingerprint) return null;
  return loadSearchCalibration(db, { corpusId, spaceId: space.id, itcWeight: model.itcWeight });
}

function fitOf(
  text: string,
  outcome: Outcome<Match> | undefined,
  itcWeight: number,
  calibration: SearchCalibration | null,
): TextFit {
  if (outcome === undefined) throw new Error("Bug: matchTexts returned fewer outcomes than it was given texts");
  if (!outcome.ok) throw outcome.error;
  const { itmLogit, itcCosine = 0 } = outcome.value;
  const rerankScore = itmLogit + itcWeight * itcCosine;
  const matchProbability = calibration && matchProbabilityOf(calibration, rerankScore);
  return { text, itcCosine, itmLogit, rerankScore, matchProbability };
}

function requireFit(fit: TextFit | undefined): TextFit {
  if (fit === undefined) throw new Error("Bug: a text was not judged");
  return fit;
}

function byScore(a: TextFit, b: TextFit): number {
  return b.rerankScore - a.rerankScore;
}

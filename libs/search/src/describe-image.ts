import type { Inference, Match, ModelInfo, Outcome } from "@medley/inference-api";
import {
  activeSpace,
  type Database,
  embeddingOf,
  type Image,
  type NearestText,
  searchTextsNear,
} from "@medley/storage";
import { requireImage } from "./caption-image.ts";
import { SearchError } from "./errors.ts";
import { requireModel } from "./models.ts";
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
  const model = requireModel(await inference.models(), "retrieval");
  if (model.fingerprint !== space.fingerprint) {
    const found = `The retrieval model "${model.name}" has fingerprint ${model.fingerprint}`;
    throw new SearchError("MODEL_MISMATCH", `${found}, but the active space was built with ${space.fingerprint}.`);
  }
  const near = await searchTextsNear(db, { corpusId: image.corpusId, spaceId: space.id, query, limit: TEXTS_JUDGED });
  const fits = await judgeTexts(
    inference,
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

export interface Classification {
  readonly image: Image;
  /** Best first; each is judged by itself, so that none of them may fit. */
  readonly labels: readonly (TextFit & { readonly label: string })[];
  readonly modelName: string;
  readonly modelFingerprint: string;
}

/**
 * How well each label fits a picture, without training on them (zero-shot), as texts that the template makes of them.
 * @throws SearchError IMAGE_NOT_FOUND, INVALID_QUERY
 */
export async function classifyImage(
  { db, inference }: DescribeDependencies,
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
  const image = await requireImage(db, imageId);
  const model = requireModel(await inference.models(), "retrieval");
  const fits = await judgeTexts(inference, model, image, texts, deadlineMs);
  const judged = labels.map((label, index) => ({ label: label.trim(), ...requireFit(fits[index]) }));
  return { image, labels: judged.toSorted(byScore), modelName: model.name, modelFingerprint: model.fingerprint };
}

async function judgeTexts(
  inference: Inference,
  model: ModelInfo,
  image: Image,
  texts: readonly string[],
  deadlineMs: number | undefined,
): Promise<TextFit[]> {
  if (texts.length === 0) return [];
  const deadline = deadlineMs === undefined ? {} : { deadlineMs };
  const outcomes = await inference.matchTexts({ sha256: image.sha256 }, texts, { ...deadline, itcCosine: true });
  return texts.map((text, index) => fitOf(text, outcomes[index], model.itcWeight));
}

function fitOf(text: string, outcome: Outcome<Match> | undefined, itcWeight: number): TextFit {
  if (outcome === undefined) throw new Error("Bug: matchTexts returned fewer outcomes than it was given texts");
  if (!outcome.ok) throw outcome.error;
  const { itmLogit, itcCosine = 0 } = outcome.value;
  return { text, itcCosine, itmLogit, rerankScore: itmLogit + itcWeight * itcCosine };
}

function requireFit(fit: TextFit | undefined): TextFit {
  if (fit === undefined) throw new Error("Bug: a text was not judged");
  return fit;
}

function byScore(a: TextFit, b: TextFit): number {
  return b.rerankScore - a.rerankScore;
}

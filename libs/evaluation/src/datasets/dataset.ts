import type { VocabularyObject } from "../metrics/object-phrases.ts";
import type { KnownBaseline } from "./baseline-file.ts";

/** A picture of a data set: a file, or bytes in the content store that the engine reads. */
export interface Picture {
  /** As the data set calls it; how failures and reports name it. */
  readonly name: string;
  readonly place: { readonly path: string } | { readonly sha256: string };
}

/** Texts and pictures to be found by one another. */
export interface RetrievalSet {
  readonly pictures: readonly Picture[];
  readonly texts: readonly RetrievalText[];
  /** Queries that no picture of the set answers. */
  readonly unanswered: readonly string[];
}

export interface RetrievalText {
  readonly text: string;
  /** Positions in `pictures` of those that the text is right for; at least one. */
  readonly pictures: readonly number[];
  /** Names under which results of this query are also given by themselves. */
  readonly groups: readonly string[];
}

/** A picture with the captions that people wrote for it. */
export interface CaptionItem {
  readonly picture: Picture;
  /** Number of the picture in result files of the COCO form. */
  readonly imageId?: number | string;
  readonly references: readonly string[];
  /** Name under which results are also given by themselves, such as NoCaps' "in-domain". */
  readonly group?: string;
  /** Names of `ObjectVocabulary` that the picture shows, beyond those that the references name. */
  readonly objects?: readonly string[];
}

export interface CaptionSet {
  readonly items: readonly CaptionItem[];
  /** Empty where the data set says nothing about objects. */
  readonly vocabulary: readonly VocabularyObject[];
}

export interface QuestionItem {
  readonly id: number | string;
  readonly picture: Picture;
  readonly question: string;
  /** What each annotator answered (ten in VQA v2); empty where the answers are kept secret. */
  readonly answers: readonly string[];
  /** VQA v2: "yes/no", "number", "other". */
  readonly answerType?: string;
  /** VQA v2: how the question starts, such as "how many". */
  readonly questionType?: string;
}

/** Two pictures and two captions of nearly the same words: caption 0 fits picture 0 alone, caption 1 picture 1 alone. */
export interface PictureCaptionPair {
  readonly pictures: readonly [Picture, Picture];
  readonly captions: readonly [string, string];
  readonly kind?: string;
}

/** One picture with a true text and one that is false by a detail. */
export interface FoilPair {
  readonly picture: Picture;
  readonly caption: string;
  readonly foil: string;
  readonly kind?: string;
}

export interface PairSet {
  readonly twoPictures: readonly PictureCaptionPair[];
  readonly onePicture: readonly FoilPair[];
}

export interface ClassSet {
  readonly classes: readonly ClassDescription[];
  readonly items: readonly { readonly picture: Picture; readonly classIndex: number }[];
}

export interface ClassDescription {
  readonly name: string;
  /** Texts for the class; at least one. Its embedding is their mean. */
  readonly prompts: readonly string[];
}

/** What one folder or corpus offers: each part is the input of one kind of evaluation. */
export interface DatasetParts {
  readonly retrieval?: RetrievalSet;
  readonly captions?: CaptionSet;
  readonly questions?: readonly QuestionItem[];
  readonly pairs?: PairSet;
  readonly classes?: ClassSet;
}

export interface Dataset extends DatasetParts {
  readonly name: string;
  /** Where it came from, for reports. */
  readonly source: string;
  /** What other methods reach on it; empty where nobody says. */
  readonly baselines: readonly KnownBaseline[];
}

import { EvaluationError } from "../evaluation-error.ts";
import { phrasesOf, type VocabularyObject } from "./object-phrases.ts";
import { tokeniseCaption } from "./tokenise-caption.ts";

export interface DescribedPicture {
  readonly caption: string;
  /** Names of vocabulary objects that the picture shows. */
  readonly objects: readonly string[];
}

export interface PictureHallucination {
  /** Names of the objects that the caption mentions, in its order; one mentioned twice stands twice. */
  readonly mentioned: readonly string[];
  /** Those of them that the picture does not show. */
  readonly hallucinated: readonly string[];
  /** Names of the objects that the picture shows and the caption leaves out. */
  readonly missed: readonly string[];
}

export interface ObjectHallucination {
  /** Share of all mentions that the picture does not show, in [0, 1]; lower is better. 0 also when nothing is mentioned. */
  readonly chairI: number;
  /** Share of captions with at least one such mention, in [0, 1]; lower is better. */
  readonly chairS: number;
  /** Share of all shown objects that are mentioned, in [0, 1]; higher is better. 0 also when no picture shows any. */
  readonly recall: number;
  /** Mentions that chairI divides by; 0 makes chairI meaningless. */
  readonly mentions: number;
  /** Shown objects that recall divides by; 0 makes recall meaningless. */
  readonly shownObjects: number;
  readonly perItem: readonly PictureHallucination[];
}

/**
 * CHAIR (Rohrbach et al., EMNLP 2018), computed as its text says, with a vocabulary of the caller's: counts things that a caption names
 * and the picture does not show. A figure depends on the vocabulary, so compare figures of the same one only.
 * A caption that names nothing has no hallucination: read both shares beside recall.
 */
export function objectHallucination(
  items: readonly DescribedPicture[],
  vocabulary: readonly VocabularyObject[],
): ObjectHallucination {
  if (items.length === 0) {
    throw new EvaluationError(
      "EMPTY",
      "There are 0 captions to score, expected at least 1. Check the data set's split.",
    );
  }
  requireKnownObjects(items, vocabulary);
  const mentions = objectMentions(
    items.map(({ caption }) => caption),
    vocabulary,
  );
  const perItem = items.map(({ objects }, index) => comparePicture(new Set(objects), mentions[index] ?? []));
  const count = (read: (item: PictureHallucination) => readonly string[]) =>
    perItem.reduce((sum, item) => sum + read(item).length, 0);
  const mentioned = count((item) => item.mentioned);
  const shown = items.reduce((sum, { objects }) => sum + new Set(objects).size, 0);
  return {
    chairI: share(
      count((item) => item.hallucinated),
      mentioned,
    ),
    chairS: perItem.filter(({ hallucinated }) => hallucinated.length > 0).length / items.length,
    recall: share(shown - count((item) => item.missed), shown),
    mentions: mentioned,
    shownObjects: shown,
    perItem,
  };
}

/**
 * Names of the vocabulary objects that each text mentions, in the text's order. Where phrases overlap the longest counts: "hot dog" is
 * no dog. CHAIR also takes for shown what the references name; this finds it in them.
 */
export function objectMentions(
  texts: readonly string[],
  vocabulary: readonly VocabularyObject[],
): readonly (readonly string[])[] {
  const phrases = phrasesOf(vocabulary);
  const longest = Math.max(0, ...[...phrases.keys()].map((phrase) => phrase.split(" ").length));
  return texts.map((text) => mentionsIn(tokeniseCaption(text), phrases, longest));
}

function mentionsIn(tokens: readonly string[], phrases: ReadonlyMap<string, string>, longest: number): string[] {
  const mentions: string[] = [];
  for (let start = 0; start < tokens.length; ) {
    const length = phraseLengthAt(tokens, start, phrases, longest);
    const name = phrases.get(tokens.slice(start, start + length).join(" "));
    if (name !== undefined) mentions.push(name);
    start += Math.max(1, length);
  }
  return mentions;
}

/** Tokens of the longest phrase that begins at `start`; 0 when none does. */
function phraseLengthAt(
  tokens: readonly string[],
  start: number,
  phrases: ReadonlyMap<string, string>,
  longest: number,
): number {
  let length = Math.min(longest, tokens.length - start);
  while (length > 0 && !phrases.has(tokens.slice(start, start + length).join(" "))) length--;
  return length;
}

function comparePicture(shown: ReadonlySet<string>, mentioned: readonly string[]): PictureHallucination {
  const names = new Set(mentioned);
  return {
    mentioned,
    hallucinated: mentioned.filter((name) => !shown.has(name)),
    missed: [...shown].filter((name) => !names.has(name)),
  };
}

function requireKnownObjects(items: readonly DescribedPicture[], vocabulary: readonly VocabularyObject[]): void {
  const known = new Set(vocabulary.map(({ name }) => name));
  for (const [index, { objects }] of items.entries()) {
    const unknown = objects.find((name) => !known.has(name));
    if (unknown === undefined) continue;
    throw new EvaluationError(
      "BAD_INPUT",
      `Picture ${index} shows "${unknown}", expected a name of the vocabulary (${known.size} names). Add it, or give the name that it goes by.`,
    );
  }
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

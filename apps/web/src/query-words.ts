/** Words that name nothing which could be seen. */
const UNSEEN = new Set(
  "a an the this that these those it its and or but not no without of on in at by with from to into for over under near behind between beside is are was be being there some any".split(
    " ",
  ),
);
/** A row of buttons, not a page of them. */
const MOST_WORDS = 8;

/** The words of a text that could be looked for in a picture, each once, in their order. */
export function wordsToLookFor(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}'’-]*/gu) ?? [];
  return [...new Set(words.filter((word) => !UNSEEN.has(word)))].slice(0, MOST_WORDS);
}

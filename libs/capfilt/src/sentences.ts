/** Up to here a text is a caption, whatever its punctuation; beyond, one sentence of it may fit the picture where the others do not. */
const MOST_WORDS_AS_ONE = 20;
/** A text of a page that came with a picture; more sentences than this are not about one picture. */
export const MOST_SENTENCES = 32;

const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });

/** The sentences of a long text, at most MOST_SENTENCES, each with a word; empty for a text that is judged as a whole. */
export function sentencesOf(text: string): string[] {
  if (countWords(text) <= MOST_WORDS_AS_ONE) return [];
  const sentences: string[] = [];
  for (const { segment } of segmenter.segment(text)) {
    const sentence = segment.trim();
    if (countWords(sentence) > 0 && !sentences.includes(sentence)) sentences.push(sentence);
    if (sentences.length === MOST_SENTENCES) break;
  }
  return sentences.length > 1 ? sentences : [];
}

function countWords(text: string): number {
  return text.match(/[\p{Letter}\p{Number}]+/gu)?.length ?? 0;
}

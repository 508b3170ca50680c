import { TOKEN_FORMS, type TokenForm, WORD_BEFORE_NOT } from "./caption-token-forms.ts";

/**
 * Lower-case words of a caption in the manner of the Penn Treebank, as the caption metrics of COCO count them: "The dogs' owner isn't
 * here." -> the, dogs, owner, is, n't, here. Quotation marks, dashes, ellipses and . , : ; ? ! are removed; round, square and
 * curly brackets become the words -lrb-, -rrb-, -lsb- and so on, and runs such as "!!" stay.
 * Equal to `PTBTokenizer` of pycocoevalcap 1.2 (Stanford CoreNLP 3.4.1) token for token on the fixture's captions; the
 * known differences are in the library's readme and among the tests. Written from the behaviour of that program, not from its source.
 * A line break is a space here; there some kinds of it (U+0085, U+2028) shift every later caption of the file by one.
 */
export function tokeniseCaption(text: string): string[] {
  const tokens: string[] = [];
  for (let position = 0; position < text.length; ) {
    const { length, written } = tokenAt(text, position);
    tokens.push(...written);
    position += Math.max(1, length);
  }
  return tokens.map((token) => token.replaceAll("\u00ad", "").toLowerCase()).filter((token) => token !== "");
}

interface FoundToken {
  /** UTF-16 units of the text that it takes up; 0 where no token begins, such as at white space. */
  readonly length: number;
  readonly written: readonly string[];
}

/** Nine of ten tokens: a word between spaces that no form parts. Makes no difference but a tenfold one in time. */
const PLAIN_WORD = /(?!(?:cannot|gimme|lemme|gonna|gotta|wanna)\s)[A-Za-z]+(?=\s)/iy;

function tokenAt(text: string, position: number): FoundToken {
  const plainWord = matchAt(PLAIN_WORD, text, position);
  if (plainWord !== "") return { length: plainWord.length, written: [plainWord] };
  const beforeNot = matchAt(WORD_BEFORE_NOT, text, position);
  if (beforeNot !== "") return { length: beforeNot.length, written: [beforeNot] };
  let longest: FoundToken = { length: 0, written: [] };
  for (const form of TOKEN_FORMS) {
    const match = matchAt(form.pattern, text, position);
    if (match.length > longest.length) longest = { length: match.length, written: writtenFor(form, match) };
  }
  return longest;
}

function writtenFor({ write }: TokenForm, match: string): readonly string[] {
  return write === undefined ? [match] : write(match);
}

function matchAt(pattern: RegExp, text: string, position: number): string {
  pattern.lastIndex = position;
  return pattern.exec(text)?.[0] ?? "";
}

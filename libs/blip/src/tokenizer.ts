import { BlipError } from "./blip-error.ts";
import type { SpecialTokens } from "./geometry.ts";
import { type NormaliseOptions, normaliseText, splitWords } from "./tokenizer-normalise.ts";

/** Longer words become [UNK] as a whole (counted in code points), in BERT as here. */
const MAX_WORD_CHARACTERS = 100;
const CONTINUATION = "##";

export interface EncodeOptions {
  /**
   * What stands at position 0: "cls" for the text encoder (ITC), "enc" for the image-grounded encoder (ITM, questions),
   * "dec" for the decoder, or an id.
   */
  readonly first: "cls" | "enc" | "dec" | number;
  /** Most ids in the result, first and [SEP] included. The first pieces are kept, [SEP] is put back. No limit when absent. */
  readonly maxTokens?: number;
  /** Ends with [SEP]; true when absent. False for a decoder prefix. */
  readonly appendSep?: boolean;
}

/** A word as the tokenizer splits and normalises it, with the ids of its pieces. */
export interface TokenizedWord {
  readonly text: string;
  readonly ids: readonly number[];
}

export interface Tokenizer {
  /** Pieces in the vocabulary, without [DEC] and [ENC] where these come on top. */
  readonly vocabularySize: number;
  /** `sep` is also the end token of the decoder, `decode` its first. */
  readonly specialTokens: SpecialTokens;
  /** Ids of a text, not padded. An empty text gives first and [SEP]. */
  readonly encode: (text: string, options: EncodeOptions) => number[];
  /** The words whose ids, one after the other, are those that `encode` puts between the first token and [SEP]. */
  readonly words: (text: string) => readonly TokenizedWord[];
  /**
   * Text of generated ids as transformers' `decode(ids, skip_special_tokens=True)`: special ids (also [UNK], [DEC], [ENC])
   * and ids outside the vocabulary are left out.
   */
  readonly decode: (tokenIds: Iterable<number>) => string;
}

export interface TokenizerOptions extends Partial<NormaliseOptions> {
  /**
   * Ids that the checkpoint's configuration gives. Otherwise the vocabulary's own; [DEC] and [ENC], which BLIP adds to BERT's
   * vocabulary, are the two ids after it.
   */
  readonly specialTokens?: Partial<SpecialTokens>;
  /**
   * Also mends spaces across words: "don ' t" becomes "don't". transformers 5 does it only where tokenizer_config.json says
   * clean_up_tokenization_spaces (default false); transformers 4 and the original BLIP code always did (true).
   */
  readonly cleanUpSpaces?: boolean;
}

/**
 * BERT's WordPiece tokenizer over a vocabulary (position in the list is the id).
 * Follows transformers 5.23 BertTokenizer (tokenizers 0.23.3); parity: tokenizer.parity.test.ts, exact.
 * @throws BlipError BAD_VOCABULARY when [PAD], [UNK], [CLS] or [SEP] is missing
 */
export function createTokenizer(vocabulary: readonly string[], options: TokenizerOptions = {}): Tokenizer {
  const ids = new Map(vocabulary.map((piece, id) => [piece, id]));
  const required = (piece: string): number => {
    const id = ids.get(piece);
    if (id !== undefined) return id;
    throw new BlipError(
      "BAD_VOCABULARY",
      `The vocabulary of ${vocabulary.length} pieces has no "${piece}". Is vocab.txt complete and a BERT vocabulary?`,
    );
  };
  const given = options.specialTokens ?? {};
  const decode = given.decode ?? ids.get("[DEC]") ?? vocabulary.length;
  const specialTokens: SpecialTokens = {
    pad: given.pad ?? required("[PAD]"),
    unknown: given.unknown ?? required("[UNK]"),
    cls: given.cls ?? required("[CLS]"),
    sep: given.sep ?? required("[SEP]"),
    decode,
    encode: given.encode ?? ids.get("[ENC]") ?? decode + 1,
  };
  const normalise: NormaliseOptions = {
    lowercase: options.lowercase ?? true,
    stripAccents: options.stripAccents ?? options.lowercase ?? true,
    splitIdeographs: options.splitIdeographs ?? true,
  };
  const skipped = new Set(Object.values(specialTokens));
  const maskId = ids.get("[MASK]");
  if (maskId !== undefined) skipped.add(maskId);

  return {
    vocabularySize: vocabulary.length,
    specialTokens,
    encode: (text, { first, maxTokens, appendSep = true }) => {
      const room = maxTokens === undefined ? Number.POSITIVE_INFINITY : maxTokens - (appendSep ? 2 : 1);
      if (room < 0) throw new Error(`Bug: maxTokens ${maxTokens} leaves no room for the special tokens`);
      const pieces = toPieces(text, ids, specialTokens.unknown, normalise, room);
      const firstId = firstToken(first, specialTokens);
      return appendSep ? [firstId, ...pieces, specialTokens.sep] : [firstId, ...pieces];
    },
    words: (text) => [...toWords(text, ids, specialTokens.unknown, normalise)],
    decode: (tokenIds) => {
      const kept = Array.from(tokenIds, (id) => (skipped.has(id) ? undefined : vocabulary[id]));
      const text = joinPieces(kept.filter((piece) => piece !== undefined));
      return options.cleanUpSpaces === true ? mendSpaces(text) : text;
    },
  };
}

function firstToken(first: EncodeOptions["first"], specialTokens: SpecialTokens): number {
  if (typeof first === "number") return first;
  return { cls: specialTokens.cls, enc: specialTokens.encode, dec: specialTokens.decode }[first];
}

/** "[SEP]" and the like in a text are taken for the token itself, before anything else, as in the reference. */
const SPECIAL_IN_TEXT = /(\[(?:PAD|UNK|CLS|SEP|MASK)\])/;

function toPieces(
  text: string,
  ids: ReadonlyMap<string, number>,
  unknownId: number,
  options: NormaliseOptions,
  room: number,
): number[] {
  const pieces: number[] = [];
  for (const word of toWords(text, ids, unknownId, options)) {
    if (pieces.length >= room) break;
    pieces.push(...word.ids);
  }
  return pieces.length > room ? pieces.slice(0, room) : pieces;
}

function* toWords(
  text: string,
  ids: ReadonlyMap<string, number>,
  unknownId: number,
  options: NormaliseOptions,
): Generator<TokenizedWord> {
  for (const [index, part] of text.split(SPECIAL_IN_TEXT).entries()) {
    const specialId = index % 2 === 1 ? ids.get(part) : undefined;
    if (specialId !== undefined) {
      yield { text: part, ids: [specialId] };
      continue;
    }
    for (const word of splitWords(normaliseText(part, options))) {
      yield { text: word, ids: piecesOf(word, ids, unknownId) };
    }
  }
}

/** Greedy longest match from the left; a word with any part outside the vocabulary is one [UNK]. */
function piecesOf(word: string, ids: ReadonlyMap<string, number>, unknownId: number): number[] {
  const whole = ids.get(word);
  if (whole !== undefined) return [whole];
  const characters = Array.from(word);
  if (characters.length > MAX_WORD_CHARACTERS) return [unknownId];
  const found: number[] = [];
  for (let start = 0; start < characters.length; ) {
    let end = characters.length;
    let id: number | undefined;
    for (; end > start; end--) {
      const part = characters.slice(start, end).join("");
      id = ids.get(start === 0 ? part : CONTINUATION + part);
      if (id !== undefined) break;
    }
    if (id === undefined) return [unknownId];
    found.push(id);
    start = end;
  }
  return found;
}

/** The WordPiece decoder of `tokenizers` with its per-piece clean-up: no space before . ? ! and , */
function joinPieces(pieces: readonly string[]): string {
  let text = "";
  for (const [index, piece] of pieces.entries()) {
    if (index === 0) text += piece;
    else if (piece.startsWith(CONTINUATION)) text += piece.slice(CONTINUATION.length);
    else text += /^[.?!,]/.test(piece) ? piece : ` ${piece}`;
  }
  return text;
}

/** transformers' clean_up_tokenization. */
function mendSpaces(text: string): string {
  return text
    .replaceAll(/ ([.?!,])/g, "$1")
    .replaceAll(" ' ", "'")
    .replaceAll(/ (n't|'m|'s|'ve|'re)/g, "$1");
}

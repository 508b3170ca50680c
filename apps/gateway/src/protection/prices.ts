/** Values of a field's arguments, variables and defaults put in. */
export type Arguments = Readonly<Record<string, unknown>>;

/**
 * What root fields and dear fields cost, in estimated milliseconds of models: BLIP base on 2 cores, as `docs/benchmarks.md` measures it
 * (a picture 320 ms to 700 ms, a matched pair 17 ms to 37 ms without stored keys, a caption token 24 ms to 40 ms). Estimates for
 * comparing operations, made for the worst of the known machines; the small bundled model takes a tenth. What is not listed costs nothing.
 */
const TEXT_MS = 20;
const PICTURE_MS = 500;
const PAIR_MS = 25;
const TOKEN_MS = 30;

/** How many tokens a caption or an answer has unless its decoding says otherwise. */
const USUAL_TOKENS = 20;
const USUAL_BEAMS = 3;
const USUAL_TOP_K = 50;
/** Sorting a vocabulary of 30,524 (2026-11-27). */
const SORT_MS = 20;
/** BLIP scores this many answers of a list in full. */
const USUAL_ANSWERS = 128;
/** How many texts a picture is described with before the best are chosen. */
const DESCRIBING_TEXTS = 64;
/** A look at the first token of an answer, of which a list may have thousands. */
const FIRST_LOOK_MS = 0.1;

/** A look into the database, for which a model waits no less than for itself. */
const DUPLICATES_MS = 1;
/** The same for the answers that a picture has, a page of pictures at once. */
const ANSWERS_MS = 0.1;
/** A further corpus of a search, for each clause: its vectors and those of its texts (16 small corpora, 2026-11-27). */
const CORPUS_MS = 5;
/** Counting the answers to all questions reads a row for each picture and question: 100,000 took so long (2026-11-26, PostgreSQL 18). */
const QUESTIONS_MS = 220;

/** Prices by "Type.field"; `first` and other sizes of lists multiply what lies below a field (`cost.ts`). */
export const PRICES: Readonly<Record<string, (args: Arguments) => number>> = {
  "Query.search": (args) => searchMs(member(args, "input")),
  "Query.describe": () => PAIR_MS * DESCRIBING_TEXTS,
  "Query.classify": (args) => PICTURE_MS + PAIR_MS * lengthOf(member(args, "labels")),
  "Query.caption": (args) => PICTURE_MS + decodingMs(args["decoding"], numberAt(args, "alternatives", 0)),
  // A pair, read as far as one layer of the matching head, or compared patch by patch; its tokens are stored as those of a search's candidates are.
  "SearchEdge.evidence": () => PAIR_MS,
  "Image.evidence": () => PAIR_MS,
  // No model is asked; but pictures have duplicates that have duplicates, and each level multiplies the next.
  "Image.nearDuplicates": () => DUPLICATES_MS,
  // What declaring a question costs is done by the ingest worker, behind what people wait for.
  "Image.answers": () => ANSWERS_MS,
  "Corpus.questions": () => QUESTIONS_MS,
  "Query.ask": (args) => PICTURE_MS + TEXT_MS + answerMs(args["mode"]),
  // Judged once, however many events tell of it.
  "Subscription.searchRefined": (args) => searchMs(member(args, "input")),
};

/** A root field that a model works for while its subscription lasts. */
export function asksModels(rootField: string): boolean {
  return Object.hasOwn(PRICES, rootField);
}

/** How often what lies below a field is answered, where that is more than once. */
export const REPEATS: Readonly<Record<string, (args: Arguments) => number>> = {
  "Subscription.searchRefined": (args) => 2 + candidatesOf(member(args, "input")) / CANDIDATES_PER_EVENT,
};

/** The search library judges so many before it tells. */
const CANDIDATES_PER_EVENT = 32;

/** Each text clause is matched with every candidate; a picture that is sent along or fetched is encoded, a stored one costs nothing. */
function searchMs(input: unknown): number {
  const clauses = ["all", "any", "none"].flatMap((place) => listOf(member(input, place)));
  const perText = TEXT_MS + PAIR_MS * candidatesOf(input);
  const texts = clauses.filter((clause) => member(clause, "text") !== undefined).length;
  const isSent = (clause: unknown) => member(clause, "picture") !== undefined || member(clause, "url") !== undefined;
  const pictures = clauses.filter(isSent).length;
  const others = Math.max(0, lengthOf(member(input, "corpora")) - 1);
  return perText * texts + PICTURE_MS * pictures + CORPUS_MS * others * Math.max(1, clauses.length);
}

function candidatesOf(input: unknown): number {
  return numberAt(member(input, "rerank"), "candidates", 128);
}

/** One value where a list is expected counts as a list of it, as GraphQL reads it. */
function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function lengthOf(value: unknown): number {
  return listOf(value).length;
}

function answerMs(mode: unknown): number {
  const rank = member(mode, "rank");
  if (rank === undefined) return decodingMs(member(mode, "generate"));
  const answers = member(rank, "answers");
  const offered = Array.isArray(answers) ? answers.length : 1;
  return FIRST_LOOK_MS * offered + TOKEN_MS * Math.min(offered, numberAt(rank, "candidates", USUAL_ANSWERS));
}

/** Beams and samples are decoded side by side: each more costs a part of the first. */
function decodingMs(decoding: unknown, alternatives = 0): number {
  const [method, settings] = Object.entries((decoding as object | null | undefined) ?? { beam: {} })[0] ?? ["beam", {}];
  const tokens = numberAt(settings, "maxLength", USUAL_TOKENS);
  // Alternatives are beams that are searched anyway.
  const rows = method === "beam" ? numberAt(settings, "beams", USUAL_BEAMS) : 1 + alternatives;
  const sorts = method === "nucleus" && sortsVocabulary(numberAt(settings, "topK", USUAL_TOP_K));
  return TOKEN_MS * tokens * (1 + (rows - 1) / 2) + (sorts ? SORT_MS * tokens * rows : 0);
}

/** 0 is no limit, and from a few hundred on all tokens are sorted. */
function sortsVocabulary(topK: number): boolean {
  return topK === 0 || topK >= 512;
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name] ?? undefined;
}

/** Never less than nothing: a negative size is refused later, and must not pay for others until then. */
export function numberAt(value: unknown, name: string, fallback: number): number {
  const found = member(value, name);
  return typeof found === "number" && Number.isFinite(found) ? Math.max(0, found) : fallback;
}

import type { Queryable } from "./database.ts";
import { withoutZeros } from "./images.ts";
import { nameProblem } from "./names.ts";
import { StorageError } from "./storage-error.ts";
import { requireUuid } from "./uuid.ts";
import { wakeCorpus } from "./wakes.ts";

export const QUESTION_TYPES = ["BOOLEAN", "CATEGORY", "TEXT", "NUMBER"] as const;
/** BOOLEAN and CATEGORY rank a closed list of answers; TEXT and NUMBER are generated, and a number is read from the words. */
export type QuestionType = (typeof QUESTION_TYPES)[number];

/** A question that a model answers about every picture of a corpus. */
export type Question = {
  readonly id: string;
  readonly corpusId: string;
  /** Of the column, once among those of the corpus that are not retired. */
  readonly name: string;
  readonly question: string;
  readonly type: QuestionType;
  /** What is ranked; null where the answer is generated. */
  readonly answers: readonly string[] | null;
  /** Answers below it do not count; null: all count. */
  readonly minimumProbability: number | null;
  readonly declaredAt: Date;
  /** Since when answers of other models wait to be given again; null when nobody asked for that. */
  readonly renewRequestedAt: Date | null;
};

export type NewQuestion = {
  readonly name: string;
  readonly question: string;
  readonly type: QuestionType;
  /** Needed for CATEGORY, and for it alone. */
  readonly answers?: readonly string[] | null | undefined;
  readonly minimumProbability?: number | null | undefined;
};

/**
 * DECLARED: it is new. REVIVED: it was retired, and its answers are back. CHANGED: it was there, with another minimum probability. UNCHANGED: it was
 * there.
 */
export type DeclaredQuestion = {
  readonly question: Question;
  readonly outcome: "DECLARED" | "REVIVED" | "CHANGED" | "UNCHANGED";
};

/** BLIP's own words for the two. */
export const TRUTH_ANSWERS = ["yes", "no"] as const;

/** Each costs a look at every picture of the corpus. */
const MOST_QUESTIONS = 64;
const LONGEST_NAME = 200;
/** As a question that is asked about one picture. */
const LONGEST_QUESTION = 2_000;
const MOST_ANSWERS = 1_000;
const LONGEST_ANSWER = 200;

const COLUMNS = `id, corpus_id as "corpusId", name, question, type, answers, minimum_probability as "minimumProbability",
  declared_at as "declaredAt", renew_requested_at as "renewRequestedAt"`;

/** The questions of a corpus that are not retired, oldest first. */
export function liveQuestions(db: Queryable, corpusId: string): Promise<Question[]> {
  return db.query<Question>(
    `select ${COLUMNS} from questions where corpus_id = $1::uuid and retired_at is null order by declared_at, id`,
    [requireUuid("corpus", corpusId)],
  );
}

/**
 * Declares a question. Repeating it is harmless, and only the minimum probability of one that is there can be changed: answers to another question
 * are other answers. One that was retired comes back with the answers that it has. Call it in a transaction.
 * @throws StorageError INVALID_VALUE naming what cannot be meant
 */
export async function declareQuestion(db: Queryable, corpusId: string, asked: NewQuestion): Promise<DeclaredQuestion> {
  const wanted = validQuestion(asked);
  const [corpus] = await db.query("select id from corpora where id = $1::uuid for update", [
    requireUuid("corpus", corpusId),
  ]);
  if (!corpus) throw new StorageError("NOT_FOUND", `There is no corpus "${corpusId}".`);
  const live = await liveQuestions(db, corpusId);
  const known = live.find(({ name }) => name === wanted.name);
  if (known) return changeMinimum(db, known, wanted);
  if (live.length >= MOST_QUESTIONS) {
    throw invalid(`The corpus has ${live.length} questions, expected fewer than ${MOST_QUESTIONS}. Retire one first.`);
  }
  const values = [corpusId, wanted.name, wanted.question, wanted.type, jsonOrNull(wanted.answers)];
  const [revived] = await db.query<Question>(
    `update questions set retired_at = null, minimum_probability = $6::double precision
     where id = (
       select id from questions where corpus_id = $1::uuid and name = $2::text and question = $3::text and type = $4::text
         and answers is not distinct from $5::jsonb order by retired_at desc limit 1)
     returning ${COLUMNS}`,
    [...values, wanted.minimumProbability],
  );
  if (revived) {
    await wakeCorpus(db, corpusId);
    return { question: revived, outcome: "REVIVED" };
  }
  const [question] = await db.query<Question>(
    `insert into questions (corpus_id, name, question, type, answers, minimum_probability)
     values ($1::uuid, $2::text, $3::text, $4::text, $5::jsonb, $6::double precision) returning ${COLUMNS}`,
    [...values, wanted.minimumProbability],
  );
  if (!question) throw new Error("Bug: an insert returned no row.");
  await wakeCorpus(db, corpusId);
  return { question, outcome: "DECLARED" };
}

type ValidQuestion = Pick<Question, "name" | "question" | "type" | "answers" | "minimumProbability">;

async function changeMinimum(db: Queryable, known: Question, wanted: ValidQuestion): Promise<DeclaredQuestion> {
  const identity = ({ question, type, answers }: ValidQuestion) => JSON.stringify([question, type, answers]);
  if (identity(known) !== identity(wanted)) {
    const asks = `The corpus has a question "${known.name}" already, which asks "${known.question}" as ${known.type}`;
    throw invalid(`${asks}. Retire it first, or use another name.`);
  }
  if (known.minimumProbability === wanted.minimumProbability) return { question: known, outcome: "UNCHANGED" };
  const [question] = await db.query<Question>(
    `update questions set minimum_probability = $2::double precision where id = $1::uuid returning ${COLUMNS}`,
    [known.id, wanted.minimumProbability],
  );
  if (!question) throw new Error("Bug: a locked question is gone.");
  return { question, outcome: "CHANGED" };
}

/** Takes the column away; what is stored of it stays, for the case that the same question is declared again. */
export async function retireQuestion(db: Queryable, corpusId: string, name: string): Promise<Question> {
  const [retired] = await db.query<Question>(
    `update questions set retired_at = now(), renew_requested_at = null
     where corpus_id = $1::uuid and name = $2::text and retired_at is null returning ${COLUMNS}`,
    [requireUuid("corpus", corpusId), storable(name)],
  );
  return retired ?? unknownQuestion(name);
}

/** The next run asks the model that is served about the pictures that another one answered for. Until then the answers stay as they are. */
export async function requestRenewal(db: Queryable, corpusId: string, name: string): Promise<Question> {
  const [requested] = await db.query<Question>(
    `update questions set renew_requested_at = coalesce(renew_requested_at, now())
     where corpus_id = $1::uuid and name = $2::text and retired_at is null returning ${COLUMNS}`,
    [requireUuid("corpus", corpusId), storable(name)],
  );
  if (!requested) return unknownQuestion(name);
  await wakeCorpus(db, corpusId);
  return requested;
}

function unknownQuestion(name: string): never {
  throw new StorageError("NOT_FOUND", `The corpus has no question "${name.slice(0, 80)}".`);
}

function validQuestion(asked: NewQuestion): ValidQuestion {
  const name = requireLine("The name of a question", asked.name, LONGEST_NAME);
  const question = requireLine(`The question "${name}"`, asked.question, LONGEST_QUESTION);
  const type = QUESTION_TYPES.find((known) => known === asked.type);
  if (!type) {
    const found = `The type of the question "${name}" is "${asked.type}"`;
    throw invalid(`${found}, expected one of ${QUESTION_TYPES.join(", ")}.`);
  }
  const minimumProbability = asked.minimumProbability ?? null;
  if (minimumProbability !== null && !(minimumProbability >= 0 && minimumProbability <= 1)) {
    const found = `The minimum probability of the question "${name}" is ${minimumProbability}`;
    throw invalid(`${found}, expected a number from 0 to 1.`);
  }
  return { name, question, type, answers: answersOfType(name, type, asked.answers ?? null), minimumProbability };
}

function answersOfType(name: string, type: QuestionType, given: readonly string[] | null): readonly string[] | null {
  if (type !== "CATEGORY") {
    if (given !== null) throw invalid(`The question "${name}" is of type ${type} and has answers; only CATEGORY does.`);
    return type === "BOOLEAN" ? TRUTH_ANSWERS : null;
  }
  const answers = (given ?? []).map((answer) => requireLine(`An answer to "${name}"`, answer, LONGEST_ANSWER));
  if (answers.length < 2 || answers.length > MOST_ANSWERS) {
    throw invalid(`The question "${name}" has ${answers.length} answers, expected 2 to ${MOST_ANSWERS}.`);
  }
  const twice = answers.find((answer, index) => answers.indexOf(answer) !== index);
  if (twice === undefined) return answers;
  throw invalid(`The question "${name}" has the answer "${twice}" twice, expected each once.`);
}

function requireLine(what: string, text: string, most: number): string {
  const trimmed = text.trim();
  const problem = nameProblem(trimmed, most);
  if (problem !== null) throw invalid(`${what} ${problem}.`);
  return trimmed;
}

function jsonOrNull(value: readonly string[] | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

function storable(text: string): string {
  return withoutZeros(text).toWellFormed();
}

function invalid(message: string): StorageError {
  return new StorageError("INVALID_VALUE", message);
}

import type { Settings } from "@medley/config";
import {
  type AnswerFailureClass,
  answerFailureClasses,
  declareQuestion as declareInStorage,
  type DeclaredQuestion,
  ensureCorpus,
  findCorpus,
  liveQuestions,
  openDatabase,
  type Question,
  type QuestionCoverage,
  questionCoverage,
  type QuestionType,
  requestRenewal,
  retireQuestion as retireInStorage,
} from "@medley/storage";
import { CliError } from "../cli-error.ts";
import { databaseOptions } from "../database-options.ts";
import { describeNewCorpus, withCorpus } from "../with-corpus.ts";
import { note, writeLine, writeRecord } from "../output.ts";
import { readAnswers } from "./ask.ts";

interface CorpusOptions {
  readonly corpus: string;
  readonly json: boolean;
}

export interface DeclareOptions extends CorpusOptions {
  readonly type: Lowercase<QuestionType>;
  /** File with an answer on each line. */
  readonly answers?: string;
  readonly answer?: readonly string[];
  readonly minimum?: number;
}

/** Prints the questions of a corpus, how far they are, and why answers failed. */
export async function listQuestions(settings: Settings, { corpus, json }: CorpusOptions): Promise<void> {
  await withCorpus(settings, corpus, async (db, { id }) => {
    const questions = await liveQuestions(db, id);
    const coverage = new Map((await questionCoverage(db, id)).map((each) => [each.questionId, each]));
    const failures = await answerFailureClasses(db, id);
    if (json)
      return await writeRecord({ corpus, questions: questions.map((each) => recordOf(each, coverage)), failures });
    if (questions.length === 0) note(`Corpus "${corpus}" has no questions.`);
    for (const question of questions) {
      await writeLine(`${describeQuestion(question)}: ${describeCoverage(coverage.get(question.id))}`);
      const own = failures.filter((failure) => failure.question === question.name);
      for (const failure of own) await writeLine(`  ${describeFailure(failure)}`);
    }
  });
}

/** Declares a question; the corpus is created when there is none, so that its first pictures are asked about already. */
export async function declareQuestion(
  settings: Settings,
  name: string,
  question: string,
  options: DeclareOptions,
): Promise<void> {
  const { corpus, json, minimum } = options;
  if (options.answers !== undefined && options.answer !== undefined) {
    const hint = "Write all answers into the file, or give each with --answer.";
    throw new CliError("WRONG_USAGE", `--answers and --answer exclude each other. ${hint}`, { exitCode: 2 });
  }
  const fromFile = options.answers === undefined ? [] : await readAnswers(options.answers);
  const listed = [...fromFile, ...(options.answer ?? [])];
  const answers = listed.length > 0 ? listed : null;
  const type = options.type.toUpperCase() as QuestionType;
  await using db = await openDatabase(databaseOptions(settings));
  if ((await findCorpus(db, corpus)) === null) note(describeNewCorpus(corpus));
  const { id } = await ensureCorpus(db, { name: corpus });
  const asked = { name, question, type, answers, minimumProbability: minimum };
  const declared = await db.transaction((tx) => declareInStorage(tx, id, asked));
  if (json) await writeRecord({ corpus, outcome: declared.outcome, ...recordOf(declared.question, new Map()) });
  else note(describeDeclared(corpus, declared));
}

export async function retireQuestion(settings: Settings, name: string, { corpus, json }: CorpusOptions): Promise<void> {
  await withCorpus(settings, corpus, (db, { id }) => retireInStorage(db, id, name));
  if (json) await writeRecord({ corpus, retired: name });
  else
    note(`Question "${name}" is retired. Its answers stay stored; the same question declared again brings them back.`);
}

export async function renewAnswers(settings: Settings, name: string, { corpus, json }: CorpusOptions): Promise<void> {
  const question = await withCorpus(settings, corpus, (db, { id }) => requestRenewal(db, id, name));
  if (json) await writeRecord({ corpus, name, renewRequestedAt: question.renewRequestedAt });
  else note(`What another model answered to "${name}" is answered again. ${workerHint(corpus)}`);
}

function recordOf(
  { id: _id, corpusId: _corpusId, ...question }: Question,
  coverage: ReadonlyMap<string, QuestionCoverage>,
) {
  const counted = coverage.get(_id);
  if (!counted) return question;
  const { questionId: _questionId, models, ...counts } = counted;
  return { ...question, coverage: counts, models };
}

function workerHint(corpus: string): string {
  return `A running worker does it, or: medley ingest --corpus ${corpus}`;
}

function describeDeclared(corpus: string, { question, outcome }: DeclaredQuestion): string {
  switch (outcome) {
    case "DECLARED":
      return `${describeQuestion(question)} is asked about every picture of "${corpus}". ${workerHint(corpus)}`;
    case "REVIVED":
      return `${describeQuestion(question)} is back with the answers that it had. ${workerHint(corpus)}`;
    case "CHANGED":
      return `${describeQuestion(question)}: another minimum probability counts from now on. No model is asked.`;
    case "UNCHANGED":
      return `Corpus "${corpus}" has that question already.`;
  }
}

const MOST_NAMED_ANSWERS = 10;

/** Such as `colour: "What colour is it?" (category: red, blue; probability at least 0.5)`. */
function describeQuestion({ name, question, type, answers, minimumProbability }: Question): string {
  const named = answers?.slice(0, MOST_NAMED_ANSWERS).join(", ");
  const more = answers !== null && answers.length > MOST_NAMED_ANSWERS ? ", ..." : "";
  const list = named === undefined ? "" : `: ${named}${more}`;
  const minimum = minimumProbability === null ? "" : `; probability at least ${minimumProbability}`;
  return `${name}: "${question}" (${type.toLowerCase()}${list}${minimum})`;
}

function describeCoverage(coverage: QuestionCoverage | undefined): string {
  if (!coverage) return "not counted";
  const { images, answered, failed, excluded, pending, counting, models } = coverage;
  const counts = `${answered} of ${images} answered, ${failed} failed, ${excluded} left out, ${pending} open`;
  const several = models.length > 1 ? `; answers of ${models.length} models` : "";
  return `${counts}; ${counting} count${several}`;
}

function describeFailure({ code, errorClass, failed, waiting, cancelled, message }: AnswerFailureClass): string {
  if (cancelled > 0) return `${cancelled} cancelled`;
  const numbers = [failed && `${failed} failed`, waiting && `${waiting} to be tried again`].filter(Boolean).join(", ");
  return `${code} (${errorClass.toLowerCase()}): ${numbers}; last: ${message}`;
}

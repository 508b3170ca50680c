import type { DatasetParts, QuestionItem } from "./dataset.ts";
import type { FindPicture } from "./find-picture.ts";
import { type FileRecord, readId, readOptionalText, readRecords, readText, refuse, toRecord } from "./record.ts";

interface JsonFile {
  readonly name: string;
  readonly value: unknown;
}

export function isQuestions(value: unknown): boolean {
  return firstOf(value, "questions", "question");
}

export function isAnnotations(value: unknown): boolean {
  return firstOf(value, "annotations", "answers");
}

function firstOf(value: unknown, list: string, key: string): boolean {
  if (typeof value !== "object" || value === null) return false;
  const entries: unknown = (value as Record<string, unknown>)[list];
  const first: unknown = Array.isArray(entries) ? entries[0] : undefined;
  return typeof first === "object" && first !== null && key in first;
}

/**
 * VQA v2: {"data_subtype", "questions": [{"question_id", "image_id", "question"}]} and
 * {"annotations": [{"question_id", "answer_type", "question_type", "answers": [{"answer"}]}]}. A question may name its picture
 * ("image") instead of counting on COCO's file names. Without annotations the answers are secret (test-dev, test-std).
 * Any number of answers from one is read; VQA v2 has ten.
 */
export function readVqa(
  questions: JsonFile,
  annotations: JsonFile | undefined,
  findPicture: FindPicture,
): DatasetParts {
  const file = toRecord(questions.value, { file: questions.name }, "");
  const subtype = readOptionalText(file, "data_subtype");
  const byQuestion = annotations ? annotationsById(annotations) : undefined;
  const items = readRecords(file, "questions").map((question): QuestionItem => {
    const id = readId(question, "question_id");
    const shared = { id, picture: pictureOf(question, subtype, findPicture), question: readText(question, "question") };
    if (!byQuestion) return { ...shared, answers: [] };
    const annotation = byQuestion.get(id);
    if (!annotation) {
      return refuse(question.place, `"${question.path}.question_id"`, id, `a question of ${annotations?.name ?? ""}`);
    }
    const answerType = readOptionalText(annotation, "answer_type");
    const questionType = readOptionalText(annotation, "question_type");
    return {
      ...shared,
      answers: answersOf(annotation),
      ...(answerType !== undefined && { answerType }),
      ...(questionType !== undefined && { questionType }),
    };
  });
  return { questions: items };
}

function annotationsById({ name, value }: JsonFile): Map<number | string, FileRecord> {
  const records = readRecords(toRecord(value, { file: name }, ""), "annotations");
  return new Map(records.map((record) => [readId(record, "question_id"), record]));
}

/** An annotator may answer with an empty text; the official evaluation counts it like any other. */
function answersOf(annotation: FileRecord): string[] {
  const answers = readRecords(annotation, "answers").map((given) => {
    const answer = given.fields["answer"];
    if (typeof answer === "string") return answer;
    return refuse(given.place, `"${given.path}.answer"`, answer, "a text");
  });
  if (answers.length > 0) return answers;
  return refuse(annotation.place, `"${annotation.path}.answers"`, answers, "at least one answer");
}

function pictureOf(question: FileRecord, subtype: string | undefined, findPicture: FindPicture) {
  const named = readOptionalText(question, "image");
  if (named !== undefined) return findPicture(named);
  if (subtype === undefined) {
    return refuse(
      question.place,
      `"${question.path}.image"`,
      undefined,
      'a file name (the file has no "data_subtype")',
    );
  }
  const number = String(readId(question, "image_id")).padStart(12, "0");
  // test-dev2015 and test2015 share the pictures of test2015.
  const folder = subtype.replace("test-dev", "test");
  const name = `COCO_${folder}_${number}.jpg`;
  return findPicture(`${folder}/${name}`, [name]);
}

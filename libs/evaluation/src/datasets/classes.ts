import type { ClassDescription, DatasetParts } from "./dataset.ts";
import type { FindPicture } from "./find-picture.ts";
import { type FileRecord, readRecords, readText, readTexts, refuse, toRecord } from "./record.ts";

/** Name of the file that a folder of labelled pictures must have. */
export const CLASSES_FILE = "classes.json";

/** The start of every caption that BLIP was trained on. */
const DEFAULT_TEMPLATES = ["a picture of {}"];

export function isLabelLine({ fields }: FileRecord): boolean {
  return "image" in fields && "label" in fields;
}

/**
 * Labelled pictures: classes.json is {"classes": [{"name", "prompts"?}], "templates"?}, each line {"image", "label"}. A class
 * without prompts gets the templates, "{}" replaced by its name.
 */
export function readClasses(
  classesFile: { readonly name: string; readonly value: unknown },
  lines: readonly FileRecord[],
  findPicture: FindPicture,
): DatasetParts {
  const classes = readDescriptions(toRecord(classesFile.value, { file: classesFile.name }, ""));
  const indexOf = new Map(classes.map(({ name }, index) => [name, index]));
  const items = lines.map((line) => {
    const label = readText(line, "label");
    const classIndex = indexOf.get(label);
    if (classIndex === undefined) {
      return refuse(line.place, '"label"', label, `a class of ${classesFile.name}: ${[...indexOf.keys()].join(", ")}`);
    }
    return { picture: findPicture(readText(line, "image")), classIndex };
  });
  return { classes: { classes, items } };
}

function readDescriptions(file: FileRecord): ClassDescription[] {
  const templates = file.fields["templates"] === undefined ? DEFAULT_TEMPLATES : readTexts(file, "templates");
  const bad = templates.find((template) => !template.includes("{}"));
  if (bad !== undefined) refuse(file.place, '"templates"', bad, 'texts with "{}" where the name of the class goes');
  const classes = readRecords(file, "classes").map((record) => {
    const name = readText(record, "name");
    const own = record.fields["prompts"] === undefined ? undefined : readTexts(record, "prompts");
    return { name, prompts: own ?? templates.map((template) => template.replaceAll("{}", name)) };
  });
  if (classes.length < 2)
    refuse(
      file.place,
      '"classes"',
      classes.map(({ name }) => name),
      "at least two classes",
    );
  const twice = classes.find(({ name }, index) => classes.findIndex((other) => other.name === name) < index);
  if (twice) refuse(file.place, '"classes"', twice.name, "each name once");
  return classes;
}

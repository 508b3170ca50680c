import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { buildSchema, getNamedType, type GraphQLArgument, type GraphQLInputType, isInputObjectType } from "graphql";
import { expect, test } from "vitest";
import { ROOT_TYPES } from "../wrap-root-fields.ts";
import { valuesAt } from "./guard-root-fields.ts";
import { RIGHTS, rightOf, UNDECIDED } from "./rights.ts";

const schema = buildSchema(readFileSync(resolve(import.meta.dirname, "../../schema.graphql"), "utf8"));
const rootFields = ROOT_TYPES.flatMap((type) => {
  const fields = schema.getRootType(type.toLowerCase() as never)?.getFields() ?? {};
  return Object.entries(fields).map(([name, field]) => ({ name: `${type}.${name}`, field }));
});

test("has somebody's decision about every field of Query, Mutation and Subscription", () => {
  const undecided = rootFields.map(({ name }) => name).filter((name) => !Object.hasOwn(RIGHTS, name));
  expect(undecided, "Add a line for each to RIGHTS in src/access/rights.ts and to docs/access.md").toEqual([]);
});

test("decides about no field that the schema does not have", () => {
  const names = rootFields.map(({ name }) => name);
  expect(Object.keys(RIGHTS).filter((name) => !names.includes(name))).toEqual([]);
});

/** Arguments that are looked up only among what belongs to the corpus that the field names beside them. */
const INSIDE_ITS_CORPUS = new Set(["Mutation.retireSpace spaceId", "Mutation.reindex input.spaceId"]);

test("looks at arguments that exist, and at every one whose name says that it is an id or a corpus", () => {
  for (const { name, field } of rootFields) {
    const right = rightOf(name);
    if (right.where !== "named") continue;
    const paths = field.args.flatMap((argument) => pathsOf(argument));
    for (const { path } of right.subjects) expect(paths, `${name} has no argument "${path}"`).toContain(path);
    const identifying = paths.filter(
      (path) => /(^|\.)(id|ids|corpus|corpora|\w+Ids?)$/.test(path) && !INSIDE_ITS_CORPUS.has(`${name} ${path}`),
    );
    const judged = right.subjects.map(({ path }) => path);
    expect(judged, `${name} names something that its right does not look at`).toEqual(
      expect.arrayContaining(identifying),
    );
  }
});

test("is for nobody but an administrator where nobody decided, also under names that every object has", () => {
  for (const name of ["Mutation.dropEverything", "constructor", "__proto__", "toString"]) {
    expect(rightOf(name)).toBe(UNDECIDED);
  }
});

test("finds what arguments name, through lists and members that are left out", () => {
  const args = { input: { clauses: [{ imageId: "a" }, { text: "x" }, null, { imageId: ["b", "c"] }] }, id: null };
  expect(valuesAt(args, "input.clauses.imageId")).toEqual(["a", "b", "c"]);
  expect(valuesAt(args, "id")).toEqual([]);
  expect(valuesAt(args, "nothing.at.all")).toEqual([]);
  expect(valuesAt({ ids: ["a", "b"] }, "ids")).toEqual(["a", "b"]);
});

test("is written in docs/access.md field by field", () => {
  const page = readFileSync(resolve(import.meta.dirname, "../../../../docs/access.md"), "utf8");
  const where = { named: "its corpus", any: "any corpus", all: "every corpus" } as const;
  for (const [name, right] of Object.entries(RIGHTS)) {
    expect(page).toContain(`| \`${name}\` | ${right.least} | ${where[right.where]} |`);
  }
});

/** Paths of members of an argument's type; a type that holds itself is followed once. */
function pathsOf({ name, type }: GraphQLArgument): string[] {
  return walk(name, type, new Set());
}

function walk(path: string, type: GraphQLInputType, within: ReadonlySet<string>): string[] {
  const named = getNamedType(type);
  if (!isInputObjectType(named) || within.has(named.name)) return [path];
  const inner = new Set([...within, named.name]);
  return Object.values(named.getFields()).flatMap((field) => walk(`${path}.${field.name}`, field.type, inner));
}

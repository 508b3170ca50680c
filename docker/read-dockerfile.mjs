import { readFileSync } from "node:fs";

/**
 * Reads what the tests need to know of a Dockerfile, of the few forms that ours have: stages with their instructions, in order.
 * @returns {{ name: string, from: string, instructions: { name: string, text: string }[] }[]}
 */
export function readDockerfile(path) {
  const lines = readFileSync(path, "utf8")
    .replaceAll(/^\s*#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, " ")
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  const stages = [];
  for (const line of lines) {
    const [, name, text] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`${path}: "${line}" is no instruction with an argument`);
    if (name === "FROM") {
      const [from, , as = "final"] = text.split(/\s+/);
      stages.push({ name: as, from, instructions: [] });
    } else stages.at(-1).instructions.push({ name, text });
  }
  return stages;
}

/** Arguments of every COPY: where from (a stage, or undefined for the build context), sources, target. */
export function copiesOf({ instructions }) {
  return instructions
    .filter(({ name }) => name === "COPY")
    .map(({ text }) => {
      const words = text.split(/\s+/);
      const flags = words.filter((word) => word.startsWith("--"));
      const paths = words.filter((word) => !word.startsWith("--"));
      const from = flags.find((flag) => flag.startsWith("--from="))?.slice("--from=".length);
      return { from, sources: paths.slice(0, -1), target: paths.at(-1) };
    });
}

/** The argument of the last instruction of that name, or undefined. */
export function lastArgument({ instructions }, name) {
  return instructions.filter((instruction) => instruction.name === name).at(-1)?.text;
}

/** Variables of all ENV instructions of the form A=b C=d. */
export function environmentOf({ instructions }) {
  const pairs = instructions.filter(({ name }) => name === "ENV").flatMap(({ text }) => text.split(/\s+/));
  return Object.fromEntries(pairs.map((pair) => pair.split("=")));
}

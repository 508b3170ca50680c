import { parseArgs } from "node:util";
import { drawVictims, runStorm, VICTIMS } from "./support/storm.ts";

// Kills processes of a large ingest with SIGKILL at random moments and says whether anything was lost, done twice or left open. Too long for a test;
// kill-storm.e2e.test.ts is the short one.

const { values } = parseArgs({
  options: {
    files: { type: "string", default: "1000" },
    kills: { type: "string", default: "30" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
    /** DATABASE_URL of a PostgreSQL; without it the embedded database. The storm makes a database of its own there, and kills backends of the server. */
    server: { type: "string" },
  },
});
const [files, kills, seed] = [values.files, values.kills, values.seed].map(Number) as [number, number, number];
if (![files, kills, seed].every(Number.isInteger) || files < 60 || kills < 1) {
  console.error("Expected --files (at least 60), --kills (at least 1) and --seed to be whole numbers.");
  process.exit(2);
}
const began = performance.now();
const say = (line: string) => console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(7)} s  ${line}`);
// Three folders of ten bad files each; one good file in 25 is a copy of another.
const badFolders = files < 300 ? 1 : 3;
const good = files - badFolders * 10;
const twins = Math.floor(good / 25);
const size = { pictures: good - twins, twins, badFolders, textEvery: 2 };
const victims = drawVictims(kills, seed);
const report = await runStorm({ size, victims, seed, serverUrl: values.server, checkOperations: true, say });
for (const { promise, violations } of report.findings) {
  say(`${violations.length === 0 ? "holds   " : "VIOLATED"}  ${promise}`);
  for (const violation of violations.slice(0, 10)) say(`            ${violation}`);
}
const violated = report.findings.filter(({ violations }) => violations.length > 0).length;
const killed = VICTIMS.map((victim) => `${report.kills[victim]} of the ${victim}`).join(", ");
const outcome = `${report.findings.length - violated} of ${report.findings.length} promises hold`;
console.log(
  `${kills} kills: ${killed}; ${report.restarts} restarts of a command, ${files} files, ${report.seconds.toFixed(0)} s, seed ${seed}: ${outcome}.`,
);
process.exitCode = violated === 0 ? 0 : 1;

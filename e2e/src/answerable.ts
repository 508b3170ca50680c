import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { WITH_ANSWER, WITHOUT_ANSWER } from "./support/answerable-queries.ts";
import { createHome, medley, medleyRecords, REPOSITORY } from "./support/medley.ts";

// How often a search of the demo corpus knows whether there is an answer at all. Not a test: it prints the figures, whatever they are, and
// writes a page with the reliability curve and every query.

const { values } = parseArgs({
  options: {
    // An installation whose corpus "demo" holds the demo pictures; without it they are brought into a new one, which takes some minutes.
    home: { type: "string" },
    report: { type: "string", default: join(mkdtempSync(join(tmpdir(), "medley-answerable-")), "verdicts.html") },
  },
});

await using fresh = values.home === undefined ? createHome() : null;
const home = resolve(values.home ?? fresh?.path ?? "");
if (fresh) {
  const manifest = join(REPOSITORY, "assets/demo/manifest.jsonl");
  const ingested = await medley(["ingest", manifest, "--corpus", "demo", "--no-captions"], { home });
  if (ingested.code !== 0) throw new Error(`The demo corpus could not be ingested:\n${ingested.stderr}`);
  console.error(ingested.stderr.trim().split("\n").slice(-2).join("\n"));
}
const queries = [
  ...WITH_ANSWER.map(({ text }) => ({ text, answerable: true })),
  ...WITHOUT_ANSWER.map((text) => ({ text, answerable: false })),
];
const input = queries.map((query) => `${JSON.stringify(query)}\n`).join("");
const args = ["verdicts", "--corpus", "demo", "--input", "-", "--report", resolve(values.report)];
for (const record of await medleyRecords<object>(args, { home, input })) console.log(JSON.stringify(record));
console.error(`Report: ${values.report}`);

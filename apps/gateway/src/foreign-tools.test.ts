import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { graphql, parse } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createOperationList, readOperations } from "./protection/operation-list.ts";
import { type ServedGateway, serveGateway } from "./testing/serve.ts";

const run = promisify(execFile);
const SCHEMA = resolve(import.meta.dirname, "../schema.graphql");
const MODULES = resolve(import.meta.dirname, "../../../node_modules");

let gateway: ServedGateway;
let project: string;
beforeAll(async () => {
  gateway = await serveGateway({});
  project = await mkdtemp(join(tmpdir(), "medley-codegen-"));
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await rm(project, { recursive: true, force: true });
});

test("graphql-codegen's documented configuration makes types that compile, from what a running gateway tells, and a list of operations", async () => {
  const source = `import { graphql } from "./gql/index.js";
    import type { SearchQuery } from "./gql/graphql.js";
    export const document = graphql(\`query Search($input: SearchInput!) {
      search(input: $input) { edges { itmLogit node { id captions { text verdict } } } report { degraded { code } } }
    }\`);
    export const logitOf = (reply: SearchQuery): number | null | undefined => reply.search.edges[0]?.itmLogit;`;
  await mkdir(join(project, "src"));
  await writeFile(join(project, "src/page.ts"), source);
  await writeFile(join(project, "package.json"), JSON.stringify({ type: "module" }));
  const config = `import type { CodegenConfig } from "@graphql-codegen/cli";
    const config: CodegenConfig = {
      schema: "${gateway.url}/graphql",
      documents: ["src/**/*.ts"],
      generates: { "./src/gql/": { preset: "client", presetConfig: { persistedDocuments: true } } },
    };
    export default config;`;
  await writeFile(join(project, "codegen.ts"), config);
  await mkdir(join(project, "node_modules"));
  for (const name of ["@graphql-codegen", "@graphql-typed-document-node", "graphql"])
    await symlink(join(MODULES, name), join(project, "node_modules", name));
  await run(process.execPath, [join(MODULES, ".bin/graphql-codegen"), "--config", "codegen.ts"], { cwd: project });
  const options = ["--noEmit", "--strict", "--module", "esnext", "--moduleResolution", "bundler", "--target", "es2024"];
  const compiler = [join(MODULES, "typescript/bin/tsc"), ...options, "--ignoreConfig", "src/page.ts"];
  const { stdout } = await run(process.execPath, compiler, { cwd: project }).catch(
    (failed: { stdout: string }) => failed,
  );
  expect(stdout).toBe("");
  // What its page sends, by the hash or as the text that it made of the page's.
  const path = join(project, "src/gql/persisted-documents.json");
  const [[id = "", text = ""] = [], ...others] = Object.entries(JSON.parse(await readFile(path, "utf8")) as object);
  const listed = createOperationList(await readOperations(path));
  expect(others).toEqual([]);
  expect(listed.textOf(id)).toBe(text);
  expect([listed.includes(text), listed.includes(text.replace("itmLogit", ""))]).toEqual([true, false]);
  const made = await readFile(join(project, "src/gql/graphql.ts"), "utf8");
  expect(made).toContain(id);
});

test("the schema is a federation subgraph as it stands, and its nodes can be entities of other graphs", async () => {
  const asItStands = parse(await readFile(SCHEMA, "utf8"));
  const entities = parse(`
    extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
    extend type Image @key(fields: "id")
    extend type Corpus @key(fields: "id")`);
  for (const typeDefs of [[asItStands], [asItStands, entities]]) {
    const subgraph = buildSubgraphSchema(typeDefs.map((document) => ({ typeDefs: document })));
    const { data, errors } = await graphql({ schema: subgraph, source: "{ _service { sdl } }" });
    expect(errors).toBeUndefined();
    const { sdl } = (data as { _service: { sdl: string } })._service;
    expect(sdl).toContain("input SearchClause @oneOf");
    expect(sdl.includes('@key(fields: "id")')).toBe(typeDefs.length === 2);
  }
});

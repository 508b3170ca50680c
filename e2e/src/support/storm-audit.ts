import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { AuditDatabase } from "./audit-database.ts";
import type { MixedFolder } from "./mixed-folder.ts";

/** One promise and what was found against it. */
export interface Finding {
  readonly promise: string;
  /** Empty: it holds. */
  readonly violations: readonly string[];
}

/** How much is done: files that were taken or refused, and steps that have ended. */
export async function progressOf(db: AuditDatabase, corpus: string): Promise<number> {
  const [row] = await db.query<{ done: number }>(
    `select ((select count(*) from image_origins o join images i on i.id = o.image_id where i.corpus_id = c.id)
       + (select count(*) from rejected_files r where r.corpus_id = c.id)
       + (select count(*) from image_steps s where s.corpus_id = c.id and s.state in ('done', 'failed', 'excluded')))::integer as done
     from corpora c where c.name = $1::text`,
    [corpus],
  );
  return row?.done ?? 0;
}

/** What is still to be done, and who holds it: for when nothing moves any more. */
export async function openSteps(db: AuditDatabase, corpus: string): Promise<string[]> {
  const rows = await db.query<{ line: string }>(
    `select format('%s of %s: %s, owner %s, until %s, attempts %s, error %s', count(*), s.step, s.state, s.lease_owner,
       s.lease_until - now(), s.attempts, s.error_message) as line
     from image_steps s join corpora c on c.id = s.corpus_id where c.name = $1::text and s.state in ('pending', 'leased')
     group by s.step, s.state, s.lease_owner, s.lease_until, s.attempts, s.error_message limit 20`,
    [corpus],
  );
  return rows.map(({ line }) => line);
}

export const STEPS = ["prepare", "embed", "caption-embed", "caption", "filter"] as const;

/** Everything that must be true of the corpus of this folder once its ingest is over. */
export async function auditCorpus(db: AuditDatabase, corpus: string, folder: MixedFolder): Promise<Finding[]> {
  const [found] = await db.query<{ id: string; spaceId: string; policyId: string }>(
    `select id, active_space_id as "spaceId", filter_policy_id as "policyId" from corpora where name = $1::text`,
    [corpus],
  );
  if (!found) return [{ promise: "the corpus exists", violations: [`there is no corpus "${corpus}"`] }];
  const expected = expectationOf(folder);
  const ids = [found.id, found.spaceId, found.policyId] as const;
  return [
    await auditCoverage(db, ids, expected),
    await auditImages(db, ids, expected),
    await auditOrigins(db, ids, folder),
    await auditVectors(db, ids),
    await auditSyntheticCaptions(db, ids),
    await auditWebCaptions(db, ids, expected),
    await auditTextVectors(db, ids),
    await auditVerdicts(db, ids),
    await auditRejections(db, ids, folder),
  ];
}

type Ids = readonly [corpusId: string, spaceId: string, policyId: string];

interface Expectation {
  /** SHA-256 of a good picture → the texts that lie beside it under any of its names. */
  readonly textsOf: ReadonlyMap<string, ReadonlySet<string>>;
}

function expectationOf(folder: MixedFolder): Expectation {
  const textsOf = new Map<string, Set<string>>();
  for (const file of folder.good) {
    const sha256 = createHash("sha256").update(readFileSync(file)).digest("hex");
    const texts = textsOf.get(sha256) ?? new Set();
    textsOf.set(sha256, texts);
    const text = folder.texts.get(file);
    if (text !== undefined) texts.add(text);
  }
  return { textsOf };
}

async function auditCoverage(db: AuditDatabase, [corpusId, spaceId]: Ids, expected: Expectation): Promise<Finding> {
  const rows = await db.query<{ step: string; state: string; code: string | null; count: number }>(
    `select step, state, case when state in ('failed', 'excluded') then error_code end as code, count(*)::integer as count
     from image_steps where corpus_id = $1::uuid and (space_id is null or space_id = $2::uuid) group by 1, 2, 3`,
    [corpusId, spaceId],
  );
  const images = expected.textsOf.size;
  const violations = STEPS.flatMap((step) => {
    const mine = rows.filter((row) => row.step === step);
    const total = mine.reduce((sum, { count }) => sum + count, 0);
    const open = mine.filter(({ state }) => state !== "done");
    return [
      ...(total === images ? [] : [`${step}: ${total} steps for ${images} images`]),
      ...open.map(({ state, code, count }) => `${step}: ${count} ${state}${code ? ` (${code})` : ""}`),
    ];
  });
  return {
    promise: `${STEPS.length} steps × ${images} images = all done, none pending, failed or excluded`,
    violations,
  };
}

async function auditImages(db: AuditDatabase, [corpusId]: Ids, { textsOf }: Expectation): Promise<Finding> {
  const rows = await db.query<{ sha256: string; width: number | null }>(
    "select sha256, width from images where corpus_id = $1::uuid",
    [corpusId],
  );
  return {
    promise: `each of ${textsOf.size} good contents is an image once, with its facts`,
    violations: [
      ...differences(
        [...textsOf.keys()],
        rows.map(({ sha256 }) => sha256),
        "image",
      ),
      ...rows.filter(({ width }) => width === null).map(({ sha256 }) => `image ${sha256} has no facts`),
    ],
  };
}

async function auditOrigins(db: AuditDatabase, [corpusId]: Ids, folder: MixedFolder): Promise<Finding> {
  const rows = await db.query<{ origin: string }>(
    "select o.origin from image_origins o join images i on i.id = o.image_id where i.corpus_id = $1::uuid",
    [corpusId],
  );
  const violations = differences(
    folder.good,
    rows.map(({ origin }) => origin),
    "origin",
  );
  return { promise: `each of ${folder.good.length} good files is the origin of one image`, violations };
}

async function auditVectors(db: AuditDatabase, [corpusId, spaceId]: Ids): Promise<Finding> {
  const rows = await db.query<{ sha256: string; count: number }>(
    `select i.sha256, count(e.image_id)::integer as count from images i
     left join embeddings e on e.image_id = i.id and e.space_id = $2::uuid
     where i.corpus_id = $1::uuid group by i.id, i.sha256 having count(e.image_id) <> 1`,
    [corpusId, spaceId],
  );
  return {
    promise: "each image has one vector",
    violations: rows.map(({ sha256, count }) => `image ${sha256} has ${count} vectors`),
  };
}

async function auditSyntheticCaptions(db: AuditDatabase, [corpusId]: Ids): Promise<Finding> {
  const rows = await db.query<{ sha256: string; count: number; kinds: number }>(
    `select i.sha256, count(c.id)::integer as count,
       count(distinct (c.model_fingerprint, c.decoding::text, c.prompt)) filter (where c.id is not null)::integer as kinds
     from images i left join captions c on c.image_id = i.id and c.source = 'SYNTHETIC'
     where i.corpus_id = $1::uuid group by i.id, i.sha256 having count(c.id) <> 1`,
    [corpusId],
  );
  return {
    promise: "each image has one caption of the captioner; none twice by image, source, model and decoding",
    violations: rows.map(({ sha256, count, kinds }) => `image ${sha256} has ${count} captions of ${kinds} kinds`),
  };
}

async function auditWebCaptions(db: AuditDatabase, [corpusId]: Ids, { textsOf }: Expectation): Promise<Finding> {
  const rows = await db.query<{ sha256: string; text: string }>(
    `select i.sha256, c.text from captions c join images i on i.id = c.image_id
     where i.corpus_id = $1::uuid and c.source = 'WEB'`,
    [corpusId],
  );
  const wanted = [...textsOf].flatMap(([sha256, texts]) => [...texts].map((text) => `${sha256} ${text}`));
  const violations = differences(
    wanted,
    rows.map(({ sha256, text }) => `${sha256} ${text}`),
    "text",
  );
  return { promise: `each of ${wanted.length} texts beside a picture is a caption of it once`, violations };
}

async function auditTextVectors(db: AuditDatabase, [corpusId, spaceId]: Ids): Promise<Finding> {
  const rows = await db.query<{ text: string; count: number }>(
    `select c.text, count(t.caption_id)::integer as count from captions c join images i on i.id = c.image_id
     left join text_embeddings t on t.caption_id = c.id and t.space_id = $2::uuid
     where i.corpus_id = $1::uuid and c.source = 'WEB' group by c.id, c.text having count(t.caption_id) <> 1`,
    [corpusId, spaceId],
  );
  return {
    promise: "each of these texts has one vector",
    violations: rows.map(({ text, count }) => `text "${text}" has ${count} vectors`),
  };
}

async function auditVerdicts(db: AuditDatabase, [corpusId, , policyId]: Ids): Promise<Finding> {
  const rows = await db.query<{ text: string; source: string; count: number }>(
    `select c.text, c.source, count(v.caption_id)::integer as count from captions c join images i on i.id = c.image_id
     left join caption_verdicts v on v.caption_id = c.id and v.policy_id = $2::uuid
     where i.corpus_id = $1::uuid group by c.id, c.text, c.source having count(v.caption_id) <> 1`,
    [corpusId, policyId],
  );
  return {
    promise: "each caption has one verdict of the filter's policy",
    violations: rows.map(({ text, source, count }) => `caption "${text}" (${source}) has ${count} verdicts`),
  };
}

async function auditRejections(db: AuditDatabase, [corpusId]: Ids, folder: MixedFolder): Promise<Finding> {
  const rows = await db.query<{ origin: string; code: string }>(
    "select origin, error_code as code from rejected_files where corpus_id = $1::uuid",
    [corpusId],
  );
  const wanted = [...folder.bad].map(([origin, code]) => `${origin} ${code}`);
  const violations = differences(
    wanted,
    rows.map(({ origin, code }) => `${origin} ${code}`),
    "rejection",
  );
  return { promise: `each of ${wanted.length} bad files is rejected once, for its reason`, violations };
}

/** Nothing may look as if it still ran: all processes have ended. */
export async function auditOperations(db: AuditDatabase, corpus: string): Promise<Finding> {
  const rows = await db.query<{ id: string; state: string }>(
    `select o.id, o.state from operations o join corpora c on c.id = o.corpus_id
     where c.name = $1::text and o.state in ('QUEUED', 'RUNNING')`,
    [corpus],
  );
  return {
    promise: "no operation of a killed run counts as running",
    violations: rows.map(({ id, state }) => `operation ${id} is ${state}`),
  };
}

/** Every stored file is whole: its content has the name that it lies under. */
export function auditBlobs(blobFiles: readonly string[], folder: MixedFolder): Finding {
  const wanted = [...expectationOf(folder).textsOf.keys()];
  const names = blobFiles.map((file) => file.slice(file.lastIndexOf("/") + 1).split(".")[0] ?? "");
  const damaged = blobFiles.filter((file, index) => {
    return existsSync(file) && createHash("sha256").update(readFileSync(file)).digest("hex") !== names[index];
  });
  return {
    promise: `each of ${wanted.length} contents is stored once and whole`,
    violations: [...differences(wanted, names, "file"), ...damaged.map((file) => `${file} is damaged`)],
  };
}

/** What the report of a run must say: every file once, and why each bad one was refused. */
export function auditReport(
  records: readonly { path: string; imageId?: string; error?: { code: string } }[],
  folder: MixedFolder,
): Finding {
  const wanted = [
    ...folder.good.map((file) => `${file} taken`),
    ...[...folder.bad].map(([file, code]) => `${file} ${code}`),
  ];
  const said = records.map(({ path, error }) => `${path} ${error?.code ?? "taken"}`);
  return { promise: "the last run reports every file once", violations: differences(wanted, said, "line") };
}

function differences(wanted: readonly string[], found: readonly string[], what: string): string[] {
  const [wantedSet, foundSet] = [new Set(wanted), new Set(found)];
  return [
    ...[...wantedSet].filter((each) => !foundSet.has(each)).map((each) => `${what} missing: ${each}`),
    ...[...foundSet].filter((each) => !wantedSet.has(each)).map((each) => `${what} too many: ${each}`),
    ...found.filter((each, index) => found.indexOf(each) !== index).map((each) => `${what} twice: ${each}`),
  ];
}

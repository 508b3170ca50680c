import { activeSpace, type Corpus, countEmbeddings, type Database, listCorpora, type Space } from "@medley/storage";
import type { GatewayDependencies } from "./context.ts";

/** State of one thing that queries need; `ok` false says why in `reason`. */
export type Check = { readonly ok: true; readonly detail: string } | { readonly ok: false; readonly reason: string };

export interface Readiness {
  /** True when a search can be answered. */
  readonly ready: boolean;
  readonly database: Check;
  readonly inference: Check;
  /** At least one corpus whose active space was built by the retrieval model that is served. */
  readonly corpus: Check;
}

/** A probe waits this long for one thing; orchestrators usually give the whole probe some seconds. */
const CHECK_TIMEOUT_MS = 2000;

/** Asks everything that a search needs, each for itself, so that one answer names everything that is missing. */
export async function checkReadiness({
  db,
  inference,
}: Pick<GatewayDependencies, "db" | "inference">): Promise<Readiness> {
  const [database, retrieval] = await Promise.all([
    check(async () => {
      await listCorpora(db);
      return { detail: db.kind, value: null };
    }),
    check(async () => {
      const model = (await inference.models()).find(({ role }) => role === "retrieval");
      if (model === undefined)
        throw new Error('The inference server is there, but no model serves the role "retrieval".');
      return { detail: model.name, value: model.fingerprint };
    }),
  ]);
  const corpus = await checkCorpora(db, database.check, retrieval);
  const ready = database.check.ok && retrieval.check.ok && corpus.ok;
  return { ready, database: database.check, inference: retrieval.check, corpus };
}

/** What everybody may know: details name corpora, models and addresses. */
export function withoutDetails({ ready, ...checks }: Readiness): object {
  return { ready, ...Object.fromEntries(Object.entries(checks).map(([name, { ok }]) => [name, { ok }])) };
}

interface Checked<T> {
  readonly check: Check;
  readonly value: T | null;
}

async function checkCorpora(db: Database, database: Check, retrieval: Checked<string>): Promise<Check> {
  if (!database.ok) return { ok: false, reason: "Not looked at, because the database does not answer." };
  const { check: outcome } = await check(async () => {
    const corpora = await listCorpora(db);
    if (corpora.length === 0)
      throw new Error("There is no corpus yet. Ingest pictures: medley ingest PATH --corpus NAME");
    const reasons: string[] = [];
    for (const corpus of corpora) {
      const space = await activeSpace(db, corpus.id);
      const reason = await reasonAgainst(db, corpus, space, retrieval.value);
      if (reason === null) return { detail: corpus.name, value: null };
      reasons.push(reason);
    }
    throw new Error(reasons.join(" "));
  });
  return outcome;
}

async function reasonAgainst(
  db: Database,
  corpus: Corpus,
  space: Space | null,
  served: string | null,
): Promise<string | null> {
  if (space === null) return `Corpus "${corpus.name}" has no active space yet.`;
  if (served !== null && space.fingerprint !== served) {
    return `The active space of corpus "${corpus.name}" was built by model ${space.fingerprint}, but ${served} is served.`;
  }
  return (await countEmbeddings(db, space.id, corpus.id)) === 0
    ? `Corpus "${corpus.name}" has no embedded pictures.`
    : null;
}

async function check<T>(work: () => Promise<{ detail: string; value: T }>): Promise<Checked<T>> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`No answer within ${CHECK_TIMEOUT_MS} ms.`)), CHECK_TIMEOUT_MS);
  try {
    const { detail, value } = await Promise.race([work(), late.promise]);
    return { check: { ok: true, detail }, value };
  } catch (error) {
    return { check: { ok: false, reason: error instanceof Error ? error.message : String(error) }, value: null };
  } finally {
    clearTimeout(timer);
  }
}

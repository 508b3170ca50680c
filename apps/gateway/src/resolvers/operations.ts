import {
  ANSWER_STEP,
  cancelOperation as cancelInStorage,
  type FailedStepFilter,
  findCorpusById,
  findOperation,
  listOperations,
  type Operation as OperationRow,
  type Queryable,
  retryFailedAnswers,
  retryFailedSteps,
  type Step,
  STEPS,
} from "@medley/storage";
import { badUserInput } from "../errors.ts";
import type {
  ErrorKind,
  MutationResolvers,
  OperationResolvers,
  QueryResolvers,
  SubscriptionResolvers,
} from "../generated/schema-types.ts";
import { requireRole } from "../access/require-role.ts";
import { requireCorpus } from "./named-corpus.ts";
import { comparison } from "./spaces.ts";
import { captionRunId, dryRun, indexRebuild } from "./upkeep.ts";
import { named } from "./uploads.ts";
import { answered, refuse } from "./user-errors.ts";

const MAX_FIRST = 200;

export const operation: NonNullable<QueryResolvers["operation"]> = (_root, { id }, { db }) => findOperation(db, id);

export const operations: NonNullable<QueryResolvers["operations"]> = async (
  _root,
  { corpus: name, first },
  context,
) => {
  if (first < 1 || first > MAX_FIRST) throw badUserInput(`first is ${first}, expected 1 to ${MAX_FIRST}.`);
  const { db } = context;
  if (name == null) return await listOperations(db, { limit: first });
  const { id: corpusId } = await requireRole(context, name, "INGESTOR");
  return await listOperations(db, { limit: first, corpusId });
};

export const cancelOperation: NonNullable<MutationResolvers["cancelOperation"]> = (_root, { operationId }, { db }) =>
  answered({ operation: null }, ["operationId"], async () => {
    const cancelled = await db.transaction((tx) => cancelInStorage(tx, operationId));
    if (cancelled !== null) return { operation: cancelled };
    const found = await findOperation(db, operationId);
    if (found === null) refuse("NOT_FOUND", `There is no operation "${operationId}".`, ["operationId"]);
    if (found.state === "CANCELLED") return { operation: found };
    return refuse("ALREADY_FINISHED", `The operation is ${found.state} already.`, ["operationId"]);
  });

export const retryFailed: NonNullable<MutationResolvers["retryFailed"]> = (
  _root,
  { corpus: name, step, code, kind },
  context,
) =>
  answered({ steps: 0 }, ["corpus"], async () => {
    const { id: corpusId } = await requireCorpus(context, name, ["corpus"]);
    if (step != null && !isWork(step)) {
      refuse("INVALID_VALUE", `step is "${step}", expected one of ${STEPS.join(", ")}, ${ANSWER_STEP}.`, ["step"]);
    }
    const filter = { corpusId, step: step ?? undefined, code: code ?? undefined };
    return { steps: await context.db.transaction((tx) => retryKind(tx, filter, kind ?? null)) };
  });

/** What was cancelled has a code of its own instead of a class. */
async function retryKind(db: Queryable, filter: RetryFilter, kind: ErrorKind | null): Promise<number> {
  if (kind === null) return await retry(db, filter);
  if (kind !== "CANCELLED") return await retry(db, { ...filter, errorClass: kind });
  if (filter.code !== undefined && filter.code !== kind) return 0;
  return await retry(db, { ...filter, code: kind });
}

type RetryFilter = Omit<FailedStepFilter, "step"> & { readonly step?: Step | typeof ANSWER_STEP | undefined };

async function retry(db: Queryable, { step, ...filter }: RetryFilter): Promise<number> {
  const steps = step === ANSWER_STEP ? 0 : await retryFailedSteps(db, { ...filter, step });
  const answers = step === undefined || step === ANSWER_STEP ? await retryFailedAnswers(db, filter) : 0;
  return steps + answers;
}

function isWork(step: string): step is Step | typeof ANSWER_STEP {
  return step === ANSWER_STEP || (STEPS as readonly string[]).includes(step);
}

export const operationUpdated: NonNullable<SubscriptionResolvers["operationUpdated"]> = {
  async subscribe(_root, { id }, { watches }) {
    const rows = await watches.operations.watch(id);
    if (rows === null) throw badUserInput(`There is no operation "${id}".`);
    return named("operationUpdated", rows);
  },
};

export const Operation: OperationResolvers = {
  corpus: ({ corpusId }, _query, { db }) => (corpusId === null ? null : findCorpusById(db, corpusId)),
  counts: ({ counts }) => Object.entries(counts).map(([name, value]) => ({ name, value })),
  ratePerSecond: (row) => paceOf(row)?.ratePerSecond ?? null,
  etaSeconds: (row) => paceOf(row)?.etaSeconds ?? null,
  coverage: ({ corpusId }, _query, context) => (corpusId === null ? [] : context.coverageByCorpus.load(corpusId)),
  errorClasses: ({ corpusId }, _query, context) => (corpusId === null ? [] : context.errorsByCorpus.load(corpusId)),
  comparison,
  dryRun,
  indexRebuild,
  captionRunId,
  error: ({ errorCode: code, errorMessage }) => (code === null ? null : { code, message: errorMessage ?? "" }),
};

interface Pace {
  readonly ratePerSecond: number;
  readonly etaSeconds: number | null;
}

/** From what the worker reported last, so that the same row always says the same. Null where nothing can be said. */
export function paceOf({ state, counts, createdAt, updatedAt }: Omit<OperationRow, "id">): Pace | null {
  const { stepsAtStart, stepsEnded, stepsTotal, scanned } = counts;
  const seconds = (updatedAt.getTime() - createdAt.getTime()) / 1000;
  if (state !== "RUNNING" || stepsAtStart === undefined || stepsEnded === undefined || seconds <= 0) return null;
  // Steps that are opened again, because something they are made from has changed, have ended no longer.
  const ratePerSecond = Math.max(0, stepsEnded - stepsAtStart) / seconds;
  const isKnown = scanned === 1 && stepsTotal !== undefined && ratePerSecond > 0;
  return { ratePerSecond, etaSeconds: isKnown ? (stepsTotal - stepsEnded) / ratePerSecond : null };
}

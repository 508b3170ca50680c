import { type IndexFigures, requestUpkeepOf } from "@medley/search";
import {
  findSpace,
  findUpkeep,
  isUpkeep,
  type Operation as OperationRow,
  StorageError,
  type Upkeep,
} from "@medley/storage";
import type { GatewayContext } from "../context.ts";
import type { OperationResolvers, ReindexInput, ReindexPurpose } from "../generated/schema-types.ts";
import { imageFilterOf } from "../image-filter-input.ts";
import { refuse } from "./user-errors.ts";

/** Which members of the input belong to which purposes. */
const PURPOSES_OF_MEMBERS: Readonly<Partial<Record<keyof ReindexInput, readonly ReindexPurpose[]>>> = {
  model: ["MODEL"],
  force: ["MODEL"],
  spaceId: ["REBUILD_INDEX"],
  filter: ["RECAPTION", "REFILTER"],
  all: ["REFILTER"],
  dryRun: ["REBUILD_INDEX", "REFILL", "RECAPTION", "REFILTER"],
};

/** What belongs to another purpose would be passed over in silence otherwise. */
export function requireMembersOfPurpose(purpose: ReindexPurpose, input: ReindexInput): void {
  for (const [member, purposes] of Object.entries(PURPOSES_OF_MEMBERS)) {
    const value = input[member as keyof ReindexInput];
    if (value == null || value === false || purposes.includes(purpose)) continue;
    refuse("INVALID_VALUE", `${member} does not belong to the purpose ${purpose}, but to ${purposes.join(", ")}.`, [
      "input",
      member,
    ]);
  }
}

/** Opens the operation that renews what a corpus holds. */
export async function requestUpkeepFor(
  context: GatewayContext,
  corpusId: string,
  kind: Exclude<ReindexPurpose, "MODEL">,
  { spaceId, filter, all: everything = false, dryRun: onlyCounts = false }: ReindexInput,
): Promise<OperationRow> {
  try {
    return await requestUpkeepOf(context, {
      ...{ kind, corpusId, everything, dryRun: onlyCounts },
      ...(spaceId != null && { spaceId }),
      ...(filter != null && { filter: imageFilterOf(filter) }),
    });
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    const { code, message } = error;
    if (code === "INVALID_VALUE" && filter != null) refuse(code, message, ["input", "filter"]);
    if (code === "NOT_FOUND" && spaceId != null) refuse(code, message, ["input", "spaceId"]);
    throw error;
  }
}

export const dryRun: NonNullable<OperationResolvers["dryRun"]> = async (row, _query, context) =>
  (await upkeepOf(row, context))?.dryRun ?? false;

export const captionRunId: NonNullable<OperationResolvers["captionRunId"]> = async (row, _query, context) =>
  (await upkeepOf(row, context))?.captionRunId ?? null;

export const indexRebuild: NonNullable<OperationResolvers["indexRebuild"]> = async (row, _query, context) => {
  const measured = (await upkeepOf(row, context))?.measured as IndexFigures | null | undefined;
  const space = measured ? await findSpace(context.db, measured.spaceId) : null;
  if (!measured || space === null) return null;
  const { vectors: vectorCount, indexed, queries } = measured;
  const { recallBefore, recallAfter, sizeBytesBefore, sizeBytesAfter } = measured;
  return { space, vectorCount, indexed, queries, recallBefore, recallAfter, sizeBytesBefore, sizeBytesAfter };
};

async function upkeepOf({ id, kind }: OperationRow, { db }: GatewayContext): Promise<Upkeep | null> {
  return isUpkeep(kind) ? await findUpkeep(db, id) : null;
}

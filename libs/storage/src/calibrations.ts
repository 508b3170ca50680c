import type { Queryable } from "./database.ts";
import { requireUuid } from "./uuid.ts";

/** Probability = 1 / (1 + exp(-(slope * score + offset))). */
export type StoredCurve = { readonly slope: number; readonly offset: number };

/** What the scores of searches mean in a corpus and space. */
export type Calibration = {
  readonly id: string;
  readonly corpusId: string;
  readonly spaceId: string;
  readonly modelFingerprint: string;
  /** w of itmLogit + w * itcCosine, the score that it was fitted on. */
  readonly itcWeight: number;
  /** Pictures of the corpus when it was fitted. */
  readonly corpusImages: number;
  /** Of a picture and a text: whether they belong together. */
  readonly pair: StoredCurve;
  /** Of a query's best score: whether the corpus holds an answer, and from which probability on a verdict is STRONG or no longer NONE. */
  readonly query: (StoredCurve & { readonly strongFrom: number; readonly noneBelow: number }) | null;
  /** Numbers of examples and reliability on held-out ones, as the caller wrote it. */
  readonly measured: unknown;
  readonly createdAt: Date;
};

export type NewCalibration = Omit<Calibration, "id" | "createdAt">;

type Row = Omit<Calibration, "pair" | "query"> & {
  readonly pairSlope: number;
  readonly pairOffset: number;
  readonly querySlope: number | null;
  readonly queryOffset: number | null;
  readonly strongFrom: number | null;
  readonly noneBelow: number | null;
};

const COLUMNS = `id, corpus_id as "corpusId", space_id as "spaceId", model_fingerprint as "modelFingerprint", itc_weight as "itcWeight",
  corpus_images as "corpusImages", pair_slope as "pairSlope", pair_offset as "pairOffset", query_slope as "querySlope",
  query_offset as "queryOffset", strong_from as "strongFrom", none_below as "noneBelow", measured, created_at as "createdAt"`;

/** Adds a calibration; from then on it counts for its corpus, space and weight. */
export async function saveCalibration(db: Queryable, calibration: NewCalibration): Promise<Calibration> {
  const { pair, query } = calibration;
  const [row] = await db.query<Row>(
    `insert into calibrations (corpus_id, space_id, model_fingerprint, itc_weight, corpus_images, pair_slope, pair_offset, query_slope,
       query_offset, strong_from, none_below, measured, created_at)
     values ($1::uuid, $2::uuid, $3::text, $4::double precision, $5::integer, $6::double precision, $7::double precision,
       $8::double precision, $9::double precision, $10::double precision, $11::double precision, $12::jsonb, clock_timestamp())
     returning ${COLUMNS}`,
    [
      requireUuid("corpus", calibration.corpusId),
      requireUuid("space", calibration.spaceId),
      calibration.modelFingerprint,
      calibration.itcWeight,
      calibration.corpusImages,
      pair.slope,
      pair.offset,
      query?.slope ?? null,
      query?.offset ?? null,
      query?.strongFrom ?? null,
      query?.noneBelow ?? null,
      JSON.stringify(calibration.measured),
    ],
  );
  if (!row) throw new Error("Bug: an insert returned no row.");
  return calibrationOf(row);
}

/**
 * The newest calibration of a corpus and space; null where there is none. Of one weight of itcCosine where that is given: what was fitted with
 * another one says nothing about these scores.
 */
export async function newestCalibration(
  db: Queryable,
  { corpusId, spaceId, itcWeight }: { corpusId: string; spaceId: string; itcWeight?: number | undefined },
): Promise<Calibration | null> {
  const [row] = await db.query<Row>(
    `select ${COLUMNS} from calibrations
     where corpus_id = $1::uuid and space_id = $2::uuid and ($3::double precision is null or itc_weight = $3::double precision)
     order by created_at desc, id limit 1`,
    [requireUuid("corpus", corpusId), requireUuid("space", spaceId), itcWeight ?? null],
  );
  return row ? calibrationOf(row) : null;
}

function calibrationOf({
  pairSlope,
  pairOffset,
  querySlope,
  queryOffset,
  strongFrom,
  noneBelow,
  ...rest
}: Row): Calibration {
  const hasQuery = querySlope !== null && queryOffset !== null && strongFrom !== null && noneBelow !== null;
  return {
    ...rest,
    pair: { slope: pairSlope, offset: pairOffset },
    query: hasQuery ? { slope: querySlope, offset: queryOffset, strongFrom, noneBelow } : null,
  };
}

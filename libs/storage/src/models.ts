import type { Queryable } from "./database.ts";
import { StorageError } from "./storage-error.ts";

/** A model that is served beside those of the model set. */
export type RegisteredModel = {
  readonly fingerprint: string;
  /** For people, and unique. */
  readonly name: string;
  /** Folder or file as the inference server sees it. */
  readonly checkpoint: string;
  /** w in the order itmLogit + w * itcCosine. */
  readonly itcWeight: number;
  readonly createdAt: Date;
};

const COLUMNS = `fingerprint, name, checkpoint, itc_weight as "itcWeight", created_at as "createdAt"`;

/** Remembers a model. One of the same fingerprint keeps its row and gets the new name, place and weight; a name of another model is a CONFLICT. */
export async function saveModel(db: Queryable, model: Omit<RegisteredModel, "createdAt">): Promise<RegisteredModel> {
  const [other] = await db.query<{ fingerprint: string }>(
    "select fingerprint from models where name = $1::text and fingerprint <> $2::text",
    [model.name, model.fingerprint],
  );
  if (other) {
    const owner = `Another model (${other.fingerprint.slice(0, 12)}) has the name "${model.name}"`;
    throw new StorageError("CONFLICT", `${owner}. Choose one that is free.`);
  }
  const [saved] = await db.query<RegisteredModel>(
    `insert into models (fingerprint, name, checkpoint, itc_weight)
     values ($1::text, $2::text, $3::text, $4::double precision)
     on conflict (fingerprint) do update
       set name = excluded.name, checkpoint = excluded.checkpoint, itc_weight = excluded.itc_weight
     returning ${COLUMNS}`,
    [model.fingerprint, model.name, model.checkpoint, model.itcWeight],
  );
  if (!saved) throw new Error("Bug: an upsert returned no row.");
  return saved;
}

export async function findModel(db: Queryable, fingerprint: string): Promise<RegisteredModel | null> {
  const [model] = await db.query<RegisteredModel>(`select ${COLUMNS} from models where fingerprint = $1::text`, [
    fingerprint,
  ]);
  return model ?? null;
}

/** By name. */
export function listModels(db: Queryable): Promise<RegisteredModel[]> {
  return db.query<RegisteredModel>(`select ${COLUMNS} from models order by name`, []);
}

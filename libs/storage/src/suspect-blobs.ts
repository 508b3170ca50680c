import type { BlobStore, VariantStore } from "./picture-stores.ts";
import type { Database, Queryable } from "./database.ts";
import { StorageError } from "./storage-error.ts";
import type { TokenStore } from "./tokens.ts";
import { isUuid } from "./uuid.ts";

/**
 * Holds the locks on blobs until the transaction ends. Whoever makes a row that needs a blob takes it and sees that the file is there;
 * whoever removes the file takes it and sees that no row needs it. So no row is left without its file, however the two meet.
 */
export async function lockBlobs(db: Queryable, sha256s: readonly string[]): Promise<void> {
  // In one order for everybody, so that two callers with several blobs in common do not wait for each other.
  await db.query(
    `select pg_advisory_xact_lock(key)
     from (select distinct hashtextextended(sha256, 0) as key from unnest($1::text[]) as sha256 order by key) as keys`,
    [sha256s],
  );
}

/** Notes files (by their SHA-256) that perhaps nothing will need, so that they are looked at even if whoever notes them dies. */
export async function suspectBlobs(db: Queryable, sha256s: readonly string[]): Promise<void> {
  await db.query("insert into suspect_blobs (sha256) select distinct unnest($1::text[]) on conflict do nothing", [
    sha256s,
  ]);
}

/** Removes an image with everything that is known of it; its blob becomes suspect. Null when there is no such image. */
export async function deleteImageRows(db: Queryable, imageId: string): Promise<{ sha256: string } | null> {
  if (!isUuid(imageId)) return null;
  const [deleted] = await db.query<{ sha256: string }>(
    `with deleted as (delete from images where id = $1::uuid returning sha256), noted as (
       insert into suspect_blobs (sha256) select sha256 from deleted on conflict do nothing
     )
     select sha256 from deleted`,
    [imageId],
  );
  return deleted ?? null;
}

export type RemovableFiles = {
  readonly blobs: BlobStore;
  readonly thumbnails: VariantStore;
  /** Absent where image tokens lie on another machine: they stay there. */
  readonly tokens?: Pick<TokenStore, "removeAll"> | undefined;
};

// Each is a transaction of its own, and on the embedded database the others wait meanwhile.
const BLOBS_PER_CALL = 200;

/**
 * Removes the suspect blobs, with their thumbnails and image tokens, that no image and no upload needs. Returns how many. One that cannot be removed stands
 * behind the others from then on, and rejects the call once they are done.
 */
export async function removeUnusedBlobs(db: Database, files: RemovableFiles): Promise<number> {
  const suspects = await db.query<{ sha256: string }>(
    "select sha256 from suspect_blobs order by noted_at limit $1::integer",
    [BLOBS_PER_CALL],
  );
  let removed = 0;
  let failure: { readonly reason: unknown } | undefined;
  for (const { sha256 } of suspects) {
    try {
      removed += (await removeUnusedBlob(db, files, sha256)) ? 1 : 0;
    } catch (reason) {
      // A database or bucket that is away fails for all of them.
      if (reason instanceof StorageError && reason.retryable) throw reason;
      failure ??= { reason };
      await db.query("update suspect_blobs set noted_at = clock_timestamp() where sha256 = $1::text", [sha256]);
    }
  }
  if (failure) throw failure.reason;
  return removed;
}

/** The same for one of them. */
export function removeUnusedBlob(db: Database, files: RemovableFiles, sha256: string): Promise<boolean> {
  return db.transaction(async (tx) => {
    await lockBlobs(tx, [sha256]);
    const unused = !(await isBlobUsed(tx, sha256));
    if (unused) {
      await files.tokens?.removeAll(sha256);
      await files.thumbnails.removeAll(sha256);
      await files.blobs.remove(sha256);
    }
    // Killed before this commits, the file is gone and still suspect: the next look finds nothing to remove.
    await tx.query("delete from suspect_blobs where sha256 = $1::text", [sha256]);
    return unused;
  });
}

async function isBlobUsed(db: Queryable, sha256: string): Promise<boolean> {
  const [row] = await db.query<{ used: boolean }>(
    `select exists (select from images where sha256 = $1::text)
       or exists (select from uploads where sha256 = $1::text and state = 'STORED') as used`,
    [sha256],
  );
  return row?.used ?? false;
}

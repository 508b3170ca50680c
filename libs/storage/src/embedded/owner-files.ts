import { join } from "node:path";

// Layout of <home>/database. The socket's name is PostgreSQL's own, so `psql -h <home>/database -U postgres` connects.

export const SOCKET_PORT = 5432;
export const SOCKET_NAME = `.s.PGSQL.${SOCKET_PORT}`;

export type OwnerFiles = {
  readonly directory: string;
  readonly data: string;
  readonly lock: string;
  readonly log: string;
  /** Process id of the last process that took the lock; for people and tests, never for deciding who owns. */
  readonly pid: string;
};

export function ownerFiles(home: string): OwnerFiles {
  const directory = join(home, "database");
  return {
    directory,
    data: join(directory, "data"),
    lock: join(directory, "lock"),
    log: join(directory, "owner.log"),
    pid: join(directory, "owner.pid"),
  };
}

/** Exit status of a process that found the directory owned by another one (EX_TEMPFAIL). */
export const EXIT_LOCKED = 75;

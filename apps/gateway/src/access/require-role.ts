import { SearchError } from "@medley/search";
import {
  type AccessRole,
  type Corpus,
  corpusOfCaption,
  corpusOfCaptionRun,
  findCorpora,
  findOperation,
  findUpload,
  StorageError,
} from "@medley/storage";
import type { GatewayContext } from "../context.ts";
import { AccessError } from "./access-error.ts";
import type { SubjectKind } from "./rights.ts";
import { includes, roleIn, type Viewer } from "./viewer.ts";

type Asking = Pick<GatewayContext, "db" | "viewer" | "imageById">;

/**
 * The corpus, when the caller has at least this role in it. One that he may not see is answered as one that does not exist
 * (CORPUS_NOT_FOUND), after the same one look into the database; one that he sees but may not do this in is FORBIDDEN.
 */
export async function requireRole(asking: Asking, corpusIdOrName: string, least: AccessRole): Promise<Corpus> {
  const corpus = await findOneCorpus(asking, corpusIdOrName);
  const role = corpus === null ? null : roleIn(asking.viewer, corpus.id);
  if (corpus === null || role === null) throw notFound("corpus", corpusIdOrName);
  if (!includes(role, least)) throw forbidden(asking.viewer, role, least, `in corpus "${corpusIdOrName}"`);
  return corpus;
}

/** The same for something that lies in a corpus, or names one. `subject` is what the caller wrote. */
export async function requireRoleFor(
  asking: Asking,
  kind: SubjectKind,
  subject: string,
  least: AccessRole,
): Promise<void> {
  if ((await judgeSubject(asking, kind, subject, least)) === "absent") throw notFound(kind, subject);
}

/** For what concerns the whole installation. */
export function requireRoleEverywhere({ viewer }: Pick<Asking, "viewer">, least: AccessRole): void {
  if (!includes(viewer.everywhere, least)) throw forbidden(viewer, viewer.everywhere, least, "in every corpus");
}

/** "absent": there is no such thing for this caller. Throws FORBIDDEN when there is, and he may not do this with it. */
export async function judgeSubject(
  asking: Asking,
  kind: SubjectKind,
  subject: string,
  least: AccessRole,
): Promise<"allowed" | "absent"> {
  const corpusId = await corpusOf(asking, kind, subject);
  if (corpusId === "none") return "absent";
  const role = corpusId === null ? asking.viewer.everywhere : roleIn(asking.viewer, corpusId);
  if (role === null) return "absent";
  if (!includes(role, least)) throw forbidden(asking.viewer, role, least, `for ${kind} "${subject}"`);
  return "allowed";
}

/** The error for something that does not exist, or not for this caller; the libraries answer unknown names in the same way. */
export function notFound(kind: SubjectKind, subject: string): SearchError | StorageError {
  if (kind === "corpus") {
    const hint = "List the corpora, or ingest into it first.";
    return new SearchError("CORPUS_NOT_FOUND", `There is no corpus "${subject}". ${hint}`);
  }
  if (kind === "image") return new SearchError("IMAGE_NOT_FOUND", `There is no image "${subject}".`);
  return new StorageError("NOT_FOUND", `There is no ${kind} "${subject}".`);
}

export function forbidden(viewer: Viewer, has: AccessRole | null, least: AccessRole, where: string): AccessError {
  const found = has === null ? "has no role there" : `has ${has}`;
  return new AccessError("FORBIDDEN", `This needs the role ${least} ${where}; ${viewer.name} ${found}.`);
}

/** Id of the corpus that something belongs to; null: it belongs to the installation, "none": it does not exist. */
async function corpusOf(asking: Asking, kind: SubjectKind, subject: string): Promise<string | null | "none"> {
  switch (kind) {
    case "corpus":
      return (await findOneCorpus(asking, subject))?.id ?? "none";
    case "image":
      return (await asking.imageById.load(subject))?.corpusId ?? "none";
    case "caption":
      return (await corpusOfCaption(asking.db, subject)) ?? "none";
    case "caption run":
      return (await corpusOfCaptionRun(asking.db, subject)) ?? "none";
    case "upload":
      return (await findUpload(asking.db, subject))?.corpusId ?? "none";
    case "operation": {
      const operation = await findOperation(asking.db, subject);
      return operation === null ? "none" : operation.corpusId;
    }
    default:
      return kind satisfies never;
  }
}

/** By id first: a name may look like an id. */
async function findOneCorpus({ db }: Pick<Asking, "db">, idOrName: string): Promise<Corpus | null> {
  const found = await findCorpora(db, [idOrName]);
  return found.find(({ id }) => id === idOrName) ?? found[0] ?? null;
}

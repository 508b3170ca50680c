import type { AccessRole } from "@medley/storage";

/** What an argument names. A corpus may be named by its id or by its name. */
export type SubjectKind = "corpus" | "image" | "caption" | "caption run" | "operation" | "upload";

/** An argument that names something: `path` leads to it, such as "input.clauses.imageId", through lists as well. */
export interface Subject {
  readonly kind: SubjectKind;
  readonly path: string;
}

/** Who may use a root field. */
export type Right =
  /** Whoever has the role in the corpus of everything that the arguments name. An argument that is left out names nothing. */
  | { readonly least: AccessRole; readonly where: "named"; readonly subjects: readonly Subject[] }
  /** Whoever has the role in any corpus; the resolver shows only what its caller may see. */
  | { readonly least: AccessRole; readonly where: "any" }
  /** Whoever has the role in every corpus: what the field does concerns the whole installation. */
  | { readonly least: AccessRole; readonly where: "all" };

const corpus = (path: string): Subject => ({ kind: "corpus", path });
const image = (path: string): Subject => ({ kind: "image", path });
const caption = (path: string): Subject => ({ kind: "caption", path });
const captionRun = (path: string): Subject => ({ kind: "caption run", path });
const operation = (path: string): Subject => ({ kind: "operation", path });
const upload = (path: string): Subject => ({ kind: "upload", path });
const inCorpusOf = (least: AccessRole, ...subjects: readonly Subject[]): Right => ({
  least,
  where: "named",
  subjects,
});

const SEARCH = inCorpusOf(
  "VIEWER",
  corpus("input.corpus"),
  corpus("input.corpora"),
  image("input.all.imageId"),
  image("input.any.imageId"),
  image("input.none.imageId"),
);

/**
 * The one table of rights, checked before the resolver of a root field runs. A field without an entry is for ADMIN of the whole
 * installation alone, and a test fails until somebody decides.
 *
 * VIEWER   sees pictures and texts, searches, and asks models about what he sees (what a captioner writes then counts for nothing until
 *          the filter keeps it).
 * CURATOR  also says what captions count for: reviews and corrects them, changes the rule, takes a run back.
 * INGESTOR also brings pictures in and removes them, and sees and steers the work that this causes.
 * ADMIN    also makes and deletes corpora, asks questions about all of their pictures, changes models and spaces, and reads the metrics.
 */
export const RIGHTS: Readonly<Record<string, Right>> = {
  "Query.search": SEARCH,
  "Query.image": inCorpusOf("VIEWER", image("id")),
  "Query.caption": inCorpusOf("VIEWER", image("imageId")),
  "Query.ask": inCorpusOf("VIEWER", image("imageId")),
  "Query.describe": inCorpusOf("VIEWER", image("imageId")),
  "Query.classify": inCorpusOf("VIEWER", image("imageId")),
  "Query.explainCaption": inCorpusOf("VIEWER", caption("captionId")),
  "Query.upload": inCorpusOf("INGESTOR", upload("id")),
  "Query.operation": inCorpusOf("INGESTOR", operation("id")),
  "Query.operations": inCorpusOf("INGESTOR", corpus("corpus")),
  "Query.models": { least: "ADMIN", where: "any" },
  "Query.corpora": { least: "VIEWER", where: "any" },
  "Query.corpus": inCorpusOf("VIEWER", corpus("name")),
  "Mutation.createCorpus": { least: "ADMIN", where: "all" },
  "Mutation.deleteCorpus": { least: "ADMIN", where: "all" },
  "Mutation.registerModel": { least: "ADMIN", where: "all" },
  "Mutation.reindex": inCorpusOf("ADMIN", corpus("input.corpus")),
  "Mutation.rollbackSpace": inCorpusOf("ADMIN", corpus("corpus")),
  "Mutation.retireSpace": inCorpusOf("ADMIN", corpus("corpus")),
  "Mutation.createUpload": inCorpusOf("INGESTOR", corpus("input.corpus")),
  "Mutation.completeUpload": inCorpusOf("INGESTOR", upload("uploadId")),
  "Mutation.deleteImage": inCorpusOf("INGESTOR", image("imageId")),
  "Mutation.cancelOperation": inCorpusOf("INGESTOR", operation("operationId")),
  "Mutation.pauseCorpus": inCorpusOf("INGESTOR", corpus("corpus")),
  "Mutation.resumeCorpus": inCorpusOf("INGESTOR", corpus("corpus")),
  "Mutation.retryFailed": inCorpusOf("INGESTOR", corpus("corpus")),
  "Mutation.declareQuestion": inCorpusOf("ADMIN", corpus("input.corpus")),
  "Mutation.retireQuestion": inCorpusOf("ADMIN", corpus("corpus")),
  "Mutation.renewAnswers": inCorpusOf("ADMIN", corpus("corpus")),
  "Mutation.correctCaption": inCorpusOf("CURATOR", caption("captionId")),
  "Mutation.reviewCaption": inCorpusOf("CURATOR", caption("captionId")),
  "Mutation.addCaption": inCorpusOf("CURATOR", image("imageId")),
  "Mutation.revertCaptionRun": inCorpusOf("CURATOR", captionRun("runId")),
  "Subscription.operationUpdated": inCorpusOf("INGESTOR", operation("id")),
  "Subscription.uploadUpdated": inCorpusOf("INGESTOR", upload("id")),
  "Subscription.searchRefined": SEARCH,
};

/** For a field that nobody has decided about. */
export const UNDECIDED: Right = { least: "ADMIN", where: "all" };

export function rightOf(field: string): Right {
  return Object.hasOwn(RIGHTS, field) ? (RIGHTS[field] ?? UNDECIDED) : UNDECIDED;
}

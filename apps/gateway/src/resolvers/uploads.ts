import {
  attributeProblem,
  type Attributes,
  countReceivingUploads,
  createUpload as createInStorage,
  deleteImageRows,
  findCorpusById,
  findUpload,
  removeUnusedBlob,
} from "@medley/storage";
import { badUserInput } from "../errors.ts";
import type {
  CreateUploadInput,
  MutationResolvers,
  QueryResolvers,
  SubscriptionResolvers,
  UploadResolvers,
} from "../generated/schema-types.ts";
import { signUpload } from "../uploads/upload-token.ts";
import { requireOrMakeCorpus } from "./named-corpus.ts";
import { answered, refuse, requireText } from "./user-errors.ts";

/** An upload that was begun has to be complete after this time. */
const UPLOAD_LIFETIME_MS = 24 * 60 * 60 * 1000;
/** Each may leave a file behind until it expires. */
const MAX_RECEIVING_UPLOADS = 10_000;
const MAX_NAME_CHARACTERS = 500;
const MAX_TEXT_CHARACTERS = 10_000;
const MAX_ATTRIBUTES_CHARACTERS = 65_536;

export const upload: NonNullable<QueryResolvers["upload"]> = (_root, { id }, { db }) => findUpload(db, id);

export const createUpload: NonNullable<MutationResolvers["createUpload"]> = (_root, { input }, context) =>
  answered({ upload: null }, ["input", "corpus"], async () => {
    const { db, maxUploadBytes } = context;
    const announced = readInput(input, maxUploadBytes);
    const corpus = await requireOrMakeCorpus(context, input.corpus, ["input", "corpus"]);
    if ((await countReceivingUploads(db, corpus.id)) >= MAX_RECEIVING_UPLOADS) {
      const message = `${MAX_RECEIVING_UPLOADS} uploads of "${corpus.name}" wait for their bytes. Send these first.`;
      refuse("TOO_MANY", message, []);
    }
    // In whole seconds, as the token has it.
    const expiresAt = new Date(Math.floor((Date.now() + UPLOAD_LIFETIME_MS) / 1000) * 1000);
    return { upload: await createInStorage(db, { corpusId: corpus.id, ...announced, expiresAt }) };
  });

function readInput({ name, text, attributes, sizeBytes }: CreateUploadInput, maxUploadBytes: number) {
  if (sizeBytes != null && sizeBytes < 1) {
    refuse("INVALID_VALUE", `sizeBytes is ${sizeBytes}, expected at least 1.`, ["input", "sizeBytes"]);
  }
  if (sizeBytes != null && sizeBytes > maxUploadBytes) {
    const message = `sizeBytes is ${sizeBytes}, expected at most ${maxUploadBytes}. Scale the picture down.`;
    refuse("TOO_LARGE", message, ["input", "sizeBytes"]);
  }
  return {
    name: name == null ? null : requireText(name, ["input", "name"], { most: MAX_NAME_CHARACTERS, oneLine: true }),
    text: text == null ? null : requireText(text, ["input", "text"], { most: MAX_TEXT_CHARACTERS }),
    attributes: readAttributes(attributes ?? {}),
    sizeBytes: sizeBytes ?? null,
  };
}

function readAttributes(attributes: unknown): Attributes {
  const path = ["input", "attributes"];
  const text = JSON.stringify(attributes);
  if (typeof attributes !== "object" || attributes === null || Array.isArray(attributes)) {
    refuse("INVALID_VALUE", `attributes is ${text.slice(0, 100)}, expected a JSON object.`, path);
  }
  if (text.length > MAX_ATTRIBUTES_CHARACTERS) {
    const most = `expected at most ${MAX_ATTRIBUTES_CHARACTERS}`;
    refuse("INVALID_VALUE", `attributes has ${text.length} characters as JSON, ${most}.`, path);
  }
  const problem = attributeProblem(attributes as Attributes);
  if (problem !== null) refuse("INVALID_VALUE", problem, path);
  return attributes as Attributes;
}

export const completeUpload: NonNullable<MutationResolvers["completeUpload"]> = (_root, { uploadId }, context) =>
  answered({ upload: null }, ["uploadId"], async () => {
    if ((await findUpload(context.db, uploadId)) === null) {
      refuse("NOT_FOUND", `There is no upload "${uploadId}".`, ["uploadId"]);
    }
    return { upload: await context.uploads.complete(uploadId) };
  });

export const deleteImage: NonNullable<MutationResolvers["deleteImage"]> = (_root, { imageId }, context) =>
  answered({ deletedImageId: null, bytesRemoved: false }, ["imageId"], async () => {
    const deleted = await deleteImageRows(context.db, imageId);
    if (deleted === null) refuse("NOT_FOUND", `There is no image "${imageId}".`, ["imageId"]);
    // Killed before this, the file is suspect still and the ingest worker looks at it again.
    return { deletedImageId: imageId, bytesRemoved: await removeUnusedBlob(context.db, context, deleted.sha256) };
  });

export const uploadUpdated: NonNullable<SubscriptionResolvers["uploadUpdated"]> = {
  async subscribe(_root, { id }, { watches }) {
    const rows = await watches.uploads.watch(id);
    if (rows === null) throw badUserInput(`There is no upload "${id}".`);
    return named("uploadUpdated", rows);
  },
};

/** Rows as GraphQL wants the events of a subscription: under the name of its field. */
export function named<Name extends string, Row>(
  name: Name,
  rows: AsyncIterableIterator<Row>,
): AsyncIterableIterator<Record<Name, Row>> {
  const under = (result: IteratorResult<Row>): IteratorResult<Record<Name, Row>> =>
    result.done === true
      ? { done: true, value: undefined }
      : { done: false, value: { [name]: result.value } as Record<Name, Row> };
  return {
    next: async () => under(await rows.next()),
    async return() {
      await rows.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

export const Upload: UploadResolvers = {
  async corpus({ corpusId }, _query, { db }) {
    const corpus = await findCorpusById(db, corpusId);
    if (corpus === null) throw badUserInput(`The corpus of this upload was removed meanwhile.`);
    return corpus;
  },
  url: ({ id, state, expiresAt }, _query, { uploadKey }) =>
    state === "RECEIVING" ? `/uploads/${signUpload(uploadKey, { uploadId: id, expiresAt })}` : null,
  receivedBytes: (row, _query, { uploads }) => uploads.receivedBytes(row),
  image: ({ imageId }, _query, context) => (imageId === null ? null : context.imageById.load(imageId)),
  error: ({ errorCode: code, errorMessage }) => (code === null ? null : { code, message: errorMessage ?? "" }),
};

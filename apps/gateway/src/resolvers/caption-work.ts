import {
  addCaption as addInStorage,
  findCaption,
  findImage,
  replaceCaption,
  reviewCaption as reviewInStorage,
  revertCaptionRun as revertInStorage,
} from "@medley/storage";
import type { MutationResolvers } from "../generated/schema-types.ts";
import { answered, refuse, requireText } from "./user-errors.ts";

const TEXT = { most: 10_000 };
const NAME = { most: 200, oneLine: true, visible: true };

export const correctCaption: NonNullable<MutationResolvers["correctCaption"]> = (_root, query, { db }) =>
  answered({ caption: null }, ["captionId"], async () => {
    const text = requireText(query.text, ["text"], TEXT);
    const author = requireText(query.author, ["author"], NAME);
    return { caption: await db.transaction((tx) => replaceCaption(tx, { captionId: query.captionId, text, author })) };
  });

export const reviewCaption: NonNullable<MutationResolvers["reviewCaption"]> = (_root, query, { db }) =>
  answered({ caption: null }, ["captionId"], async () => {
    const { captionId, verdict } = query;
    const reviewer = requireText(query.reviewer, ["reviewer"], NAME);
    const note = query.note == null ? undefined : requireText(query.note, ["note"], TEXT);
    await reviewInStorage(db, { captionId, verdict, reviewer, note });
    return { caption: await findCaption(db, captionId) };
  });

export const addCaption: NonNullable<MutationResolvers["addCaption"]> = (_root, query, { db }) =>
  answered({ caption: null }, ["imageId"], async () => {
    const { imageId } = query;
    const text = requireText(query.text, ["text"], TEXT);
    const author = requireText(query.author, ["author"], NAME);
    if ((await findImage(db, imageId)) === null) refuse("NOT_FOUND", `There is no image "${imageId}".`, ["imageId"]);
    return { caption: await db.transaction((tx) => addInStorage(tx, { imageId, text, source: "HUMAN", author })) };
  });

export const revertCaptionRun: NonNullable<MutationResolvers["revertCaptionRun"]> = (_root, { runId }, { db }) =>
  answered({ captions: 0 }, ["runId"], async () => ({ captions: await revertInStorage(db, runId) }));

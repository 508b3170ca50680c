import { countOf } from "./wording.ts";

/** A picture on its way from the reader's disk into a collection. */
export interface AddedPicture {
  /** Unique on this page. */
  readonly id: number;
  readonly name: string;
  readonly corpus: string;
  readonly sizeBytes: number;
  /** Of them, those that have left; 0 until it is sent. */
  readonly sentBytes: number;
  /** STORED: the server has every byte and looks at it. ADDED: it is a picture of the collection. */
  readonly phase: "WAITING" | "SENDING" | "STORED" | "ADDED" | "FAILED";
  /** Why it failed, for people; null otherwise. */
  readonly problem: string | null;
}

export type PictureChange = Pick<AddedPicture, "id"> & Partial<AddedPicture>;

/** The pictures with one of them changed. */
export function changePicture(pictures: readonly AddedPicture[], change: PictureChange): readonly AddedPicture[] {
  return pictures.map((picture) => (picture.id === change.id ? { ...picture, ...change } : picture));
}

export interface Tally {
  readonly total: number;
  readonly added: number;
  readonly failed: number;
  /** Neither added nor failed yet. */
  readonly open: number;
}

export function tallyOf(pictures: readonly AddedPicture[]): Tally {
  const added = pictures.filter(({ phase }) => phase === "ADDED").length;
  const failed = pictures.filter(({ phase }) => phase === "FAILED").length;
  return { total: pictures.length, added, failed, open: pictures.length - added - failed };
}

/** One sentence for the reader; empty where nothing was added. */
export function describeTally({ total, added, failed, open }: Tally): string {
  if (total === 0) return "";
  const refused = failed === 0 ? "" : ` ${countOf(failed, "picture")} could not be added.`;
  if (open > 0) return `${added.toLocaleString("en")} of ${countOf(total, "picture")} added …${refused}`;
  return `${countOf(added, "picture")} added.${refused}`;
}

export const PHASES: Readonly<Record<AddedPicture["phase"], string>> = {
  WAITING: "waits",
  SENDING: "is being sent",
  STORED: "is being looked at",
  ADDED: "added",
  FAILED: "not added",
};

import { findImages, type OwnText, ownCaptionsOf, type Queryable } from "@medley/storage";

/** What cameras and programs call files; says nothing about a picture. */
const MEANINGLESS_NAMES: ReadonlySet<string> = new Set(
  "img image images dsc dscn dscf pxl mvimg photo photos picture pic screenshot scan untitled unnamed file download copy index".split(
    " ",
  ),
);
/** A word in any script; shorter ones are counters and versions. */
const WORD = /\p{Letter}{3,}/gu;
/** Names are short; what is longer was made by a program. */
const MAX_NAME_CHARACTERS = 200;

/**
 * The words of a file's name, without folders, ending, digits and signs: "photos/oldLighthouse_02.jpg" is "old Lighthouse". Null where a
 * camera or a program gave the name, or where it has no word of three letters.
 * @param origin a path or an address; what follows ? or # in an address is left out
 */
export function nameOfOrigin(origin: string): string | null {
  const path = /^https?:\/\//i.test(origin) ? decodeAddress(origin.replace(/[?#].*$/s, "")) : origin;
  const name = path.split(/[/\\]/).at(-1) ?? "";
  const words = name
    .replace(/\.[A-Za-z0-9]{1,5}$/, "")
    .replace(/(\p{Lowercase_Letter})(\p{Uppercase_Letter})/gu, "$1 $2")
    .slice(0, MAX_NAME_CHARACTERS)
    .split(/[^\p{Letter}\p{Mark}']+/u)
    .filter((word) => word !== "");
  const telling = words.filter((word) => !MEANINGLESS_NAMES.has(word.toLowerCase()));
  return telling.some((word) => word.match(WORD)) ? telling.join(" ") : null;
}

function decodeAddress(address: string): string {
  try {
    return decodeURIComponent(address);
  } catch {
    return address;
  }
}

/** The texts that stand beside each of the images: captions that no captioner wrote, and the names of their files, each name once. */
export async function ownTextsOf(db: Queryable, imageIds: readonly string[]): Promise<OwnText[]> {
  const captions = await ownCaptionsOf(db, imageIds);
  const images = await findImages(db, imageIds);
  const names = images.flatMap(({ id: imageId, corpusId, origins }) => {
    const known = new Set(origins.map(nameOfOrigin).filter((name) => name !== null));
    return [...known].map((name): OwnText => ({ imageId, corpusId, text: name, name }));
  });
  return [...captions, ...names];
}

import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { Picture } from "./dataset.ts";

/** Gives the picture of a name; one that is not there is found missing when it is opened, and counted then. */
export type FindPicture = (name: string, otherNames?: readonly string[]) => Picture;

/** Folders that the public data sets are unpacked into. */
const USUAL_FOLDERS = ["", "images", "pictures", "flickr30k-images", "train2014", "val2014", "test2014", "test2015"];
/** Winoground names pictures without an extension. */
const EXTENSIONS = ["", ".png", ".jpg"];

/**
 * Looks for pictures in the folder of the data set and where its makers put them.
 * @param folders  where to look instead of the data set's own folder
 */
export function createPictureFinder(folders: readonly string[]): FindPicture {
  const known = new Map<string, Picture>();
  // What was right for the last picture is nearly always right for the next one.
  let lastRight: { folder: string; below: string; extension: string } | undefined;
  return (name, otherNames = []) => {
    const earlier = known.get(name);
    if (earlier) return earlier;
    const path = isAbsolute(name) ? name : (find(name, otherNames) ?? join(folders[0] ?? "", name));
    const picture: Picture = { name, place: { path } };
    known.set(name, picture);
    return picture;
  };

  function find(name: string, otherNames: readonly string[]): string | undefined {
    for (const candidate of [name, ...otherNames]) {
      if (lastRight) {
        const path = join(lastRight.folder, lastRight.below, `${candidate}${lastRight.extension}`);
        if (existsSync(path)) return path;
      }
      for (const folder of folders) {
        for (const below of USUAL_FOLDERS) {
          for (const extension of EXTENSIONS) {
            const path = join(folder, below, `${candidate}${extension}`);
            if (!existsSync(path)) continue;
            lastRight = { folder, below, extension };
            return path;
          }
        }
      }
    }
    return undefined;
  }
}

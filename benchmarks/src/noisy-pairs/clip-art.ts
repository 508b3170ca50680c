/** Drawings of openclipart.org as Debian ships them: pixels in one package, words about them in another, under the same relative path. */
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";

/** Folders of signs, flags, maps, playing cards, screen furniture and textures: they show no things. */
const NOT_PICTORIAL =
  /^(shapes|special|logos|buttons|computer\/(buttons|diagrams|folders|icons)|geography\/[^/]*$|recreation\/games\/cards|signs_and_symbols\/(?!clocks\/|weather\/)|transportation\/(aiga-symbols|roadsigns))/;
const PUBLIC_DOMAIN =
  /^http:\/\/(web\.resource\.org\/cc\/PublicDomain|creativecommons\.org\/licenses\/publicdomain)\/?$/;

export interface Drawing {
  /** Path in the SVG package, such as "food/fruit/apple.svg". */
  readonly source: string;
  readonly pngFile: string;
  /** Empty where the drawing has none, like the next. */
  readonly title: string;
  readonly description: string;
  readonly keywords: readonly string[];
  /** Never empty: the path stands in, so that a drawing without an author counts as one of its own. */
  readonly author: string;
  readonly isPublicDomain: boolean;
}

/** Pictorial drawings that both packages hold, sorted by path. Symbolic links are second names of a drawing and left out. */
export function readDrawings(packages: string): Drawing[] {
  const [svgFolder, pngFolder] = [drawingFolder(packages, "svg"), drawingFolder(packages, "png")];
  return readdirSync(svgFolder, { recursive: true, encoding: "utf8" })
    .filter((source) => source.endsWith(".svg") && !NOT_PICTORIAL.test(source))
    .filter((source) => lstatSync(join(svgFolder, source)).isFile())
    .sort()
    .map((source) => ({ source, pngFile: join(pngFolder, source.replace(/\.svg$/, ".png")) }))
    .filter(({ pngFile }) => existsSync(pngFile))
    .map((drawing) => ({
      ...drawing,
      ...readWords(readFileSync(join(svgFolder, drawing.source), "utf8"), drawing.source),
    }));
}

/** One author in four: the bundled model saw nothing of theirs. The rule is is_heldout_author() of medley_pretraining/splits.py. */
export function isHeldOutAuthor(author: string): boolean {
  return crc32(author) % 4 === 0;
}

function drawingFolder(packages: string, kind: "png" | "svg"): string {
  return join(packages, `openclipart-${kind}`, "usr/share/openclipart", kind);
}

function readWords(svg: string, source: string): Omit<Drawing, "source" | "pngFile"> {
  const metadata = /<metadata.*?<\/metadata>/s.exec(svg)?.[0] ?? "";
  // As clipart_author() of medley_pretraining/pictures.py does it: the rule above must see the same spelling.
  const creator = /<dc:creator\b[^>]*>(.*?)<\/dc:creator>/s.exec(metadata)?.[1] ?? "";
  const licence = /<(?:cc:)?license\b[^>]*rdf:resource="([^"]*)"/.exec(metadata)?.[1] ?? "";
  const work = metadata.replaceAll(/<(?:cc:)?Agent\b.*?<\/(?:cc:)?Agent>/gs, ""); // whose titles are names of people
  const subject = inside(work, "dc:subject");
  return {
    title: plainText(inside(work, "dc:title")),
    description: plainText(inside(work, "dc:description")),
    keywords: [...subject.matchAll(/<rdf:li\b[^>]*>([^<]*)<\/rdf:li>/g)]
      .map(([, keyword = ""]) => plainText(keyword))
      .filter((keyword) => keyword !== ""),
    author: plainText(creator) || source,
    isPublicDomain: PUBLIC_DOMAIN.test(licence),
  };
}

function inside(xml: string, tag: string): string {
  return new RegExp(`<${tag}\\b[^>]*(?<!/)>(.*?)</${tag}>`, "s").exec(xml)?.[1] ?? "";
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function plainText(xml: string): string {
  return xml
    .replaceAll(/<[^>]+>/g, " ")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/&(?:#x([0-9a-f]+)|#(\d+)|(amp|lt|gt|quot|apos));/gi, (_, hexadecimal, decimal, name) =>
      name
        ? (ENTITIES[name.toLowerCase()] ?? "")
        : String.fromCodePoint(hexadecimal ? Number.parseInt(hexadecimal, 16) : Number(decimal)),
    )
    .trim();
}

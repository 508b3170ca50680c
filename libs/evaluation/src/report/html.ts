/** Markup that is safe to put into a page: made by `html`, which escapes everything else. */
export interface Html {
  readonly markup: string;
}

type Piece = string | number | Html | readonly Html[] | readonly string[];

/**
 * Builds markup; every text that is put in is escaped, in elements and in quoted attributes alike. Captions, file names and error
 * messages come from strangers.
 */
export function html(parts: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  return { markup: parts.reduce((markup, part, index) => `${markup}${render(pieces[index - 1] ?? "")}${part}`) };
}

function render(piece: Piece): string {
  if (typeof piece === "string" || typeof piece === "number") return escapeText(String(piece));
  return "markup" in piece ? piece.markup : piece.map((part) => render(part)).join("\n");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}

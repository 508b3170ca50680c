/**
 * Reads a machine-readable Debian copyright file (format 1.0) and says which stanzas cover a file. By the format the last
 * match wins, but the globs of this file overlap ("space*" of NASA covers "space2.jpg" of a photo site, which has a stanza
 * of its own), so callers see every match.
 */

/** @typedef {{ patterns: string[], copyright: string, licence: string, note: string }} Stanza */

/**
 * @param {string} text the whole copyright file
 * @returns {Stanza[]} the file stanzas in order
 */
export function parseDebianCopyright(text) {
  return text
    .split(/\n\s*\n/)
    .map(parseFields)
    .filter((fields) => fields.has("Files"))
    .map((fields) => {
      const [licence = "", ...rest] = (fields.get("License") ?? "").split("\n");
      return {
        patterns: fields
          .get("Files")
          .split(/\s*\n\s*/)
          .filter(Boolean),
        copyright: (fields.get("Copyright") ?? "").replace(/\s+/g, " ").trim(),
        licence: licence.trim(),
        note: rest.join(" ").replace(/\s+/g, " ").trim(),
      };
    });
}

/**
 * @param {Stanza[]} stanzas
 * @param {string} path as written in the Files fields, e.g. "images/land/sea3.jpg"
 * @returns {Stanza[]} every stanza that matches, the one with the most specific (longest) pattern last
 */
export function stanzasOf(stanzas, path) {
  return stanzas
    .map((stanza) => ({ stanza, length: longestMatch(stanza, path) }))
    .filter(({ length }) => length > 0)
    .sort((left, right) => left.length - right.length)
    .map(({ stanza }) => stanza);
}

function longestMatch({ patterns }, path) {
  const matching = patterns.filter((pattern) => globMatches(pattern, path));
  return Math.max(0, ...matching.map((pattern) => pattern.length));
}

function parseFields(block) {
  const fields = new Map();
  let name;
  for (const line of block.split("\n")) {
    const start = /^([A-Z][\w-]*):\s*(.*)$/.exec(line);
    if (start) fields.set((name = start[1]), start[2]);
    else if (name !== undefined) fields.set(name, `${fields.get(name)}\n${line.trim()}`);
  }
  return fields;
}

/** A star goes no further into a number: "canyon0*" means canyon0.jpg, not canyon04.jpg. */
function globMatches(pattern, path) {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("?", ".")
    .replace(/(\d?)\*/g, (_, digit) => (digit === "" ? ".*" : `${digit}(?!\\d).*`));
  return new RegExp(`^${source}$`).test(path);
}

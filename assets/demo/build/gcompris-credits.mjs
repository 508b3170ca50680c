/** Reads the README files of GCompris: blocks of "Copyright:", "License:", "Source:" and "Files:", in any order. */

/** @typedef {{ file: string, author: string, licence: string, address: string | undefined }} Credit */

const FIELD = /^(Copyright|Licen[sc]e|Source|Files|Comments?)\s*:\s*(.*)$/i;

/**
 * @param {string} readme
 * @returns {Credit[]} one entry per listed file
 */
export function parseCredits(readme) {
  return readme
    .split(/\n\s*\n/)
    .map(parseBlock)
    .flatMap((block) => {
      const address = /https?:\/\/\S+/.exec(`${block.get("source") ?? ""} ${block.get("comment") ?? ""}`)?.[0];
      const author = authorNames(block.get("copyright") ?? "");
      const licence = (block.get("license") ?? "").trim();
      const files = (block.get("files") ?? "").split(/\s+/).filter(Boolean);
      return files.map((file) => ({ file, author, licence, address }));
    });
}

/**
 * The title of a Wikimedia Commons file as people see it: "…/File:Two_Jaguar_Sisters.jpg" becomes "Two Jaguar Sisters".
 * @param {string | undefined} address
 * @returns {string | undefined} undefined when the address is not one of a Commons or Wikipedia file
 */
export function commonsTitle(address) {
  const name = /\/File:(.+)$/.exec(address ?? "")?.[1];
  if (name === undefined) return undefined;
  return decodeURIComponent(name)
    .replace(/\.\w{3,4}$/, "")
    .replaceAll("_", " ")
    .trim();
}

/** "Copyright 2005 NASA Copyright 2018 Timothée Giet" becomes "NASA, Timothée Giet". */
function authorNames(copyright) {
  const names = copyright.split(/\bCopyright\b|©/).map((name) =>
    name
      .replace(/^\s*\d{4}\b/, "")
      .replace(/\s+/g, " ")
      .trim(),
  );
  return names.filter(Boolean).join(", ") || "unknown";
}

function parseBlock(text) {
  const fields = new Map();
  let name;
  for (const line of text.split("\n")) {
    const start = FIELD.exec(line.trim());
    if (start) {
      name = start[1].toLowerCase().replace("licence", "license").replace("comments", "comment");
      fields.set(name, start[2]);
    } else if (name !== undefined) {
      fields.set(name, `${fields.get(name)} ${line.trim()}`);
    }
  }
  return fields;
}

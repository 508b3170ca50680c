/**
 * Reads Qt binary resource files (.rcc), the archives GCompris keeps its pictures in.
 * Layout: magic "qres", version, offsets of tree, data and names (all big-endian); a tree node is 14 bytes in version 1
 * and 22 from version 2. Follows Qt's qresource.cpp.
 */
import { inflateSync } from "node:zlib";

const FLAG_ZLIB = 1;
const FLAG_FOLDER = 2;
const FLAG_ZSTD = 4;

/**
 * @param {Buffer} archive
 * @returns {Map<string, Buffer>} file contents by path, without a leading slash
 */
export function readQtResource(archive) {
  if (archive.toString("latin1", 0, 4) !== "qres") throw new Error('Not a Qt resource file: magic is not "qres".');
  const [version, tree, data, names] = [4, 8, 12, 16].map((offset) => archive.readUInt32BE(offset));
  const nodeBytes = version < 2 ? 14 : 22;
  const files = new Map();

  const visit = (index, parentPath) => {
    const node = tree + index * nodeBytes;
    const flags = archive.readUInt16BE(node + 4);
    const name = index === 0 ? "" : readName(archive, names + archive.readUInt32BE(node));
    const path = parentPath === "" ? name : `${parentPath}/${name}`;
    if (flags & FLAG_FOLDER) {
      const count = archive.readUInt32BE(node + 6);
      const firstChild = archive.readUInt32BE(node + 10);
      for (let child = firstChild; child < firstChild + count; child++) visit(child, path);
    } else {
      files.set(path, readData(archive, data + archive.readUInt32BE(node + 10), flags, path));
    }
  };
  visit(0, "");
  return files;
}

function readName(archive, offset) {
  const length = archive.readUInt16BE(offset);
  const start = offset + 6; // two bytes of length, four of hash
  return Buffer.from(archive.subarray(start, start + 2 * length))
    .swap16()
    .toString("utf16le");
}

function readData(archive, offset, flags, path) {
  if (flags & FLAG_ZSTD) throw new Error(`"${path}" is Zstandard-compressed, which this reader does not know.`);
  const length = archive.readUInt32BE(offset);
  const bytes = archive.subarray(offset + 4, offset + 4 + length);
  return flags & FLAG_ZLIB ? inflateSync(bytes.subarray(4)) : Buffer.from(bytes); // four bytes of unpacked size
}

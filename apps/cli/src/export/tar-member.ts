const BLOCK_BYTES = 512;
/** What a USTAR header can name. */
const LONGEST_NAME = 100;
const LARGEST_SIZE = 0o77777777777;

/** Two blocks of zeros end an archive. */
export const TAR_END = Buffer.alloc(2 * BLOCK_BYTES);

/**
 * A file as a member of a tar archive: header, bytes, padding. Owner and time are always the same, so that the same files give the same archive.
 * POSIX 1003.1-1988 (USTAR): https://www.gnu.org/software/tar/manual/html_node/Standard.html
 */
export function tarMember(name: string, bytes: Uint8Array): Uint8Array[] {
  const padding = Buffer.alloc((BLOCK_BYTES - (bytes.byteLength % BLOCK_BYTES)) % BLOCK_BYTES);
  return [tarHeader(name, bytes.byteLength), bytes, padding];
}

function tarHeader(name: string, size: number): Buffer {
  if (!/^[\x21-\x7e]+$/.test(name) || name.length > LONGEST_NAME || size > LARGEST_SIZE) {
    throw new Error(`Bug: "${name}" with ${size} bytes does not fit into a USTAR header.`);
  }
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  header.write(name, 0);
  header.write(octal(0o644, 7), 100); // mode
  header.write(octal(0, 7), 108); // owner
  header.write(octal(0, 7), 116); // group
  header.write(octal(size, 11), 124);
  header.write(octal(0, 11), 136); // time of change
  header.write("        ", 148); // the checksum counts as spaces
  header.write("0", 156); // a file
  header.write("ustar\x0000", 257, "latin1");
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${octal(checksum, 6)}\0 `, 148, "latin1");
  return header;
}

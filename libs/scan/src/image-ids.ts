/** Ids of 16 bytes in ascending order, as PostgreSQL orders UUIDs; a row's place in the list is its place in the scan. */
export interface ImageIds {
  readonly rows: number;
  at(position: number): string;
  /** -1 where the id is not in the list. */
  positionOf(imageId: string): number;
  /**
   * One bit for each row whose id is in `passing` (16 bytes each, ascending too), lowest bit first, and the ids that no row has.
   */
  select(passing: Uint8Array): { readonly bits: Uint8Array; readonly beside: ReadonlySet<string> };
}

const ID_BYTES = 16;

export function createImageIds(bytes: Uint8Array): ImageIds {
  const list = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows = list.length / ID_BYTES;

  return {
    rows,
    at: (position) => formatId(list, position * ID_BYTES),
    positionOf(imageId) {
      const wanted = Buffer.from(imageId.replaceAll("-", ""), "hex");
      let [low, high] = [0, rows - 1];
      while (low <= high) {
        const middle = (low + high) >>> 1;
        const order = list.compare(wanted, 0, ID_BYTES, middle * ID_BYTES, (middle + 1) * ID_BYTES);
        if (order === 0) return middle;
        if (order < 0) low = middle + 1;
        else high = middle - 1;
      }
      return -1;
    },
    select(passing) {
      const ids = Buffer.from(passing.buffer, passing.byteOffset, passing.byteLength);
      const bits = new Uint8Array(Math.ceil(rows / 8));
      const beside = new Set<string>();
      let row = 0;
      for (let at = 0; at < ids.length; at += ID_BYTES) {
        let order = 1;
        while (row < rows) {
          order = list.compare(ids, at, at + ID_BYTES, row * ID_BYTES, (row + 1) * ID_BYTES);
          if (order >= 0) break;
          row += 1;
        }
        if (row < rows && order === 0) bits[row >>> 3] = (bits[row >>> 3] as number) | (1 << (row & 7));
        else beside.add(formatId(ids, at));
      }
      return { bits, beside };
    },
  };
}

/** Whether a row is selected. */
export function isSelected(bits: Uint8Array, position: number): boolean {
  return ((bits[position >>> 3] as number) & (1 << (position & 7))) !== 0;
}

function formatId(bytes: Buffer, at: number): string {
  const hex = bytes.toString("hex", at, at + ID_BYTES);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

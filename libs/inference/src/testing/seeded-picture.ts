/** Smooth random picture, RGB [size, size, 3]; the rule is in libs/blip/fixtures/pictures.py. */
export function seededPicture(seed: number, size: number): Uint8Array {
  const grid = 5;
  let state = Number((BigInt(seed) * 2654435769n) % 4294967296n) >>> 0;
  const values: number[] = [];
  for (let index = 0; index < 8 + grid * grid * 3; index++) {
    state = (state ^ (state << 13)) >>> 0;
    state = (state ^ (state >>> 17)) >>> 0;
    state = (state ^ (state << 5)) >>> 0;
    if (index >= 8) values.push(state >>> 24);
  }
  const at = (row: number, column: number, channel: number): number =>
    values[(row * grid + column) * 3 + channel] as number;
  const place = (index: number): readonly [number, number] => {
    const position = Math.floor((index * (grid - 1) * 256) / (size - 1));
    const cell = Math.min(position >> 8, grid - 2);
    return [cell, position - 256 * cell];
  };
  const pixels = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y++) {
    const [row, fy] = place(y);
    for (let x = 0; x < size; x++) {
      const [column, fx] = place(x);
      for (let channel = 0; channel < 3; channel++) {
        const top = (256 - fx) * at(row, column, channel) + fx * at(row, column + 1, channel);
        const bottom = (256 - fx) * at(row + 1, column, channel) + fx * at(row + 1, column + 1, channel);
        pixels[(y * size + x) * 3 + channel] = ((256 - fy) * top + fy * bottom + 32768) >> 16;
      }
    }
  }
  return pixels;
}

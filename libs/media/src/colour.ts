// Pixel formulas of Pillow's Convert.c and AlphaComposite.c, on interleaved 8-bit samples. Indices stay inside the arrays by
// construction, hence the `as number`.

/** Pillow's MULDIV255 and SHIFTFORDIV255: n / 255, rounded, for 0 <= n <= 255 * 255 (n already holds + 128). */
function divideBy255(n: number): number {
  return ((n >> 8) + n) >> 8;
}

export function greyToRgb(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (let from = 0, to = 0; from < grey.length; from++, to += 3) {
    const value = grey[from] as number;
    rgb[to] = value;
    rgb[to + 1] = value;
    rgb[to + 2] = value;
  }
  return rgb;
}

export function dropAlpha(rgba: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from] as number;
    rgb[to + 1] = rgba[from + 1] as number;
    rgb[to + 2] = rgba[from + 2] as number;
  }
  return rgb;
}

/** Pillow's `alpha_composite` over opaque white, bit for bit. */
export function overWhite(rgba: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    const alpha = rgba[from + 3] as number;
    const white = 255 * (255 - alpha) + 128;
    rgb[to] = divideBy255((rgba[from] as number) * alpha + white);
    rgb[to + 1] = divideBy255((rgba[from + 1] as number) * alpha + white);
    rgb[to + 2] = divideBy255((rgba[from + 2] as number) * alpha + white);
  }
  return rgb;
}

/** Pillow's CMYK to RGB: key minus ink times key. @param channels samples a pixel; those after the fourth are skipped */
export function cmykToRgb(cmyk: Uint8Array, channels: number): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / channels) * 3);
  for (let from = 0, to = 0; from < cmyk.length; from += channels, to += 3) {
    const light = 255 - (cmyk[from + 3] as number);
    rgb[to] = light - divideBy255((cmyk[from] as number) * light + 128);
    rgb[to + 1] = light - divideBy255((cmyk[from + 1] as number) * light + 128);
    rgb[to + 2] = light - divideBy255((cmyk[from + 2] as number) * light + 128);
  }
  return rgb;
}

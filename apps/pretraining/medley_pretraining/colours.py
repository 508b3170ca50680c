"""Eleven colour names for pixels, the dominant colour of a cut-out, and hue rotation."""

from __future__ import annotations

import numpy as np
from PIL import Image

COLOURS = ("black", "white", "gray", "brown", "pink", "red", "orange", "yellow", "green", "blue", "purple")
_BLACK, _WHITE, _GRAY, _BROWN, _PINK, _RED, _ORANGE, _YELLOW, _GREEN, _BLUE, _PURPLE = range(11)


def colour_indices(rgb: np.ndarray) -> np.ndarray:
    """Names pixels by hue, saturation and value. rgb uint8 [N, 3] -> int [N] into COLOURS.

    Weak at brown/orange/gold and at dark purple (hand-set thresholds, read off emoji drawings).
    """
    red, green, blue = (rgb[:, i].astype(np.float32) for i in range(3))
    high = np.maximum(np.maximum(red, green), blue)
    low = np.minimum(np.minimum(red, green), blue)
    span = np.maximum(high - low, 1e-6)
    value, saturation = high / 255, np.where(high > 0, (high - low) / np.maximum(high, 1), 0)
    sector = np.where(
        high == red,
        ((green - blue) / span) % 6,
        np.where(high == green, (blue - red) / span + 2, (red - green) / span + 4),
    )
    hue = sector * 60
    reddish = (hue < 14) | (hue >= 345)
    return np.select(
        [
            value < 0.22,
            (saturation < 0.14) & (value > 0.86),
            saturation < 0.14,
            reddish & (value < 0.55),
            reddish & (saturation < 0.45) & (value > 0.8),
            reddish,
            (hue < 42) & ((value < 0.72) | (saturation < 0.55)),
            hue < 42,
            hue < 68,
            hue < 165,
            hue < 255,
            hue < 292,
        ],
        [_BLACK, _WHITE, _GRAY, _BROWN, _PINK, _RED, _BROWN, _ORANGE, _YELLOW, _GREEN, _BLUE, _PURPLE],
        _PINK,
    )


def dominant_colour(rgba: np.ndarray, share: float = 0.55) -> str | None:
    """The one colour that more than `share` of the opaque pixels have, if there is one. rgba uint8 [H, W, 4]."""
    pixels = rgba.reshape(-1, 4)
    opaque = pixels[pixels[:, 3] > 200][:, :3]
    if len(opaque) < 50:
        return None
    counts = np.bincount(colour_indices(opaque), minlength=len(COLOURS))
    best = int(counts.argmax())
    return COLOURS[best] if counts[best] / len(opaque) > share else None


def rotate_hue(rgba: np.ndarray, degrees: float) -> np.ndarray:
    hsv = np.array(Image.fromarray(np.ascontiguousarray(rgba[..., :3])).convert("HSV"))
    hsv[..., 0] = (hsv[..., 0].astype(int) + int(degrees / 360 * 256)) % 256
    rgb = np.array(Image.fromarray(hsv, "HSV").convert("RGB"))
    return np.dstack([rgb, rgba[..., 3]])


def colour_histogram(rgb: np.ndarray) -> np.ndarray:
    """4×4×4 RGB histogram over the four quarters of a picture, L2-normalised: the baseline that sees colour only."""
    size = rgb.shape[0] // 2
    parts = []
    for top in (0, size):
        for left in (0, size):
            codes = (rgb[top : top + size, left : left + size] >> 6).astype(np.int64).reshape(-1, 3) @ np.array(
                [16, 4, 1]
            )
            parts.append(np.sqrt(np.bincount(codes, minlength=64).astype(np.float32)))
    histogram = np.concatenate(parts)
    return histogram / max(float(np.linalg.norm(histogram)), 1e-6)

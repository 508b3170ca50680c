"""Draws curves as a PNG with Pillow: enough to see a loss fall, without a plotting library."""

from __future__ import annotations

import math
from pathlib import Path

from PIL import Image, ImageDraw

WIDTH, HEIGHT, MARGIN = 960, 540, 70  # pixels
COLOURS = ((31, 90, 180), (210, 80, 30), (40, 140, 70), (140, 60, 160), (120, 120, 40), (60, 60, 60))
SMOOTHING = 0.02  # each point is drawn as the mean of this share of the points around it


def smoothed(values: list[float]) -> list[float]:
    reach = int(len(values) * SMOOTHING / 2)
    return [
        sum(values[max(0, at - reach) : at + reach + 1]) / len(values[max(0, at - reach) : at + reach + 1])
        for at in range(len(values))
    ]


def draw_curves(curves: dict[str, list[tuple[float, float]]], path: Path, title: str) -> None:
    """curves: name -> points (x, y); points that are no number are left out. Nothing is written when no point is left."""
    drawn = {name: [point for point in points if math.isfinite(point[1])] for name, points in curves.items()}
    drawn = {name: points for name, points in drawn.items() if points}
    if not drawn:
        return
    everything = [point for points in drawn.values() for point in points]
    left, right = min(x for x, _ in everything), max(x for x, _ in everything)
    low, high = min(0.0, *(y for _, y in everything)), max(y for _, y in everything)
    right, high = max(right, left + 1), max(high, low + 1e-6)

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            MARGIN + (x - left) / (right - left) * (WIDTH - 2 * MARGIN),
            HEIGHT - MARGIN - (y - low) / (high - low) * (HEIGHT - 2 * MARGIN),
        )

    picture = Image.new("RGB", (WIDTH, HEIGHT), (255, 255, 255))
    pen = ImageDraw.Draw(picture)
    pen.text((MARGIN, 20), title, fill=(0, 0, 0))
    for part in range(6):
        y = low + (high - low) * part / 5
        pen.line([place(left, y), place(right, y)], fill=(225, 225, 225))
        pen.text((8, place(left, y)[1] - 6), f"{y:.3g}", fill=(90, 90, 90))
        x = left + (right - left) * part / 5
        pen.text((place(x, low)[0] - 12, HEIGHT - MARGIN + 8), f"{x:.0f}", fill=(90, 90, 90))
    for number, (name, points) in enumerate(drawn.items()):
        colour = COLOURS[number % len(COLOURS)]
        heights = smoothed([y for _, y in points])
        line = [place(x, y) for (x, _), y in zip(points, heights, strict=True)]
        pen.line(line if len(line) > 1 else line * 2, fill=colour, width=2)
        pen.text((WIDTH - MARGIN - 150, MARGIN + 16 * number), name, fill=colour)
    picture.save(path)

"""Training augmentation of BLIP: a random crop, mirrored or not, then RandAugment (BLIP data/__init__.py:18-24, transform/randaugment.py)."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

OPERATIONS_PER_PICTURE = 2
OPERATION_CHANCE = 0.5
SHEAR, SHIFT_PIXELS, TURN_DEGREES = 0.15, 5, 15  # at level 5 of 10
FILL = (128, 128, 128)


def _affine(picture: Image.Image, *matrix: float) -> Image.Image:
    return picture.transform(picture.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=FILL)


def _either_way(rng: random.Random, amount: float) -> float:
    return amount if rng.random() < 0.5 else -amount


# Brightness and Sharpness are asked for at factor 1.0 by level 5, so like Identity they change nothing; they stay in the list as draws.
OPERATIONS: dict[str, Callable[[Image.Image, random.Random], Image.Image]] = {
    "identity": lambda picture, rng: picture,
    "auto-contrast": lambda picture, rng: ImageOps.autocontrast(picture),
    "brightness": lambda picture, rng: ImageEnhance.Brightness(picture).enhance(1.0),
    "sharpness": lambda picture, rng: ImageEnhance.Sharpness(picture).enhance(1.0),
    "equalize": lambda picture, rng: ImageOps.equalize(picture),
    "shear-x": lambda picture, rng: _affine(picture, 1, _either_way(rng, SHEAR), 0, 0, 1, 0),
    "shear-y": lambda picture, rng: _affine(picture, 1, 0, 0, _either_way(rng, SHEAR), 1, 0),
    "translate-x": lambda picture, rng: _affine(picture, 1, 0, _either_way(rng, SHIFT_PIXELS), 0, 1, 0),
    "translate-y": lambda picture, rng: _affine(picture, 1, 0, 0, 0, 1, _either_way(rng, SHIFT_PIXELS)),
    "rotate": lambda picture, rng: picture.rotate(
        _either_way(rng, TURN_DEGREES), Image.Resampling.BILINEAR, fillcolor=FILL
    ),
}


def crop_box(width: int, height: int, smallest: float, rng: random.Random) -> tuple[int, int, int, int]:
    """RandomResizedCrop: an area share between `smallest` and 1, sides 3:4 to 4:3; the whole picture after ten misses."""
    for _ in range(10):
        area = rng.uniform(smallest, 1.0) * width * height
        ratio = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
        wide, high = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < wide <= width and 0 < high <= height:
            left, top = rng.randint(0, width - wide), rng.randint(0, height - high)
            return left, top, left + wide, top + high
    return 0, 0, width, height


def augment(
    pixels: np.ndarray, size: int, rng: random.Random, crop_from: float, mirror: bool, operations: bool
) -> np.ndarray:
    """uint8 [S, S, 3] -> uint8 [size, size, 3]."""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if crop_from < 1:
        box = crop_box(*picture.size, crop_from, rng)
        picture = picture.resize((size, size), Image.Resampling.BICUBIC, box)
    elif picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BICUBIC)
    if mirror and rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if operations:
        for name in rng.choices(list(OPERATIONS), k=OPERATIONS_PER_PICTURE):
            if rng.random() < OPERATION_CHANCE:
                picture = OPERATIONS[name](picture, rng)
    return np.array(picture)

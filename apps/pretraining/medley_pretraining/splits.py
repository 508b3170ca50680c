"""Who is held out. Every rule is a CRC-32 of a name, so it is the same on every machine and for every reader.

The demo pictures and the tests of the whole project follow the same rules (see README.md, "Held out").
"""

from __future__ import annotations

import zlib
from pathlib import PurePosixPath

PICTORIAL_GROUPS = (3, 4, 5, 6, 7)  # emojibase groups: animals, food, travel, activities, objects


def crc32(text: str) -> int:
    return zlib.crc32(text.encode("utf-8"))


def is_withheld_concept(key: str, group: int) -> bool:
    """10 % of the pictorial concepts (key = code points such as "1f415") are never drawn in training, in any style."""
    return group in PICTORIAL_GROUPS and crc32("w" + key) % 10 == 0


def is_validation_drawing(style: str, key: str) -> bool:
    """5 % of the single drawings of a training style: the concept is trained on in other styles, this drawing is not."""
    return crc32(f"{style}:{key}") % 20 == 0


def is_validation_photograph(file_name: str) -> bool:
    """10 % of the training photographs, by the file name without its ending (.jpg or .webp, so both layouts agree)."""
    return crc32(PurePosixPath(file_name).stem) % 10 == 0


def is_heldout_landscape(file_name: str) -> bool:
    """One third of the landscapes: test backgrounds and demo pictures, never trained on."""
    return crc32(file_name) % 3 == 0


def is_heldout_author(author: str) -> bool:
    """One quarter of the openclipart authors: demo pictures, never trained on."""
    return crc32(author) % 4 == 0

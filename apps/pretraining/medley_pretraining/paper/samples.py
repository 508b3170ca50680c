"""One picture with its text as it comes in from outside, and what becomes of one that cannot be used.

Readers (`shards.py`, `manifest.py`) yield `Sample` or `Rejection`, in a fixed order; nothing that is wrong with one sample stops them.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

MOST_PIXELS = 100_000_000  # of one picture; a larger one is taken for a decompression bomb
NO_LICENCE = ("", "unknown", "none", "n/a", "null", "undefined")


class DataError(ValueError):
    """The data set as a whole cannot be used: a missing file, no sample left, a set that is too small for a loss."""


@dataclass(frozen=True)
class Question:
    """`answers` maps each answer to its weight; weights of one question add up to 1 at most (share of the annotators)."""

    text: str
    answers: dict[str, float]


@dataclass(frozen=True)
class Sample:
    """A picture as the bytes of its file, and one text.

    key names the sample in messages. group: samples of one group are never negatives of one another ("" stands for the picture
    itself). detail: what else the JSON of a shard says (source, scores, provenance), kept as it is.
    """

    key: str
    picture: bytes
    text: str
    licence: str
    source: str = ""
    group: str = ""
    questions: tuple[Question, ...] = ()
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rejection:
    """A sample that was skipped: in which file, which one, and why (`reason` is one of few; `explanation` has the particulars)."""

    place: str
    key: str
    reason: str
    explanation: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.key}: {self.reason}" + (f" ({self.explanation})" if self.explanation else "")


def checked(sample: Sample, place: str) -> Sample | Rejection:
    """The sample, or why it is skipped. Texts may be empty only where there are questions."""
    if not sample.text.strip() and not sample.questions:
        return Rejection(place, sample.key, "empty caption")
    licence = sample.licence.strip()
    if licence.lower() in NO_LICENCE:
        return Rejection(
            place, sample.key, "no licence", f'"licence" is {sample.licence!r}, expected its name or address'
        )
    return sample


def decode_picture(picture: bytes, size: int) -> np.ndarray:
    """uint8 [size, size, 3]: alpha laid on white, then squeezed to the square with Pillow's bicubic filter, as BLIP does.
    Raises ValueError with the decoder's words on a broken picture."""
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise ValueError(f"{opened.width}×{opened.height} pixels, allowed are {MOST_PIXELS}")
            flat = opened.convert("RGBA")
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(str(error) or type(error).__name__) from error
    white = Image.new("RGBA", flat.size, (255, 255, 255, 255))
    rgb = Image.alpha_composite(white, flat).convert("RGB")
    return np.array(rgb.resize((size, size), Image.Resampling.BICUBIC))


@dataclass
class Intake:
    """Passes samples on and remembers what was skipped."""

    rejections: list[Rejection] = field(default_factory=list)
    accepted: int = 0

    def accept(self, stream: Iterable[Sample | Rejection]) -> Iterator[Sample]:
        for each in stream:
            if isinstance(each, Rejection):
                self.rejections.append(each)
            else:
                self.accepted += 1
                yield each

    def reject(self, rejection: Rejection) -> None:
        """Takes back one that was accepted and turned out to be unusable later (a picture that does not decode)."""
        self.accepted -= 1
        self.rejections.append(rejection)

    def summary(self, named: int = 20) -> str:
        """Counts by reason, then the first `named` skipped samples by name."""
        if not self.rejections:
            return f"{self.accepted} samples, none skipped"
        counts = Counter(rejection.reason for rejection in self.rejections)
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
        lines = [f"{self.accepted} samples, {len(self.rejections)} skipped: {reasons}"]
        lines += [f"  skipped {rejection}" for rejection in self.rejections[:named]]
        if len(self.rejections) > named:
            lines.append(f"  and {len(self.rejections) - named} more")
        return "\n".join(lines)

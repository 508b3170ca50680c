"""A data set in memory: every picture once, as pixels, and the pairs of picture and text that training draws.

Pixels lie in a memory-mapped file where a folder is given, so a set may be larger than memory; texts are always in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .samples import DataError, Intake, Question, Rejection, Sample, decode_picture


@dataclass(frozen=True)
class Pair:
    """One picture with one text. `picture` and `group` are numbers; the same picture and the same "group" have the same group.
    position: of the sample in its stream, skipped ones counted, to find it again."""

    key: str
    picture: int
    group: int
    text: str
    questions: tuple[Question, ...] = ()
    position: int = 0


@dataclass(frozen=True)
class Corpus:
    """pixels uint8 [N, S, S, 3]; at least one pair."""

    pixels: np.ndarray
    pairs: tuple[Pair, ...]
    fingerprint: str

    def texts(self) -> list[str]:
        """Every text, question and answer: what a vocabulary of the used word pieces has to hold."""
        found = [pair.text for pair in self.pairs if pair.text]
        for question in (question for pair in self.pairs for question in pair.questions):
            found += [question.text, *question.answers]
        return found


def build_corpus(
    stream: Iterable[Sample | Rejection],
    size: int,
    intake: Intake,
    licences: tuple[str, ...] = (),
    folder: Path | None = None,
) -> Corpus:
    """Decodes every picture to size × size. What cannot be used goes to `intake`; raises DataError when nothing is left."""
    store = _PixelStore(size, folder)
    numbers: dict[str, int] = {}
    broken: dict[str, str] = {}
    groups: dict[str, int] = {}
    pairs: list[Pair] = []
    digest = hashlib.sha256(str(size).encode())
    place = _Position()
    for sample in intake.accept(place.counted(stream)):
        if licences and sample.licence not in licences:
            reason = f"{sample.licence!r} is none of {', '.join(licences)}"
            intake.reject(Rejection(sample.source, sample.key, "licence not accepted", reason))
            continue
        identity = hashlib.sha256(sample.picture).hexdigest()
        if identity not in numbers and identity not in broken:
            try:
                pixels = decode_picture(sample.picture, size)
            except ValueError as error:
                broken[identity] = str(error)
            else:
                numbers[identity] = store.add(pixels)
        if identity in broken:
            intake.reject(Rejection(sample.source, sample.key, "broken picture", broken[identity]))
            continue
        group = groups.setdefault(sample.group or identity, len(groups))
        pairs.append(Pair(sample.key, numbers[identity], group, sample.text, sample.questions, place.last))
        digest.update(f"{sample.key}\0{identity}\0{sample.group}\0{sample.text}\0{sample.questions}\n".encode())
    if not pairs:
        raise DataError(f"No sample can be used: {intake.summary()}")
    return Corpus(store.close(), tuple(pairs), digest.hexdigest())


class _Position:
    """Number of the item that a stream gave last."""

    last = -1

    def counted(self, stream: Iterable[Sample | Rejection]) -> Iterator[Sample | Rejection]:
        for self.last, each in enumerate(stream):
            yield each


class _PixelStore:
    """Collects pictures in a list, or in a file of raw bytes that is mapped at the end."""

    def __init__(self, size: int, folder: Path | None) -> None:
        self.size, self.count = size, 0
        self.pictures: list[np.ndarray] = []
        self.path = folder / "pictures.u8" if folder else None
        if self.path:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self.stream = self.path.open("wb") if self.path else None

    def add(self, pixels: np.ndarray) -> int:
        if self.stream:
            self.stream.write(pixels.tobytes())
        else:
            self.pictures.append(pixels)
        self.count += 1
        return self.count - 1

    def close(self) -> np.ndarray:
        if self.stream is None or self.path is None:
            return np.stack(self.pictures)
        self.stream.close()
        return np.memmap(self.path, np.uint8, "r", shape=(self.count, self.size, self.size, 3))


class EpochOrder:
    """Which pairs make which batch: a permutation per epoch of the seed, the last incomplete batch left out. Stateless in the step."""

    def __init__(self, pairs: int, batch: int, seed: int) -> None:
        if batch > pairs:
            raise DataError(f"Bug: a batch of {batch} cannot be drawn of {pairs} pairs.")
        self.pairs, self.batch, self.seed = pairs, batch, seed
        self.steps_per_epoch = pairs // batch
        self._epoch, self._order = -1, torch.zeros(0, dtype=torch.long)

    def rows(self, step: int) -> list[int]:
        epoch, within = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed((self.seed * 1_000_003 + epoch) % 2**63)
            self._epoch, self._order = epoch, torch.randperm(self.pairs, generator=generator)
        return self._order[within * self.batch : (within + 1) * self.batch].tolist()


def normalised(pixels: np.ndarray | Tensor, mean: tuple[float, ...], deviation: tuple[float, ...]) -> Tensor:
    """uint8 [B, S, S, 3] -> float [B, 3, S, S]."""
    scaled = torch.as_tensor(np.array(pixels)).permute(0, 3, 1, 2).float() / 255
    return (scaled - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(deviation).view(3, 1, 1)

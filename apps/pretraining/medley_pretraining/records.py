"""One record per picture, and the folder in which pictures and records lie: SPLIT.pixels.npy and SPLIT.jsonl."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from .scenes import SIZE


@dataclass
class Record:
    """What is known about one picture.

    source: emoji | scene | clothing | grocery | clipart | landscape (the unit of the sampling mix).
    concept: pictures with the same concept are never negatives of one another.
    bank: the one string that stands for the picture among the teacher's sentence embeddings.
    captions: for the captioner, in the form that follows "a picture of". paraphrases: further true texts, for matching only.
    negatives: (what was changed, false caption). questions: (type, question, answer).
    regions: (what is there, left, top, right, bottom in pixels). twin: this picture and the one after it (1) or before it (-1) show
    the same things in exchanged places. fresh: not shown to the image phase, so that matching also learns from pictures whose
    tokens were not fitted to their text.
    """

    source: str
    concept: str
    bank: str
    captions: list[str]
    paraphrases: list[str] = field(default_factory=list)
    negatives: list[tuple[str, str]] = field(default_factory=list)
    questions: list[tuple[str, str, str]] = field(default_factory=list)
    nouns: list[str] = field(default_factory=list)
    kind: str = ""  # of a scene
    style: str = ""  # of a drawing
    withheld: bool = False
    regions: list[tuple[str, int, int, int, int]] = field(default_factory=list)
    twin: int = 0
    fresh: bool = False

    def texts(self) -> list[str]:
        return self.captions + self.paraphrases


class SplitWriter:
    """Collects pictures and records of one split and writes both at the end."""

    def __init__(self) -> None:
        self.pictures: list[np.ndarray] = []
        self.records: list[Record] = []

    def add(self, rgb: np.ndarray, record: Record) -> None:
        if rgb.shape != (SIZE, SIZE, 3) or rgb.dtype != np.uint8:
            raise ValueError(
                f"Picture has shape {list(rgb.shape)} and type {rgb.dtype}, expected [{SIZE}, {SIZE}, 3] uint8."
            )
        self.pictures.append(rgb)
        self.records.append(record)

    def write(self, folder: Path, split: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.lib.format.open_memmap(
            folder / f"{split}.pixels.npy", "w+", np.uint8, (len(self.pictures), SIZE, SIZE, 3)
        )
        for index, picture in enumerate(self.pictures):
            pixels[index] = picture
        pixels.flush()
        with (folder / f"{split}.jsonl").open("w") as stream:
            for record in self.records:
                stream.write(json.dumps(asdict(record), ensure_ascii=False) + "\n")


def load_records(folder: Path, split: str) -> list[Record]:
    with (folder / f"{split}.jsonl").open() as stream:
        records = [Record(**json.loads(line)) for line in stream]
    for record in records:
        record.negatives = [(kind, text) for kind, text in record.negatives]
        record.questions = [(kind, question, answer) for kind, question, answer in record.questions]
        record.regions = [(text, left, top, right, bottom) for text, left, top, right, bottom in record.regions]
    return records


def load_pixels(folder: Path, split: str) -> np.ndarray:
    """uint8 [N, SIZE, SIZE, 3], memory-mapped."""
    return np.load(folder / f"{split}.pixels.npy", mmap_mode="r")

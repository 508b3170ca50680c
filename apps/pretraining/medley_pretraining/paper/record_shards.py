"""Writes the records of the data step as WebDataset shards with licence and source per sample.

    python -m medley_pretraining.paper.record_shards --work WORK --split train|validation|test --out FOLDER [--most N] [--seed 0]

The first caption of a record becomes the text; the other true texts, the kind of scene and the questions are in the JSON.
"""

from __future__ import annotations

import argparse
import io
import random
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from ..ingredients import INGREDIENTS
from ..records import Record, load_pixels, load_records
from .command import run_command
from .preparation import say
from .samples import DataError, Question, Sample
from .shards import SAMPLES_PER_SHARD, write_shards

SPLITS = ("train", "validation", "test")
# Of several packages or of none: a record does not say which vendor drew a scene or which set an icon is from, so all of them are named.
OTHER_LICENCES = {
    "scene": "Apache-2.0 AND CC-BY-4.0 AND public domain",
    "clipart": "public domain",
    "landscape": "public domain",
    "clothing": "CC0-1.0",
    "grocery": "MIT",
    "icon": "Apache-2.0 AND CC-BY-3.0 AND CC-BY-4.0 AND CC0-1.0 AND ISC AND MIT",
}
TEST_SCENES = "CC-BY-SA-4.0 AND MIT AND public domain"  # of OpenMoji and Fluent 3D drawings


def origin(record: Record, split: str) -> tuple[str, str]:
    """(licence, source) of a record. Drawings of emoji name their package with its version."""
    vendor = record.style or record.source
    for ingredient in INGREDIENTS:
        if ingredient.name == vendor:
            return ingredient.licence, f"{ingredient.registry}:{ingredient.package}@{ingredient.version}"
    if record.source == "scene" and split == "test":
        return TEST_SCENES, "scene"
    if record.source not in OTHER_LICENCES:
        raise DataError(
            f'Record "{record.bank}" comes from "{record.source}", whose licence is not known. Add it to record_shards.py.'
        )
    return OTHER_LICENCES[record.source], record.source


def record_samples(work: Path, split: str, most: int = 0, seed: int = 0) -> Iterator[Sample]:
    """In the order of the records; with `most`, that many drawn by the seed."""
    folder = work / "data"
    if not (folder / f"{split}.jsonl").exists():
        raise DataError(f'"{folder}" has no {split}.jsonl. Run the data step first, or name its --work folder.')
    records, pixels = load_records(folder, split), load_pixels(folder, split)
    rows = range(len(records))
    chosen = sorted(random.Random(seed).sample(rows, min(most, len(records)))) if most else rows
    for row in chosen:
        record = records[row]
        licence, source = origin(record, split)
        stream = io.BytesIO()
        Image.fromarray(pixels[row]).save(stream, "PNG")
        questions = tuple(Question(question, {answer: 1.0}) for _, question, answer in record.questions)
        detail = {"texts": record.texts()[1:], "concept": record.concept, "kind": record.kind or record.source}
        group = f"{record.source}:{record.concept}"
        yield Sample(
            f"{split}/{row:06d}", stream.getvalue(), record.captions[0], licence, source, group, questions, detail
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder of the data step; only read")
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--out", type=Path, required=True, help="folder for the shards")
    parser.add_argument("--most", type=int, default=0, help="so many samples, drawn by the seed; default all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--per-shard", type=int, default=SAMPLES_PER_SHARD)
    chosen = parser.parse_args()

    def work() -> None:
        samples = record_samples(chosen.work, chosen.split, chosen.most, chosen.seed)
        paths = write_shards(samples, chosen.out, chosen.per_shard)
        say(f"{chosen.out}: {len(paths)} shards of {chosen.split}")

    run_command(work)


if __name__ == "__main__":
    main()

"""A page of captions and answers as they come, good and bad: what figures do not tell.

    python -m medley_pretraining.samples --sets SETS --predictions PREDICTIONS --out docs/samples

SETS is what testsets.py wrote, PREDICTIONS the folders that `medley evaluate --predictions` wrote for them. Nobody chooses: the pictures
and questions are those with the lowest CRC-32 of their names.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from .agreement import CAPTIONED, says, things_shown
from .set_folders import cleaned_answer
from .splits import crc32

CAPTIONS_PER_SET = 4
ANSWERS = 20
QUESTIONS_SET = "scenes"
COLUMNS = 4
WIDTH = 112  # px of a picture on the page
SOURCES = (
    "Pictures: Fluent Emoji 3D, Copyright (c) Microsoft Corporation (MIT); OpenMoji (CC-BY-SA-4.0, openmoji.org); clothing-dataset-small (CC0); "
    "GroceryStoreDataset (MIT); scenes are composed of Fluent and OpenMoji cut-outs on landscapes of Endless Sky (public domain) and are CC-BY-SA-4.0."
)


@dataclass(frozen=True)
class Sample:
    """picture: file. truth: what a person wrote or answered. said: what the model did."""

    picture: Path
    question: str
    truth: str
    said: str
    right: bool


def lowest(names: Iterable[str], number: int) -> list[str]:
    return sorted(sorted(names), key=lambda name: crc32(f"sample:{name}"))[:number]


def caption_samples(folder: Path, predictions: Path) -> list[Sample]:
    """Right is a caption that names a thing of the picture: the rule of the figures."""
    lines = [json.loads(line) for line in (folder / "retrieval.jsonl").read_text().splitlines()]
    references = {line["image"]: line["captions"][0] for line in lines if "captions" in line}
    said = {entry["image_id"]: entry["caption"] for entry in _read(predictions / "captions.json")}
    things = things_shown(folder)
    return [
        Sample(
            folder / image,
            "",
            references[image],
            said[image],
            any(says(said[image], name) for names in things[image] for name in names),
        )
        for image in lowest(said.keys() & references.keys(), CAPTIONS_PER_SET)
    ]


def answer_samples(folder: Path, predictions: Path) -> list[Sample]:
    said = {str(entry["question_id"]): entry["answer"] for entry in _read(predictions / "answers.json")}
    asked = {str(entry["question_id"]): entry for entry in _read(folder / "questions.json")["questions"]}
    given = {str(entry["question_id"]): entry for entry in _read(folder / "annotations.json")["annotations"]}
    out = []
    for key in lowest(said.keys() & given.keys(), ANSWERS):
        answers = [entry["answer"] for entry in given[key]["answers"]]
        out.append(
            Sample(
                folder / asked[key]["image"],
                asked[key]["question"],
                answers[0],
                said[key],
                cleaned_answer(said[key]) in answers,
            )
        )
    return out


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


def write_page(out: Path, captions: dict[str, list[Sample]], answers: list[Sample]) -> Path:
    """README.md and one small picture for each sample."""
    pictures = out / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    for old in pictures.glob("*.webp"):
        old.unlink()
    every = [sample for samples in captions.values() for sample in samples]
    parts = [
        "# What the bundled model says",
        f"Captions of {len(every)} pictures and answers to {len(answers)} questions, as `medley evaluate` got them (greedy decoding). Nobody chose them: they are those "
        f"with the lowest CRC-32 of their names. A tick means what the figures count as right: the caption names a thing that the picture shows, the answer is the "
        f"person's. {_right(every)} of {len(every)} captions and {_right(answers)} of {len(answers)} answers are.",
        "Made by `python -m medley_pretraining.samples` (`apps/pretraining/README.md`).",
        "## Captions",
    ]
    for title, samples in captions.items():
        parts += [f"### {title}", _table(pictures, title, samples)]
    parts += ["## Answers", _table(pictures, "answers", answers), SOURCES]
    page = out / "README.md"
    page.write_text("\n\n".join(parts) + "\n")
    return page


def _right(samples: Iterable[Sample]) -> int:
    return sum(sample.right for sample in samples)


def _table(pictures: Path, title: str, samples: list[Sample]) -> str:
    rows = []
    for start in range(0, len(samples), COLUMNS):
        cells = []
        for number, sample in enumerate(samples[start : start + COLUMNS], start + 1):
            name = f"{title}-{number:02d}.webp"
            with Image.open(sample.picture) as picture:
                picture.convert("RGB").resize((WIDTH, WIDTH)).save(pictures / name, quality=80)
            asked = f"{sample.question}<br>" if sample.question else ""
            mark = "✓" if sample.right else "✗"
            cells.append(
                f'<img src="pictures/{name}" width="{WIDTH}" alt=""><br>{asked}{mark} **{sample.said or "(nothing)"}**<br>person: {sample.truth}'
            )
        rows.append(f"| {' | '.join(cells)} |")
    head = f"|{' |' * COLUMNS}\n|{'---|' * COLUMNS}"
    return "\n".join([head, *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=Path, required=True, help="what testsets.py wrote")
    parser.add_argument("--predictions", type=Path, required=True, help="what medley evaluate --predictions wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder of the page")
    options = parser.parse_args()
    captions = {
        name: caption_samples(options.sets / name, options.predictions / name)
        for name in CAPTIONED
        if (options.predictions / name / "captions.json").exists()
    }
    answers = answer_samples(options.sets / QUESTIONS_SET, options.predictions / QUESTIONS_SET)
    print(write_page(options.out, captions, answers))


if __name__ == "__main__":
    main()

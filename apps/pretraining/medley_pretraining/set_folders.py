"""Writes one test set as a folder in the formats that `medley evaluate --dataset DIR` reads.

A folder holds images/, the files of one or more formats, baseline.json, README.md and MANIFEST (sha256sum's own format, so
`sha256sum --check MANIFEST` proves it). The same records give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from .wording import NUMBER_WORDS


@dataclass
class SetFolder:
    """One test set before it is written.

    about: source, licence and rule, in sentences. files: contents by path below the folder. baselines: entries of baseline.json.
    """

    name: str
    about: str
    files: dict[str, bytes] = field(default_factory=dict)
    baselines: list[dict[str, object]] = field(default_factory=list)

    def add_picture(self, name: str, rgb: np.ndarray) -> str:
        """The exact pixels as PNG; returns the path that the lines of the set name. rgb uint8 [H, W, 3]."""
        path, content = f"images/{name}.png", io.BytesIO()
        Image.fromarray(np.ascontiguousarray(rgb)).save(content, "png")
        if self.files.setdefault(path, content.getvalue()) != content.getvalue():
            raise ValueError(f'Test set "{self.name}" has two different pictures named "{path}", expected one.')
        return path

    def add_lines(self, path: str, lines: Iterable[object]) -> None:
        self.files[path] = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()

    def add_json(self, path: str, value: object) -> None:
        self.files[path] = (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()

    def add_baseline(self, kind: str, value: float, task: str, metric: str, **part: str) -> None:
        """What a method without the model reaches, from 0 to 1. task, metric and part (direction, group) are those of `medley evaluate --json`."""
        self.baselines.append({"task": task, "metric": metric, **part, "kind": kind, "value": value})


@dataclass(frozen=True)
class Line:
    """One picture with its texts. captions and objects (names of what it shows) only where captions of it are measured."""

    image: str
    texts: list[str]
    group: str = ""
    captions: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)


def add_retrieval(folder: SetFolder, lines: list[Line], without_answer: Collection[str] = ()) -> None:
    """without_answer: queries that no picture answers."""
    folder.add_lines("retrieval.jsonl", [{key: value for key, value in vars(line).items() if value} for line in lines])
    if without_answer:
        folder.add_lines("queries-without-answer.jsonl", [{"text": text} for text in without_answer])


def add_objects(folder: SetFolder, synonyms: Mapping[str, Iterable[str]]) -> None:
    """Every thing that a caption may name, with its other names; those that a picture does not show are hallucinated."""
    entries = []
    for name in sorted(synonyms):
        names = [name, *sorted(set(synonyms[name]) - {name})]
        others = list(dict.fromkeys([*names, *map(_as_decoded, names)]))[1:]
        entries.append({"name": name, **({"synonyms": others} if others else {})})
    folder.add_json("objects.json", {"objects": entries})


def _as_decoded(name: str) -> str:
    """The name as word pieces are put together again: "t-shirt" becomes "t - shirt"."""
    return re.sub(r"\s+", " ", re.sub(r"([^\w\s])", r" \1 ", name)).strip()


def add_classes(folder: SetFolder, prompts: Mapping[str, list[str]], lines: list[tuple[str, str]]) -> None:
    """prompts: texts of every class. lines: (image path, class)."""
    unknown = sorted({label for _, label in lines} - set(prompts))
    if unknown:
        expected = f"one of the {len(prompts)} classes of the training photographs"
        raise ValueError(f'Test set "{folder.name}" has a picture of class "{unknown[0]}", expected {expected}.')
    folder.add_json("classes.json", {"classes": [{"name": name, "prompts": texts} for name, texts in prompts.items()]})
    folder.add_lines("items.jsonl", [{"image": image, "label": label} for image, label in lines])


def add_pairs(folder: SetFolder, lines: list[tuple[str, str, str, str]]) -> None:
    """lines: (image path, true caption, false caption, what was changed)."""
    folder.add_lines(
        "pairs.jsonl",
        [{"image": image, "caption": caption, "foil": foil, "kind": kind} for image, caption, foil, kind in lines],
    )


ANSWERS = 10  # people who answered each question of VQA v2; its accuracy leaves one out, so a single answer would never be right
ANSWER_TYPES = {"count": "number", "yes-no": "yes/no"}
_DIGITS = {word: str(number) for number, word in enumerate(NUMBER_WORDS) if number > 0}


def people_answers(answer: str) -> list[str]:
    """What ten people wrote, as VQA v2 publishes it: small letters, digits, no articles and no punctuation.

    The accuracy cleans the given answer in this way and takes theirs as they stand. Word pieces put an apostrophe between spaces,
    which cleaning leaves alone: then half of the people write it so.
    """
    forms = list(dict.fromkeys([cleaned_answer(answer), cleaned_answer(_as_decoded(answer))]))
    return [forms[index % len(forms)] for index in range(ANSWERS)]


def cleaned_answer(answer: str) -> str:
    """Small letters, digits, no articles, no punctuation but apostrophes."""
    words = re.sub(r"[^\w\s']", " ", answer.lower()).split()
    return " ".join(_DIGITS.get(word, word) for word in words if word not in ("a", "an", "the"))


def picture_number(image_id: int) -> str:
    """Name of a picture of the VQA format."""
    return f"{image_id:012d}"


def add_questions(folder: SetFolder, lines: list[tuple[int, str, str, str]]) -> None:
    """lines: (number of the picture, question type, question, answer), in order of the question ids from 1 on."""
    questions, annotations = [], []
    for question_id, (image_id, kind, question, answer) in enumerate(lines, 1):
        image = f"images/{picture_number(image_id)}.png"
        if image not in folder.files:
            raise ValueError(f'Question {question_id} asks about "{image}", which test set "{folder.name}" lacks.')
        questions.append({"question_id": question_id, "image_id": image_id, "image": image, "question": question})
        given = people_answers(answer)
        answers = [
            {"answer_id": person, "answer": text, "answer_confidence": "yes"} for person, text in enumerate(given, 1)
        ]
        annotations.append(
            {
                "question_id": question_id,
                "image_id": image_id,
                "question_type": kind,
                "answer_type": ANSWER_TYPES.get(kind, "other"),
                "multiple_choice_answer": given[0],
                "answers": answers,
            }
        )
    folder.add_json("questions.json", {"task_type": "Open-Ended", "questions": questions})
    folder.add_json("annotations.json", {"annotations": annotations})


def write_folder(folder: SetFolder, out: Path) -> Path:
    """Writes OUT/NAME. What an earlier run left there (by its MANIFEST) goes first; any other file there is an error."""
    target = out / folder.name
    _clear(target)
    folder.add_json("baseline.json", {"baselines": folder.baselines})
    folder.files["README.md"] = f"# {folder.name}\n\n{folder.about} It has {_counts(folder)}.\n".encode()
    manifest = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in sorted(folder.files.items())
    )
    for path, content in {**folder.files, "MANIFEST": manifest.encode()}.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(content)
    return target


def _counts(folder: SetFolder) -> str:
    """ "1376 pictures, 48 lines in queries-without-answer.jsonl, 1376 lines in retrieval.jsonl"."""
    parts = [f"{sum(path.startswith('images/') for path in folder.files)} pictures"]
    for path, content in sorted(folder.files.items()):
        if path.endswith(".jsonl"):
            parts.append(f"{len(content.splitlines())} lines in {path}")
    if "questions.json" in folder.files:
        parts.append(f"{len(json.loads(folder.files['questions.json'])['questions'])} questions in questions.json")
    return ", ".join(parts)


def _clear(target: Path) -> None:
    manifest = target / "MANIFEST"
    if manifest.exists():
        for line in manifest.read_text().splitlines():
            (target / line.split("  ", 1)[1]).unlink(missing_ok=True)
        manifest.unlink()
    left = sorted(path for path in target.rglob("*") if path.is_file()) if target.exists() else []
    if left:
        raise FileExistsError(f'"{left[0]}" was not written by this command. Remove it, or give another --out.')

"""The page of captions and answers, from small sets made here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from medley_pretraining.samples import answer_samples, caption_samples, lowest, write_page
from medley_pretraining.set_folders import Line, SetFolder, add_objects, add_questions, add_retrieval, write_folder

PIXELS = np.zeros((8, 8, 3), np.uint8)


def scenes(out: Path) -> Path:
    folder = SetFolder("scenes", "Made here.")
    lines = []
    for number in range(1, 31):
        image = folder.add_picture(f"{number:012d}", PIXELS)
        lines.append(Line(image, ["an owl"], captions=["an owl", "a bird"], objects=["owl"]))
    add_retrieval(folder, lines)
    add_objects(folder, {"owl": ["owlet"]})
    add_questions(folder, [(number, "count", "how many owls are there?", "two") for number in range(1, 31)])
    return write_folder(folder, out)


def predictions(out: Path, folder: Path) -> Path:
    out.mkdir()
    images = [json.loads(line)["image"] for line in (folder / "retrieval.jsonl").read_text().splitlines()]
    said = [{"image_id": image, "caption": "an owlet" if place % 2 else "a key"} for place, image in enumerate(images)]
    (out / "captions.json").write_text(json.dumps(said))
    answers = [{"question_id": number, "answer": "two" if number % 2 else "3"} for number in range(1, 31)]
    (out / "answers.json").write_text(json.dumps(answers))
    return out


def test_what_is_shown_depends_on_names_alone() -> None:
    names = [f"{number}.png" for number in range(100)]
    assert lowest(names, 4) == lowest(reversed(names), 4)
    assert lowest(names, 4) != sorted(names)[:4]


def test_right_is_what_the_figures_count_as_right(tmp_path: Path) -> None:
    folder = scenes(tmp_path)
    said = predictions(tmp_path / "said", folder)
    captions, answers = caption_samples(folder, said), answer_samples(folder, said)
    assert [sample.right for sample in captions] == [sample.said == "an owlet" for sample in captions]
    assert len(answers) == 20
    assert [sample.right for sample in answers] == [sample.said == "two" for sample in answers]
    assert len({sample.right for sample in answers}) == 2


def test_the_page_shows_every_sample_and_leaves_no_older_picture(tmp_path: Path) -> None:
    folder = scenes(tmp_path)
    said = predictions(tmp_path / "said", folder)
    out = tmp_path / "page"
    (out / "pictures").mkdir(parents=True)
    (out / "pictures/old.webp").write_bytes(b"")
    captions, answers = caption_samples(folder, said), answer_samples(folder, said)
    text = write_page(out, {"scenes": captions}, answers).read_text()
    assert text.count("<img") == len(captions) + len(answers) == len(list((out / "pictures").iterdir()))
    assert f"{sum(sample.right for sample in answers)} of 20 answers are" in text
    assert text.count("how many owls are there?") == 20

"""Writes the bundled model's held-out test sets as folders for `medley evaluate --dataset DIR`.

    python -m medley_pretraining.testsets --cache CACHE --work WORK --out DIR

Reads what the data step left in WORK. Pictures, texts, prompts, pairs and questions are those of `evaluate.py`, and so are the samples
whose captions and answers are read, so that both measure the same thing.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from . import baselines
from .absent_queries import Thesaurus, absent_names, load_thesaurus
from .evaluate import ASKED, CAPTIONED, STYLES
from .ingredients import INGREDIENTS, unpacked_folder
from .pictures import Concept, load_concepts
from .recipe import load_recipe
from .records import Record, load_pixels, load_records
from .set_folders import (
    Line,
    SetFolder,
    add_classes,
    add_objects,
    add_pairs,
    add_questions,
    add_retrieval,
    picture_number,
    write_folder,
)
from .splits import PICTORIAL_GROUPS, crc32
from .wording import with_article
from .workspace import Workspace

HALVED_STYLES = ("fluent-3d", "openmoji")
PHOTOGRAPHS = {"clothing": "clothing-dataset-small, CC0", "grocery": "GroceryStoreDataset, MIT"}
MOST_ABSENT = 300  # queries without an answer
PAIR_KINDS = ("noun", "colour", "count", "place", "relation", "colour swap")
SAMPLE_SEED = 3  # of evaluate.py
COLOURS = "colour histogram"
RULE = "Held out: never train, tune or choose a model on it."


@dataclass(frozen=True)
class Splits:
    """What the data step left, read once. names: what the tests ask for, by concept."""

    space: Workspace
    train: list[Record]
    validation: list[Record]
    test: list[Record]
    names: dict[str, str]
    concepts: dict[str, Concept]
    thesaurus: Thesaurus
    familiar: frozenset[str]  # words that the text tower has a piece for

    def pixels(self, split: str) -> np.ndarray:
        return load_pixels(self.space.data, split)


def load_splits(space: Workspace) -> Splits:
    return Splits(
        space,
        space.records,
        load_records(space.data, "validation"),
        load_records(space.data, "test"),
        space.vocabulary["names"],
        load_concepts(space.work / "drawings"),
        load_thesaurus(unpacked_folder(space.cache, "wordnet") / "usr/share/wordnet"),
        frozenset((space.minilm_folder / "vocab.txt").read_text().split()),
    )


def all_sets(splits: Splits) -> Iterator[SetFolder]:
    """Every set; photographs only where the data step had some."""
    sample = draw_sample(splits.validation, splits.test)
    drawn = plain_drawings(splits)
    for style in STYLES:
        yield drawings_set(splits, style, sample, drawn)
    for style in HALVED_STYLES:
        yield half_set(splits, style, drawn)
    for source in PHOTOGRAPHS:
        if sample.captioned[source]:
            yield from photograph_sets(splits, source, sample)
    yield scenes_set(splits, sample)


@dataclass(frozen=True)
class Sample:
    """asked: (row of the test split, type, question, answer). captioned: rows by source, without withheld concepts."""

    asked: list[tuple[int, str, str, str]]
    captioned: dict[str, list[int]]


def draw_sample(validation: list[Record], test: list[Record]) -> Sample:
    """Repeats the draws of evaluate.py: one source of chance shuffles the questions, then the pictures of each source."""
    rng = random.Random(SAMPLE_SEED)
    asked = [(row, *entry) for row, record in enumerate(test) if record.source == "scene" for entry in record.questions]
    rng.shuffle(asked)
    captioned = {}
    for records, source in (
        (validation, "clothing"),
        (validation, "grocery"),
        (test, "fluent-3d"),
        (test, "openmoji"),
        (test, "scene"),
    ):
        rows = rows_of(records, source, withheld=False)
        rng.shuffle(rows)
        captioned[source] = sorted(rows[:CAPTIONED])
    return Sample(asked[:ASKED], captioned)


def rows_of(records: list[Record], source: str, withheld: bool = True) -> list[int]:
    """withheld: pictures of withheld concepts too."""
    return [row for row, record in enumerate(records) if record.source == source and (withheld or not record.withheld)]


# Drawings ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlainDrawings:
    """One plain picture of every drawing of the training styles: histograms float32 [N, 256] and N concepts."""

    histograms: np.ndarray
    concepts: list[str]


def plain_drawings(splits: Splits) -> PlainDrawings:
    rows = rows_of(splits.train, "emoji")[:: splits.space.recipe.data.drawing_variants]
    histograms = baselines.histograms(splits.pixels("train"), rows)
    return PlainDrawings(histograms, [splits.train[row].concept for row in rows])


def drawings_set(splits: Splits, style: str, sample: Sample, drawn: PlainDrawings) -> SetFolder:
    """A whole style: pictures by name, names by picture, and captions of concepts that training shows in other styles."""
    folder = SetFolder(style, f"{STYLES[style]}: {licence_of(style)}. {names_of()}. {RULE}")
    rows, captioned = rows_of(splits.test, style), sample.captioned.get(style, [])
    add_drawings(folder, splits, rows, set(captioned), drawn)
    if captioned:
        shown = [splits.test[row] for row in captioned]
        drawings = [record for record in (*splits.test, *splits.train) if record.style]
        add_objects(folder, {record.nouns[0]: record.nouns for record in drawings})
        guess = baselines.nearest(baselines.histograms(splits.pixels("test"), captioned), drawn.histograms)
        right = [drawn.concepts[index] == record.concept for index, record in zip(guess, shown, strict=True)]
        frequent = baselines.most_frequent([record.nouns[0] for record in shown])
        add_caption_baselines(folder, frequent, sum(right) / len(right))
    return folder


def add_caption_baselines(folder: SetFolder, frequent: float, colours: float) -> None:
    """frequent, colours: share of the things that the most frequent thing is, and that the training picture most alike in its colours shows."""
    folder.add_baseline("most frequent thing", frequent, "captions", "objectRecall")
    folder.add_baseline(COLOURS, colours, "captions", "objectRecall")


def half_set(splits: Splits, style: str, drawn: PlainDrawings) -> SetFolder:
    """Half of the concepts of a style: names from the other half have no answer here, and are as hard as those that have one."""
    about = f'Half of {STYLES[style]}: concepts with crc32("half:" + code points) even, for telling queries without an answer'
    folder = SetFolder(f"{style}-half", f"{about}. {licence_of(style)}. {names_of()}. {RULE}")
    rows = [row for row in rows_of(splits.test, style) if crc32("half:" + splits.test[row].concept) % 2 == 0]
    add_drawings(folder, splits, rows, set(), drawn)
    return folder


def add_drawings(folder: SetFolder, splits: Splits, rows: list[int], captioned: set[int], drawn: PlainDrawings) -> None:
    pixels, taught, lines = splits.pixels("test"), set(splits.space.vocabulary["taught_elsewhere"]), []
    for row in rows:
        record = splits.test[row]
        group = "taught elsewhere" if record.concept in taught else "withheld" if record.withheld else "seen"
        line = Line(folder.add_picture(record.concept, pixels[row]), [splits.names[record.concept]], group)
        lines.append(captioned_line(line, record, record.nouns[:1]) if row in captioned else line)
    add_retrieval(folder, lines, absent_from(splits, rows))
    add_drawing_baselines(folder, splits, rows, [line.group for line in lines], drawn)


def captioned_line(line: Line, record: Record, things: list[str]) -> Line:
    """The line with references and the things to be named, each by one name; objects.json knows the others."""
    return replace(line, captions=list(dict.fromkeys(record.captions)), objects=list(dict.fromkeys(things)))


def absent_from(splits: Splits, rows: list[int]) -> list[str]:
    """Queries that name nothing of these pictures. Smileys and people are too much alike to be absent where others are shown."""
    shown = {splits.test[row].concept for row in rows}
    names = {name for key in shown for name in (splits.concepts[key].name, splits.concepts[key].spoken)}
    tags = {tag for key in shown for tag in splits.concepts[key].tags}
    things = (
        concept for key, concept in splits.concepts.items() if key not in shown and concept.group in PICTORIAL_GROUPS
    )
    others = {concept.name for concept in things} - names
    return absent_names(names, tags, others, splits.familiar, splits.thesaurus, MOST_ABSENT)


def add_drawing_baselines(
    folder: SetFolder, splits: Splits, rows: list[int], groups: list[str], drawn: PlainDrawings
) -> None:
    """Colours alone, over the whole set and over each group; what no training style draws is never found by them."""
    concepts = [splits.test[row].concept for row in rows]
    text_of = {concept: text for text, concept in enumerate(concepts)}
    training_text = [text_of.get(concept, -1) for concept in drawn.concepts]
    pictures = baselines.histograms(splits.pixels("test"), rows)
    for direction, by_text in (("text-to-image", True), ("image-to-text", False)):
        ranks = baselines.histogram_ranks(pictures, drawn.histograms, training_text, by_text)
        for group in ("", *sorted(set(groups))):
            chosen = ranks[[own == group or not group for own in groups]]
            part = {"direction": direction, **({"group": group} if group else {})}
            for depth, share in baselines.recall_of(chosen).items():
                folder.add_baseline(COLOURS, share, "retrieval", f"recallAt{depth}", **part)


# Photographs ------------------------------------------------------------------------------------------------------------------


def photograph_sets(splits: Splits, source: str, sample: Sample) -> Iterator[SetFolder]:
    """The validation part of the training photographs by fine class, with captions; groceries once more by coarse class."""
    yield photographs_set(splits, source, source, 0, sample.captioned[source])
    if source == "grocery":
        yield photographs_set(splits, source, "grocery-coarse", -1, [])


def photographs_set(splits: Splits, source: str, name: str, level: int, captioned: list[int]) -> SetFolder:
    """level: which noun of a record is its class, 0 (fine) or -1 (coarse)."""
    about = f"{PHOTOGRAPHS[source]}; the tenth of the training photographs that is kept for validation"
    folder = SetFolder(name, f"{about}. {RULE}")
    rows, training = rows_of(splits.validation, source), rows_of(splits.train, source)
    pixels, records = splits.pixels("validation"), splits.validation
    images = {row: folder.add_picture(f"{row:06d}", pixels[row]) for row in rows}
    labels, known = [records[row].nouns[level] for row in rows], [splits.train[row].nouns[level] for row in training]
    add_classes(
        folder,
        {label: [f"a photo of {with_article(label)}"] for label in sorted(set(known))},
        [(images[row], label) for row, label in zip(rows, labels, strict=True)],
    )
    guess = baselines.nearest(
        baselines.histograms(pixels, rows), baselines.histograms(splits.pixels("train"), training)
    )
    alike = {row: splits.train[training[index]] for row, index in zip(rows, guess, strict=True)}
    right = sum(alike[row].nouns[level] == label for row, label in zip(rows, labels, strict=True))
    folder.add_baseline("random class", 1 / len(set(known)), "classes", "accuracy")
    folder.add_baseline(COLOURS, right / len(rows), "classes", "accuracy")
    if captioned:
        add_captions(folder, splits, images, captioned, alike)
    return folder


def add_captions(
    folder: SetFolder, splits: Splits, images: dict[int, str], captioned: list[int], alike: dict[int, Record]
) -> None:
    """A caption is right that says the coarse name or a fine one. alike: the training photograph with the most similar colours."""
    records = splits.validation
    queries = {row: Line(images[row], [with_article(records[row].nouns[0])]) for row in captioned}
    add_retrieval(folder, [captioned_line(queries[row], records[row], records[row].nouns[-1:]) for row in captioned])
    synonyms: dict[str, set[str]] = {}
    for record in (splits.train[row] for row in rows_of(splits.train, records[captioned[0]].source)):
        synonyms.setdefault(record.nouns[-1], set()).update(record.nouns)
    add_objects(folder, synonyms)
    right = [alike[row].nouns[-1] == records[row].nouns[-1] for row in captioned]
    frequent = baselines.most_frequent([records[row].nouns[-1] for row in captioned])
    add_caption_baselines(folder, frequent, sum(right) / len(right))


# Scenes -----------------------------------------------------------------------------------------------------------------------


def scenes_set(splits: Splits, sample: Sample) -> SetFolder:
    """Composed pictures of unseen cut-outs on unseen landscapes: minimal pairs, questions by type, captions."""
    about = f"Scenes of Fluent 3D ({licence_of('fluent-3d')}) and OpenMoji ({licence_of('openmoji')}) cut-outs"
    about += f" on landscapes kept out of training ({licence_of('landscapes')}); share-alike as OpenMoji is"
    folder = SetFolder("scenes", f"{about}. {RULE}")
    rows, records, pixels = rows_of(splits.test, "scene"), splits.test, splits.pixels("test")
    number = {row: index for index, row in enumerate(rows, 1)}
    images = {row: folder.add_picture(picture_number(number[row]), pixels[row]) for row in rows}
    pairs = [
        (row, records[row].captions[0], foil, kind)
        for row in rows
        for kind, foil in records[row].negatives
        if kind in PAIR_KINDS
    ]
    add_pairs(folder, [(images[row], caption, foil, kind) for row, caption, foil, kind in pairs])
    add_questions(folder, [(number[row], *entry) for row, *entry in sample.asked])
    captioned = sample.captioned["scene"]
    add_retrieval(
        folder,
        [
            captioned_line(Line(images[row], records[row].captions[:1]), records[row], records[row].nouns)
            for row in captioned
        ],
    )
    add_objects(folder, {noun: [] for record in (*records, *splits.train) if record.kind for noun in record.nouns})
    add_scene_baselines(folder, splits, pairs, sample)
    return folder


def add_scene_baselines(
    folder: SetFolder, splits: Splits, pairs: list[tuple[int, str, str, str]], sample: Sample
) -> None:
    """What the training scene most alike in its colours says, and what is answered most often."""
    rows, training = rows_of(splits.test, "scene"), rows_of(splits.train, "scene")
    guess = baselines.nearest(
        baselines.histograms(splits.pixels("test"), rows), baselines.histograms(splits.pixels("train"), training)
    )
    alike = {row: splits.train[training[index]] for row, index in zip(rows, guess, strict=True)}
    by_colours = baselines.shared_words(
        [(caption, foil) for _, caption, foil, _ in pairs], [alike[row].captions[0] for row, *_ in pairs]
    )
    kinds = [kind for *_, kind in pairs]
    for kind in sorted(set(kinds)):
        chosen = [right for right, own in zip(by_colours, kinds, strict=True) if own == kind]
        folder.add_baseline(COLOURS, sum(chosen) / len(chosen), "pairs", "pairAccuracy", group=f"kind {kind}")
    asked = [entry for _, *entry in sample.asked]
    for kind, share in baselines.question_only(splits.train, asked).items():
        folder.add_baseline(
            "most frequent training answer to the question", share, "vqa", "accuracy", group=f"question type {kind}"
        )
    nouns = {row: set(splits.test[row].nouns) for row in sample.captioned["scene"]}
    counts = Counter(noun for own in nouns.values() for noun in own)
    named = sum(len(own & set(alike[row].nouns)) for row, own in nouns.items())
    shown = sum(map(len, nouns.values()))
    add_caption_baselines(folder, max(counts.values()) / shown, named / shown)


# The command ------------------------------------------------------------------------------------------------------------------


def names_of() -> str:
    return f"Names: {licence_of('emojibase')}; queries without an answer also from {licence_of('wordnet')}"


def licence_of(ingredient: str) -> str:
    """ "npm @iconify-json/openmoji 1.2.29, CC-BY-SA-4.0"."""
    found = next(entry for entry in INGREDIENTS if entry.name == ingredient)
    return f"{found.registry} {found.package} {found.version}, {found.licence}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True, help="folder of the fetched packages")
    parser.add_argument("--work", type=Path, required=True, help="folder with the data step's splits")
    parser.add_argument("--out", type=Path, required=True, help="where the folders go, one per set")
    parser.add_argument("--recipe", type=Path, help="another recipe.toml")
    options = parser.parse_args()
    space = Workspace(options.cache.resolve(), options.work.resolve(), load_recipe(options.recipe))
    for folder in all_sets(load_splits(space)):
        target = write_folder(folder, options.out.resolve())
        print(target, folder.files["README.md"].decode().rpartition("It has ")[2].strip(), flush=True)


if __name__ == "__main__":
    main()

"""Compares the figures of evaluate.py with those that `medley evaluate` printed for the same test sets.

    medley evaluate --dataset SETS/NAME --json --decode greedy --predictions PREDICTIONS/NAME >> figures.jsonl    (for each NAME)
    python -m medley_pretraining.agreement --evaluation evaluation.json --figures figures.jsonl --sets SETS [--predictions PREDICTIONS]

SETS is what testsets.py wrote. Exits 1 when a figure that both measured differs by more than the tolerance; what only one of them
measured is listed and compared with nothing. Captions are compared by the things they name, read from the predictions.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .evaluate import STYLES

TOLERANCE_POINTS = 1.0  # another order of additions moves near-ties: about one item in a hundred at most
TOLERANCE_ITEMS = 2  # or so many items, whichever is more: one pair of 37 is already 2.7 points

PAIR_KINDS = ("noun", "colour", "count", "place", "relation", "colour swap")
QUESTION_TYPES = ("count", "colour", "yes-no", "place", "position", "what")
PHOTOGRAPHS = {"clothing": "clothing", "grocery": "grocery, fine", "grocery-coarse": "grocery, coarse"}
CAPTIONED = {
    "clothing": "clothing",
    "grocery": "grocery",
    "fluent-3d": "Fluent",
    "openmoji": "OpenMoji",
    "scenes": "scenes",
}
DEPTHS = (1, 5, 10)


@dataclass(frozen=True)
class Measure:
    """One figure under both names.

    title: start of the measure in evaluate.py's JSON. part: position in its result, or None where the result is one number.
    wanted: fields of the engine's record. pool: candidates of each query, where only the same number is comparable.
    """

    title: str
    part: int | None
    wanted: Mapping[str, object]
    pool: int | None = None


@dataclass(frozen=True)
class Comparison:
    """Percent by Python and by the engine, None where it did not measure; items: how many the engine's figure is about."""

    name: str
    python: float | None
    engine: float | None
    items: int | None

    @property
    def tolerance(self) -> float:
        return max(TOLERANCE_POINTS, 100 * TOLERANCE_ITEMS / (self.items or 1))

    @property
    def agrees(self) -> bool | None:
        """None where there is nothing to compare."""
        if self.python is None or self.engine is None:
            return None
        return abs(self.python - self.engine) <= self.tolerance + 1e-9


def measures() -> Iterator[Measure]:
    for dataset, title in STYLES.items():
        for part, depth in enumerate(DEPTHS):
            shared = {"dataset": dataset, "task": "retrieval", "metric": f"recallAt{depth}", "by": "itc"}
            by_text = {**shared, "direction": "text-to-image"}
            yield Measure(f"{title}, seen concepts, text→image", part, {**by_text, "group": "seen"})
            yield Measure(f"{title}, withheld concepts, text→image", part, {**by_text, "group": "withheld"})
            if (
                dataset == "openmoji"
            ):  # the other styles lack names, so evaluate.py gives their pictures more texts to choose from
                yield Measure(
                    f"{title}, seen concepts, image→text",
                    part,
                    {**shared, "direction": "image-to-text", "group": "seen"},
                )
    for dataset, title in PHOTOGRAPHS.items():
        yield Measure(f"{title}, ", None, {"dataset": dataset, "task": "classes", "metric": "accuracy", "by": "itc"})
    for kind in PAIR_KINDS:
        for part, by in enumerate(("itm", "itc")):
            wanted = {"dataset": "scenes", "task": "pairs", "metric": "pairAccuracy", "by": by, "group": f"kind {kind}"}
            yield Measure(f"minimal pairs, {kind}:", part, wanted)
    for kind in QUESTION_TYPES:
        wanted = {"dataset": "scenes", "task": "vqa", "metric": "accuracy", "group": f"question type {kind}"}
        yield Measure(f"VQA, {kind} (", None, wanted)


def compare(evaluation: Mapping[str, Any], figures: Iterable[Mapping[str, Any]]) -> list[Comparison]:
    """evaluation: the JSON of evaluate.py. figures: the records of `medley evaluate --json`, failures among them are skipped."""
    records = [record for record in figures if "metric" in record]
    return [_compare_one(measure, evaluation, records) for measure in measures()]


def _compare_one(measure: Measure, evaluation: Mapping[str, Any], records: list[Mapping[str, Any]]) -> Comparison:
    result = _result(evaluation, measure.title)
    python = None if result is None else result if measure.part is None else result[measure.part]
    wanted = {"group": None, **measure.wanted}
    found = [record for record in records if all(record.get(key) == value for key, value in wanted.items())]
    if len(found) > 1:
        raise ValueError(f"{len(found)} figures are {wanted}, expected one. Give each test set's records once.")
    if found and "subset" in found[0]:
        raise ValueError(
            f'The figures of "{wanted["dataset"]}" are of a random part. Run medley evaluate without --limit.'
        )
    name = " ".join(str(value) for value in measure.wanted.values())
    if not found:
        return Comparison(name, python, None, None)
    return Comparison(name, python, 100 * found[0]["value"], found[0]["n"])


def _result(evaluation: Mapping[str, Any], title: str) -> Any:
    """The result of the only measure that starts with the title, in percent; None without one."""
    found = [entry["result"] for name, entry in evaluation.items() if name.startswith(title) and "result" in entry]
    if len(found) > 1:
        raise ValueError(f'{len(found)} measures of evaluate.py start with "{title}", expected one.')
    return found[0] if found else None


def compare_captions(evaluation: Mapping[str, Any], sets: Path, predictions: Path) -> list[Comparison]:
    """The captions that `medley evaluate --predictions` wrote, by evaluate.py's rule: which things they name as whole words."""
    comparisons = []
    for dataset, title in CAPTIONED.items():
        file = predictions / dataset / "captions.json"
        if not file.exists():
            continue
        things = things_shown(sets / dataset)
        named = [
            [any(says(entry["caption"], name) for name in names) for names in things[entry["image_id"]]]
            for entry in json.loads(file.read_text())
        ]
        any_of = _result(evaluation, f"caption names the right thing, {title}: any")
        comparisons.append(
            Comparison(f"{dataset} captions name the thing", any_of, _percent(map(any, named)), len(named))
        )
        if dataset == "scenes":
            every = _result(evaluation, f"caption names every thing, {title}")
            comparisons.append(
                Comparison(f"{dataset} captions name everything", every, _percent(map(all, named)), len(named))
            )
    return comparisons


def things_shown(folder: Path) -> dict[str, list[list[str]]]:
    """For every captioned picture of a set the things it shows, each with all its names."""
    objects = json.loads((folder / "objects.json").read_text())["objects"]
    names = {entry["name"]: [entry["name"], *entry.get("synonyms", [])] for entry in objects}
    lines = [json.loads(line) for line in (folder / "retrieval.jsonl").read_text().splitlines()]
    return {line["image"]: [names[thing] for thing in line["objects"]] for line in lines if "objects" in line}


def _percent(hits: Iterable[bool]) -> float:
    values = list(hits)
    return 100 * sum(values) / max(1, len(values))


def says(caption: str, noun: str) -> bool:
    """Whether the noun occurs in the caption as whole words; white space around punctuation does not count ("t - shirt")."""
    written = re.escape(_tight(noun))
    return re.search(rf"(?<!\w){written}(?:e?s)?(?!\w)", _tight(caption)) is not None


def _tight(text: str) -> str:
    return re.sub(r"\s*([^\w\s])\s*", r"\1", text.lower())


def table(comparisons: Iterable[Comparison]) -> str:
    def show(value: float | None) -> str:
        return "–" if value is None else f"{value:.1f}"

    rows = ["| figure | n | evaluate.py | medley evaluate | tolerance | |", "|---|---|---|---|---|---|"]
    for one in comparisons:
        word = {True: "agrees", False: "DIFFERS", None: "not compared"}[one.agrees]
        tolerance = "–" if one.items is None else f"{one.tolerance:.1f}"
        rows.append(
            f"| {one.name} | {one.items or '–'} | {show(one.python)} | {show(one.engine)} | {tolerance} | {word} |"
        )
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--evaluation", type=Path, required=True, help="what evaluate.py --json wrote")
    parser.add_argument("--figures", type=Path, required=True, help="records of medley evaluate --json, one a line")
    parser.add_argument("--sets", type=Path, required=True, help="what testsets.py wrote")
    parser.add_argument("--predictions", type=Path, help="folder of the folders that --predictions wrote, by set")
    options = parser.parse_args()
    evaluation = json.loads(options.evaluation.read_text())
    figures = [json.loads(line) for line in options.figures.read_text().splitlines()]
    comparisons = compare(evaluation, figures)
    if options.predictions is not None:
        comparisons += compare_captions(evaluation, options.sets, options.predictions)
    print(table(comparisons))
    compared = [one for one in comparisons if one.agrees is not None]
    differing = [one for one in compared if not one.agrees]
    print(
        f"{len(compared)} figures compared, {len(differing)} differ, {len(comparisons) - len(compared)} in one place only"
    )
    sys.exit(1 if differing or not compared else 0)


if __name__ == "__main__":
    main()

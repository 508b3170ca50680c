"""Figures of evaluate.py beside figures of the engine, made up here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from medley_pretraining import agreement
from medley_pretraining.agreement import Comparison, compare, compare_captions, says

EVALUATION = {
    "Fluent 3D, seen concepts, text→image R@1/5/10 (1376 pictures)": {"result": [43.0, 72.4, 80.9], "baseline": ""},
    "minimal pairs, colour: ITM / ITC (n 158)": {"result": [85.4, 93.0], "baseline": 50.0},
    "minimal pairs, colour swap: ITM / ITC (n 37)": {"result": [32.4, 59.5], "baseline": 50.0},
    "VQA, count (n 119; baseline: question only)": {"result": 72.3, "baseline": 44.5},
    "caption names the right thing, scenes: any (n 2, 2 distinct)": {"result": 50.0, "baseline": 2.0},
    "caption names every thing, scenes": {"result": 0.0, "baseline": ""},
    "answer samples": [],
}


def figure(**fields: object) -> dict[str, object]:
    return {
        "dataset": "fluent-3d",
        "task": "retrieval",
        "metric": "recallAt1",
        "direction": "text-to-image",
        "by": "itc",
        "n": 1299,
        **fields,
    }


def by_name(comparisons: list[Comparison]) -> dict[str, Comparison]:
    return {one.name: one for one in comparisons}


def test_finds_the_figure_of_the_same_group_order_and_direction() -> None:
    found = by_name(
        compare(
            EVALUATION,
            [
                figure(group="seen", value=0.4311),
                figure(group="seen", value=0.9, by="itm"),
                figure(value=0.1),
                {
                    "dataset": "scenes",
                    "task": "pairs",
                    "metric": "pairAccuracy",
                    "by": "itm",
                    "group": "kind colour swap",
                    "value": 0.324,
                    "n": 37,
                },
                {
                    "dataset": "scenes",
                    "task": "vqa",
                    "item": "x.png",
                    "error": {"code": "BAD_IMAGE", "message": "cut off"},
                },
            ],
        )
    )
    one = found["fluent-3d retrieval recallAt1 itc text-to-image seen"]
    assert (one.python, round(one.engine or 0, 2), one.items, one.agrees) == (43.0, 43.11, 1299, True)
    swap = found["scenes pairs pairAccuracy itm kind colour swap"]
    assert (swap.python, swap.agrees) == (32.4, True)


def test_more_than_a_point_or_two_items_apart_is_a_difference() -> None:
    assert Comparison("large", 50.0, 51.0, 1000).agrees
    assert Comparison("large", 50.0, 51.1, 1000).agrees is False
    assert Comparison("small", 50.0, 55.4, 37).agrees
    assert Comparison("small", 50.0, 55.5, 37).agrees is False


def test_what_only_one_of_them_measured_is_not_compared() -> None:
    found = by_name(compare(EVALUATION, []))
    assert found["scenes vqa accuracy question type count"] == Comparison(
        "scenes vqa accuracy question type count", 72.3, None, None
    )
    assert all(one.agrees is None for one in found.values())


def test_figures_of_a_random_part_or_given_twice_are_refused() -> None:
    part = figure(group="seen", value=0.5, subset={"limit": 9, "seed": 1})
    with pytest.raises(ValueError, match="are of a random part. Run medley evaluate without --limit"):
        compare(EVALUATION, [part])
    with pytest.raises(ValueError, match="2 figures are .*expected one"):
        compare(EVALUATION, [figure(group="seen", value=0.5), figure(group="seen", value=0.5)])


def test_captions_count_by_the_things_they_name(tmp_path: Path) -> None:
    (tmp_path / "sets/scenes").mkdir(parents=True)
    (tmp_path / "predictions/scenes").mkdir(parents=True)
    lines = [
        {"image": "a.png", "objects": ["owl", "t-shirt"]},
        {"image": "b.png", "objects": ["dog"]},
        {"image": "c.png"},
    ]
    (tmp_path / "sets/scenes/retrieval.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    objects = [{"name": "owl"}, {"name": "t-shirt", "synonyms": ["tee"]}, {"name": "dog", "synonyms": ["hound"]}]
    (tmp_path / "sets/scenes/objects.json").write_text(json.dumps({"objects": objects}))
    captions = [{"image_id": "a.png", "caption": "two owls"}, {"image_id": "b.png", "caption": "a hound"}]
    (tmp_path / "predictions/scenes/captions.json").write_text(json.dumps(captions))
    any_of, every = compare_captions(EVALUATION, tmp_path / "sets", tmp_path / "predictions")
    assert (any_of.python, any_of.engine, every.python, every.engine) == (50.0, 100.0, 0.0, 50.0)


@pytest.mark.parametrize(
    ("caption", "noun", "named"),
    [
        ("a t - shirt", "t-shirt", True),
        ("two owls and a fox", "fox", True),
        ("three boxes", "box", True),
        ("a carpet", "car", False),
        ("a man's shoe", "man ' s shoe", True),
    ],
)
def test_a_thing_is_named_by_whole_words_in_one_or_several(caption: str, noun: str, named: bool) -> None:
    assert says(caption, noun) is named


def test_the_command_fails_when_figures_differ_or_none_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evaluation.json").write_text(json.dumps(EVALUATION))

    def status(*records: dict[str, object]) -> object:
        (tmp_path / "figures.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
        given = [
            "--evaluation",
            tmp_path / "evaluation.json",
            "--figures",
            tmp_path / "figures.jsonl",
            "--sets",
            tmp_path,
        ]
        monkeypatch.setattr(sys, "argv", ["agreement", *map(str, given)])
        with pytest.raises(SystemExit) as ended:
            agreement.main()
        return ended.value.code

    assert status(figure(group="seen", value=0.43)) == 0
    assert status(figure(group="seen", value=0.33)) == 1
    assert status() == 1

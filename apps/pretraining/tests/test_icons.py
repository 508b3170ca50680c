"""What icons are taken for."""

from __future__ import annotations

import random

import numpy as np
import pytest

from medley_pretraining.data import icon_in_scene, icon_record
from medley_pretraining.icons import icon_name
from medley_pretraining.scenes import SIZE, Background
from medley_pretraining.wordnet import singular

KNOWN = {"apple", "lighthouse", "glass", "glasses", "berry", "box", "windmill", "lock", "hat"}


@pytest.mark.parametrize(
    ("icon", "name"),
    [
        ("lighthouse", "lighthouse"),
        ("food-apple-outline", "apple"),
        ("building-lighthouse", "lighthouse"),
        ("windmills-filled", "windmill"),
        ("cowboy-hat", "cowboy hat"),
        ("hat-cowboy", None),
        ("file-lock", None),
        ("account-cowboy-hat", None),
        ("rain-on-a-red-hat", None),
    ],
)
def test_an_icon_is_named_by_its_last_word_and_interface_signs_are_left_out(icon: str, name: str | None) -> None:
    assert icon_name(icon, KNOWN) == name


@pytest.mark.parametrize(
    ("word", "found"),
    [("glasses", "glasses"), ("apples", "apple"), ("berries", "berry"), ("boxes", "box"), ("bus", None), ("s", None)],
)
def test_a_plural_is_known_by_its_singular(word: str, found: str | None) -> None:
    assert singular(word, KNOWN) == found


class _Meadow:
    def background(self, rng: random.Random) -> Background:
        return Background(np.full((SIZE, SIZE, 3), (0, 255, 0), np.uint8), "in a field", "field")


def test_icons_in_scenes_say_where_they_are_and_come_in_the_plural_when_there_are_several() -> None:
    alpha, rng = np.zeros((SIZE, SIZE), np.uint8), random.Random(0)
    alpha[40:80, 50:60] = 255
    seen = set()
    for _ in range(40):
        rgb, number, place = icon_in_scene(alpha, _Meadow(), rng)
        record = icon_record("windmill", number, place, fresh=False)
        assert place == "in a field" and (rgb != (0, 255, 0)).any(2).sum() > 50 * number
        assert record.captions == ["a windmill in a field" if number == 1 else "windmills in a field"]
        seen.add(number)
    assert seen == {1, 2, 3, 4}

from __future__ import annotations

import numpy as np
import pytest

from medley_pretraining.colours import dominant_colour, rotate_hue
from medley_pretraining.wording import plural, spoken_name, with_article


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("dog", "a dog"),
        ("owl", "an owl"),
        ("unicorn", "a unicorn"),
        ("umbrella", "an umbrella"),
        ("scissors", "scissors"),
        ("cup with straw", "a cup with straw"),
        ("cooked rice", "cooked rice"),
        ("statue of liberty", "the statue of liberty"),
        ("one-piece swimsuit", "a one-piece swimsuit"),
        ("rhinoceros", "a rhinoceros"),
        ("people holding hands", "people holding hands"),
        ("person lifting weights", "a person lifting weights"),
        ("dress", "a dress"),
        ("pair of shoes", "a pair of shoes"),
    ],
)
def test_articles(noun: str, expected: str) -> None:
    assert with_article(noun) == expected


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("wolf", "wolves"),
        ("cup with straw", "cups with straw"),
        ("fish", "fish"),
        ("cherry", "cherries"),
        ("potato", "potatoes"),
        ("woman", "women"),
        ("jeans", "jeans"),
        ("bus", "buses"),
    ],
)
def test_plurals(noun: str, expected: str) -> None:
    assert plural(noun) == expected


def test_labels_that_nobody_says_are_renamed() -> None:
    assert spoken_name("page facing up") == "sheet of paper"
    assert spoken_name("Woman: curly hair") == "woman with curly hair"
    assert spoken_name("dog") == "dog"


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((220, 30, 30), "red"),
        ((40, 160, 50), "green"),
        ((40, 60, 220), "blue"),
        ((245, 230, 60), "yellow"),
        ((20, 20, 20), "black"),
        ((250, 250, 250), "white"),
    ],
)
def test_colour_names(rgb: tuple[int, int, int], name: str) -> None:
    assert dominant_colour(np.full((20, 20, 4), (*rgb, 255), np.uint8)) == name


def test_two_equal_colours_have_no_dominant_one() -> None:
    rgba = np.full((20, 20, 4), (220, 30, 30, 255), np.uint8)
    rgba[:10] = (40, 60, 220, 255)
    assert dominant_colour(rgba) is None


def test_turning_the_hue_changes_the_colour_and_keeps_the_shape() -> None:
    rgba = np.full((20, 20, 4), (220, 30, 30, 255), np.uint8)
    rgba[:5, :, 3] = 0
    turned = rotate_hue(rgba, 120)
    assert dominant_colour(turned) == "green" and np.array_equal(turned[..., 3], rgba[..., 3])

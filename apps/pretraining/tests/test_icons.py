"""What icons are taken for."""

from __future__ import annotations

import pytest

from medley_pretraining.icons import icon_name
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

from __future__ import annotations

import random
from pathlib import Path

from medley_pretraining.wide_texts import wide_texts
from medley_pretraining.wordnet import Noun, load_nouns

DATA = """\
  1 a line of the licence
00000010 05 n 02 kitten 0 kitty 0 001 @ 00000020 n 0000 | young domestic cat; "it purred"
00000020 15 n 01 Paris 0 001 @ 00000010 n 0000 | the capital of France
00000030 07 n 01 beauty 0 000 | the qualities that please
00000040 06 n 01 wind_turbine 0 000 | a tower with blades
"""
INDEX = """\
  1 a line of the licence
kitten n 1 2 @ + 1 1 00000010
kitty n 1 1 @ 1 0 00000010
paris n 1 1 @ 1 1 00000020
beauty n 1 0 1 1 00000030
wind_turbine n 1 0 1 0 00000040
"""


def test_nouns_are_things_that_can_be_seen_and_no_names(tmp_path: Path) -> None:
    (tmp_path / "data.noun").write_text(DATA)
    (tmp_path / "index.noun").write_text(INDEX)
    assert load_nouns(tmp_path) == {
        "kitten": Noun("kitten", "young domestic cat", True),
        "kitty": Noun("kitty", "young domestic cat", False),
        "wind turbine": Noun("wind turbine", "a tower with blades", False),
    }


def test_wide_texts_are_as_many_as_asked_all_different_and_the_same_for_a_seed() -> None:
    nouns = [Noun("kitten", "young domestic cat", True), Noun("wind turbine", "a tower with blades", False)]
    texts = wide_texts(nouns, 500, random.Random(1))
    assert len(set(texts)) == len(texts) == 500 and texts == wide_texts(nouns, 500, random.Random(1))
    assert {"kitten", "wind turbine"} <= set(texts)

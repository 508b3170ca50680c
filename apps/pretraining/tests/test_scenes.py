from __future__ import annotations

import random

import numpy as np
import pytest

from medley_pretraining.scenes import SCENE_KINDS, compose_scene
from medley_pretraining.wording import NUMBER_WORDS


def test_scenes_are_the_same_for_the_same_seed(scene_source) -> None:
    first, second = (compose_scene(scene_source, random.Random(5)) for _ in range(2))
    assert np.array_equal(first.rgb, second.rgb)
    assert (first.captions, first.negatives, first.questions) == (second.captions, second.negatives, second.questions)
    assert compose_scene(scene_source, random.Random(6)).captions != first.captions


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_no_false_caption_is_also_a_true_one(kind: str, scene_source) -> None:
    for seed in range(60):
        scene = compose_scene(scene_source, random.Random(seed), kind)
        assert not {text for _, text in scene.negatives} & {*scene.captions, *scene.paraphrases}


def test_number_words_agree_with_what_was_drawn(scene_source) -> None:
    for seed in range(40):
        scene = compose_scene(scene_source, random.Random(seed), "count")
        word = scene.captions[0].split()[0]
        answers = [answer for kind, _, answer in scene.questions if kind == "count"]
        assert word in NUMBER_WORDS[2:] and answers == [word]


def test_yes_and_no_are_asked_equally_often_and_only_truly(scene_source) -> None:
    for seed in range(40):
        scene = compose_scene(scene_source, random.Random(seed))
        asked = {answer: question for kind, question, answer in scene.questions if kind == "yes-no"}
        assert any(noun in asked["yes"] for noun in scene.nouns)
        assert not any(noun in asked["no"] for noun in scene.nouns)


def test_the_thing_on_the_left_is_drawn_on_the_left(scene_source) -> None:
    for seed in range(40):
        scene = compose_scene(scene_source, random.Random(seed), "relation")
        if "to the left of" not in scene.captions[0]:
            continue
        first, second = scene.nouns
        assert (f"what is to the left of the {second}?", first) in [
            (question, answer) for _, question, answer in scene.questions
        ]
        assert scene.captions[1].endswith(
            scene.captions[0].split(" to the left of ")[0]
            + (f" {'on a beach'}" if "on a beach" in scene.captions[0] else "")
        )


def test_every_scene_is_a_picture_of_the_right_size(scene_source) -> None:
    for kind in SCENE_KINDS:
        rgb = compose_scene(scene_source, random.Random(1), kind).rgb
        assert rgb.shape == (112, 112, 3) and rgb.dtype == np.uint8


def test_a_twin_shows_the_same_things_in_exchanged_places_and_no_true_relation_stays_true(scene_source) -> None:
    for seed in range(30):
        scene = compose_scene(scene_source, random.Random(seed), "relation")
        assert scene.twin is not None
        assert scene.twin.nouns == scene.nouns[::-1]
        assert scene.captions[0] not in scene.twin.captions + scene.twin.paraphrases
        assert scene.twin.captions[0] not in scene.captions + scene.paraphrases
        assert [text for text, _ in scene.regions] == [text for text, _ in scene.twin.regions][::-1]
        assert not np.array_equal(scene.rgb, scene.twin.rgb)


def test_regions_say_where_things_were_drawn(scene_source) -> None:
    for kind in SCENE_KINDS:
        for seed in range(10):
            scene = compose_scene(scene_source, random.Random(seed), kind)
            assert scene.regions
            for _, (left, top, right, bottom) in scene.regions:
                inside = scene.rgb[top:bottom, left:right].reshape(-1, 3).astype(int)
                assert (
                    inside.max(1) - inside.min(1) > 100
                ).all()  # the cut-outs are strong colours, the ground is grey


def test_words_of_place_are_as_frequent_in_false_captions_as_in_true_ones(scene_source) -> None:
    true, false = [0, 0], [0, 0]
    for seed in range(400):
        scene = compose_scene(scene_source, random.Random(seed), "relation")
        for counts, texts in (
            (true, scene.captions + scene.paraphrases),
            (false, [text for _, text in scene.negatives]),
        ):
            for text in texts:
                counts[0] += " to the left of " in text or " above " in text
                counts[1] += " to the right of " in text or " below " in text
    assert true[0] == true[1]
    assert abs(false[0] - false[1]) < 0.1 * sum(false)


def test_things_that_are_only_named_together_stand_in_either_order(scene_source) -> None:
    orders = []
    for seed in range(200):
        scene = compose_scene(scene_source, random.Random(seed), "relation")
        first, second = scene.nouns
        for text in [scene.captions[3], scene.paraphrases[2], *(p for p in scene.paraphrases[3:] if "next to" in p)]:
            if first not in second and second not in first:
                orders.append(text.index(first) < text.index(second))
    assert 0.4 < sum(orders) / len(orders) < 0.6

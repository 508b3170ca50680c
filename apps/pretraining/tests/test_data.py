"""Who is held out, on styles and pictures made up here."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medley_pretraining.data import build_drawings, build_photographs
from medley_pretraining.ingredients import (
    INGREDIENTS,
    TEST_STYLES,
    TRAINING_STYLES,
    Ingredient,
    IngredientError,
    fetch_ingredients,
)
from medley_pretraining.pictures import (
    EmojiScenes,
    Photograph,
    clipart_author,
    list_photographs,
    load_clipart,
    load_concepts,
    load_landscapes,
    load_style,
)
from medley_pretraining.recipe import load_recipe
from medley_pretraining.records import Record, SplitWriter, load_pixels, load_records
from medley_pretraining.scenes import SIZE, compose_scene
from medley_pretraining.splits import (
    crc32,
    is_heldout_author,
    is_heldout_landscape,
    is_validation_photograph,
)
from medley_pretraining.workspace import record_texts

WORDS = [
    "dog",
    "cat",
    "owl",
    "car",
    "key",
    "bus",
    "hat",
    "pen",
    "cup",
    "bed",
    "jar",
    "axe",
    "bell",
    "boot",
    "coin",
    "crab",
    "deer",
    "drum",
    "duck",
    "fork",
    "frog",
    "goat",
    "harp",
    "kite",
    "lamp",
    "lion",
    "moth",
    "nest",
    "ring",
    "seal",
    "shoe",
    "sled",
    "swan",
    "tent",
    "vase",
    "wolf",
    "worm",
    "yarn",
    "yoyo",
    "zebra",
]


@pytest.fixture()
def drawings(tmp_path: Path) -> Path:
    folder = tmp_path / "drawings"
    folder.mkdir()
    keys = [f"1f{index:03x}" for index in range(len(WORDS))]
    (folder / "concepts.json").write_text(
        json.dumps({key: {"label": word, "tags": ["thing"], "group": 7} for key, word in zip(keys, WORDS, strict=True)})
    )
    pixels = np.zeros((len(keys), SIZE, SIZE, 4), np.uint8)
    pixels[:, 20:90, 30:80] = (200, 30, 30, 255)
    pixels.tofile(folder / "noto.rgba")
    (folder / "noto.json").write_text(json.dumps(keys))
    return folder


def built(drawings: Path) -> tuple[list[Record], list[Record], EmojiScenes]:
    concepts, style = load_concepts(drawings), load_style(drawings, "noto")
    scenes = EmojiScenes(concepts, [style], [], training=True)
    train, validation = SplitWriter(), SplitWriter()
    build_drawings(train, validation, concepts, [style], scenes, load_recipe().data, random.Random(0))
    for seed in range(100):
        scene = compose_scene(scenes, random.Random(seed))
        train.add(
            scene.rgb,
            Record(
                "scene",
                scene.captions[0],
                scene.captions[0],
                scene.captions,
                scene.paraphrases,
                scene.negatives,
                scene.questions,
                scene.nouns,
            ),
        )
    return train.records, validation.records, scenes


def test_withheld_concepts_never_appear_in_training_captions(drawings: Path) -> None:
    withheld = [concept.name for concept in load_concepts(drawings).values() if concept.withheld]
    assert withheld
    train, validation, _ = built(drawings)
    words = {word.strip("?,.") for record in train for text in record_texts(record) for word in text.split()}
    assert not words & set(withheld)
    assert set(withheld) <= {record.nouns[0] for record in validation}


def test_validation_drawings_are_in_no_training_picture(drawings: Path) -> None:
    train, validation, scenes = built(drawings)
    held = {record.concept for record in validation}
    assert held and not held & {record.concept for record in train if record.source == "emoji"}
    assert not {record.nouns[0] for record in validation} & set(scenes.nouns)


def test_no_test_style_is_a_training_style() -> None:
    use = {ingredient.name: ingredient.use for ingredient in INGREDIENTS}
    assert not set(TRAINING_STYLES) & set(TEST_STYLES)
    assert all(use[name] == "train" for name in TRAINING_STYLES) and all(use[name] == "test" for name in TEST_STYLES)
    assert not any(
        "SA" in ingredient.licence or "GPL" in ingredient.licence
        for ingredient in INGREDIENTS
        if ingredient.use == "train"
    )


def test_heldout_landscapes_and_share_alike_ones_are_not_trained_on(tmp_path: Path) -> None:
    names = [f"beach{index}.jpg" for index in range(12)] + ["bwerner0.jpg", "sea10-sfiera.jpg", "nasa1.jpg"]
    for name in names:
        Image.new("RGB", (72, 36)).save(tmp_path / name)
    trained, kept = (
        {landscape.file_name for landscape in load_landscapes(tmp_path, heldout)} for heldout in (False, True)
    )
    assert trained | kept == set(names[:12]) and not trained & kept
    assert all(crc32(name) % 3 == 0 for name in kept) and not any(is_heldout_landscape(name) for name in trained)


def test_clipart_by_heldout_authors_is_not_trained_on(tmp_path: Path) -> None:
    for root in ("png", "svg"):
        (tmp_path / root / "animals").mkdir(parents=True)
    authors = [f"Author {index}" for index in range(12)]
    for index, author in enumerate(authors):
        pixels = np.random.default_rng(index).integers(0, 256, (4, 5, 3), np.uint8)
        Image.fromarray(pixels).resize((50, 40), Image.Resampling.NEAREST).save(
            tmp_path / f"png/animals/{WORDS[index]}_01.png"
        )
        (tmp_path / f"svg/animals/{WORDS[index]}_01.svg").write_text(
            f"<svg><metadata><dc:creator><cc:Agent><dc:title>{author}</dc:title></cc:Agent></dc:creator></metadata></svg>"
        )
    found = load_clipart(tmp_path / "png", tmp_path / "svg", set(WORDS), ["dog"])
    assert {clipart.author for clipart in found} == {author for author in authors[1:] if not is_heldout_author(author)}
    assert "dog" not in {clipart.noun for clipart in found}


def test_a_copy_of_heldout_clipart_under_another_name_is_not_trained_on(tmp_path: Path) -> None:
    heldout = next(name for name in (f"Author {index}" for index in range(40)) if is_heldout_author(name))
    trained = next(name for name in (f"Author {index}" for index in range(40)) if not is_heldout_author(name))
    for root in ("png", "svg"):
        (tmp_path / root / "animals").mkdir(parents=True)
    for stem, author, seed in (("owl_a", heldout, 1), ("owl_b", trained, 1), ("owl_c", trained, 2)):
        pixels = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), np.uint8)
        Image.fromarray(pixels).resize((96, 96), Image.Resampling.NEAREST).save(tmp_path / f"png/animals/{stem}.png")
        (tmp_path / f"svg/animals/{stem}.svg").write_text(
            f"<svg><metadata><dc:creator><dc:title>{author}</dc:title></dc:creator></metadata></svg>"
        )
    assert len(load_clipart(tmp_path / "png", tmp_path / "svg", {"owl"}, [])) == 1


def test_an_author_without_a_name_counts_as_the_file() -> None:
    assert (
        clipart_author(
            "<svg><metadata><dc:creator><dc:title> </dc:title></dc:creator></metadata></svg>", "food/pie.svg"
        )
        == "food/pie.svg"
    )
    assert clipart_author("<svg/>", "food/pie.svg") == "food/pie.svg"
    assert (
        clipart_author(
            "<metadata><dc:creator><cc:Agent>\n<dc:title>A &amp; B</dc:title></cc:Agent></dc:creator></metadata>", "x"
        )
        == "A & B"
    )


def test_photographs_of_both_layouts_split_alike_and_one_in_ten_is_kept(tmp_path: Path) -> None:
    for index in range(30):
        path = tmp_path / f"clothing/train/hat/{index}.webp"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40), (200, 0, 0)).save(path)
    train, validation = SplitWriter(), SplitWriter()
    photographs = [
        *list_photographs(tmp_path),
        Photograph(tmp_path / "clothing/train/hat/0.webp", "clothing", "skirt", "skirt"),
    ]
    build_photographs(train, validation, photographs, load_recipe().data, random.Random(0))
    kept = sum(is_validation_photograph(photograph.path.name) for photograph in photographs)
    assert len(validation.records) == kept and len(train.records) == 2 * (len(photographs) - kept)
    assert [is_validation_photograph(f"{index}.jpg") for index in range(30)] == [
        is_validation_photograph(f"{index}.webp") for index in range(30)
    ]
    assert 0.05 < sum(is_validation_photograph(f"{index}.jpg") for index in range(2000)) / 2000 < 0.15


def test_grocery_lists_may_name_jpg_where_the_files_are_webp(tmp_path: Path) -> None:
    grocery = tmp_path / "grocery"
    (grocery / "train").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(grocery / "train/Lime_001.webp")
    (grocery / "train.txt").write_text("train/Lime_001.jpg, 9, 5\n")
    (grocery / "classes.csv").write_text(
        "Class Name (str),Class ID (int),Coarse Class Name (str),Coarse Class ID (int)\nGranny-Smith,9,Apple,5\n"
    )
    assert [
        (photograph.path.name, photograph.noun, photograph.coarse) for photograph in list_photographs(tmp_path)
    ] == [("Lime_001.webp", "granny smith apple", "apple")]


def test_records_survive_the_folder(tmp_path: Path) -> None:
    writer = SplitWriter()
    writer.add(
        np.full((SIZE, SIZE, 3), 7, np.uint8),
        Record("scene", "c", "b", ["a dog"], [], [("noun", "a cat")], [("what", "?", "dog")], ["dog"]),
    )
    writer.write(tmp_path, "train")
    assert load_records(tmp_path, "train") == writer.records
    assert load_pixels(tmp_path, "train")[0, 0, 0, 0] == 7


def test_an_archive_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "archives").mkdir()
    (tmp_path / "archives/x-1.tgz").write_bytes(b"something else")
    with pytest.raises(IngredientError, match="expected 00"):
        fetch_ingredients(tmp_path, (Ingredient("x", "npm", "x", "1", "x-1.tgz", "00", "MIT", "train"),))

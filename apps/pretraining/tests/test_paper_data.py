"""Shards, manifests and bad input: counted, named and skipped."""

from __future__ import annotations

import dataclasses
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from paper_set import draw, make_samples

from medley_pretraining.paper.augment import OPERATIONS, augment
from medley_pretraining.paper.corpus import EpochOrder, build_corpus
from medley_pretraining.paper.manifest import read_sources
from medley_pretraining.paper.samples import DataError, Intake, Rejection, Sample, checked, decode_picture
from medley_pretraining.paper.shards import read_shard, write_shards


def tar_of(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def members(
    name: str, text: str = "a red disc", detail: dict | None = None, picture: bytes | None = None
) -> dict[str, bytes]:
    return {
        f"{name}.png": draw("red", "disc") if picture is None else picture,
        f"{name}.txt": text.encode(),
        f"{name}.json": json.dumps({"licence": "CC0-1.0"} if detail is None else detail).encode(),
    }


def test_what_is_written_is_read_again_with_licence_source_scores_and_questions(tmp_path: Path) -> None:
    samples = [dataclasses.replace(sample, detail={"scores": {"itm": 0.9}}, group="g") for sample in make_samples()]
    paths = write_shards(samples, tmp_path, per_shard=6)
    assert [path.name for path in paths] == ["00000.tar", "00001.tar", "00002.tar"]
    found = list(read_sources([tmp_path]))
    assert len(found) == 16 and all(isinstance(each, Sample) for each in found)
    for before, after in zip(samples, found, strict=True):
        assert (after.picture, after.text, after.licence, after.source, after.group, after.questions) == (
            before.picture, before.text, before.licence, before.source, before.group, before.questions,
        )  # fmt: skip
        assert after.detail["scores"] == {"itm": 0.9} and after.detail["key"] == before.key


def test_the_same_samples_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (write_shards(make_samples(), tmp_path / name)[0].read_bytes() for name in ("a", "b"))
    assert first == second


def test_bad_samples_are_counted_named_and_skipped(tmp_path: Path) -> None:
    shard = tar_of(
        tmp_path / "bad.tar",
        {
            **members("good"),
            **members("broken", picture=b"\x89PNG not really"),
            **members("cut", picture=draw("blue", "disc")[:60]),
            **members("empty", text="  \n"),
            **members("unlicensed", detail={"source": "somewhere"}),
            **members("unknown", detail={"licence": "Unknown"}),
            **members("number", detail={"licence": 7}),
            **members("list", detail=[]),  # type: ignore[arg-type]
            "lonely.txt": b"no picture",
            "lonely.json": b"{}",
            **{name: content if not name.endswith("json") else b"{" for name, content in members("json").items()},
            **members("questions", detail={"licence": "MIT", "questions": [{"question": "what?"}]}),
            **members("folder/good", detail={"license": "MIT"}),
        },
    )
    intake = Intake()
    corpus = build_corpus(read_sources([shard]), 28, intake)
    assert [pair.key for pair in corpus.pairs] == ["good", "folder/good"] and intake.accepted == 2
    assert {rejection.key: rejection.reason for rejection in intake.rejections} == {
        "broken": "broken picture",
        "cut": "broken picture",
        "empty": "empty caption",
        "unlicensed": "no licence",
        "unknown": "no licence",
        "number": "no licence",
        "list": "unreadable text",
        "lonely": "no picture",
        "json": "unreadable text",
        "questions": "wrong question",
    }
    assert all(rejection.place in ("bad.tar", "") for rejection in intake.rejections)
    assert "2 samples, 10 skipped: 2 broken picture, 1 empty caption, 3 no licence" in intake.summary()
    assert "skipped bad.tar: empty: empty caption" in intake.summary()


def test_only_accepted_licences_are_trained_on_where_some_are_named() -> None:
    samples = make_samples("MIT")[:3] + make_samples("CC-BY-SA-4.0")[3:5]
    intake = Intake()
    corpus = build_corpus(samples, 28, intake, licences=("MIT", "CC0-1.0"))
    assert len(corpus.pairs) == 3
    assert str(intake.rejections[0]).endswith("licence not accepted ('CC-BY-SA-4.0' is none of MIT, CC0-1.0)")


def test_a_shard_that_is_cut_off_gives_what_is_whole_and_says_so(tmp_path: Path) -> None:
    whole = write_shards(make_samples(), tmp_path)[0].read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: len(whole) // 2 + 100])
    found = list(read_shard(tmp_path / "cut.tar"))
    assert 4 < sum(isinstance(each, Sample) for each in found) < 12
    assert isinstance(found[-1], Rejection) and found[-1].place == "cut.tar"


def test_what_is_no_shard_at_all_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text.tar").write_text("hello" * 200)
    with pytest.raises(DataError, match='text.tar" is not a tar file'):
        list(read_shard(tmp_path / "text.tar"))
    for name, message in (("absent.tar", "does not exist"), ("text.zip", 'ends in ".zip"')):
        if name.endswith("zip"):
            (tmp_path / name).write_text("")
        with pytest.raises(DataError, match=message):
            list(read_sources([tmp_path / name]))
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match="holds no .tar file"):
        list(read_sources([tmp_path / "nothing"]))


def test_csv_and_jsonl_are_read_beside_their_pictures(tmp_path: Path) -> None:
    (tmp_path / "red.png").write_bytes(draw("red", "disc"))
    (tmp_path / "set.csv").write_text(
        "image,text,licence\nred.png,a red disc,MIT\nabsent.png,a thing,MIT\n,no name,MIT\nred.png,x,\n"
    )
    rows = [
        {"image": "red.png", "caption": "a disc", "license": "CC0-1.0", "source": "test", "group": "g"},
        {"image": "red.png", "text": "", "licence": "MIT", "question": "what color is it?", "answer": "red"},
    ]
    (tmp_path / "set.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\nnot json\n")
    found = list(read_sources([tmp_path / "set.csv", tmp_path / "set.jsonl"]))
    good = [each for each in found if isinstance(each, Sample)]
    assert [(each.text, each.licence) for each in good] == [("a red disc", "MIT"), ("a disc", "CC0-1.0"), ("", "MIT")]
    assert good[1].group == "g" and good[2].questions[0].answers == {"red": 1.0}
    assert [(each.key, each.reason) for each in found if isinstance(each, Rejection)] == [
        ("absent.png", "no picture"),
        ("line 4", "no picture"),
        ("red.png", "no licence"),
        ("line 3", "unreadable line"),
    ]
    (tmp_path / "wrong.csv").write_text("file,text\n")
    with pytest.raises(DataError, match="no image and no licence"):
        list(read_sources([tmp_path / "wrong.csv"]))


def test_a_set_without_one_usable_sample_is_refused_with_the_reasons() -> None:
    sample = checked(Sample("a", b"nothing", "a text", "MIT"), "here")
    with pytest.raises(DataError, match="No sample can be used: 0 samples, 1 skipped: 1 broken picture"):
        build_corpus([sample], 28, Intake())


def test_one_picture_with_several_texts_is_stored_once_and_is_one_group() -> None:
    picture = draw("red", "disc")
    samples = [Sample(str(number), picture, f"text {number}", "MIT") for number in range(3)]
    corpus = build_corpus([*samples, Sample("other", draw("blue", "disc"), "text", "MIT")], 28, Intake())
    assert len(corpus.pixels) == 2 and [pair.picture for pair in corpus.pairs] == [0, 0, 0, 1]
    assert [pair.group for pair in corpus.pairs] == [0, 0, 0, 1]


def test_pictures_may_lie_in_a_file(tmp_path: Path) -> None:
    in_file, in_memory = (
        build_corpus(make_samples(), 28, Intake(), folder=tmp_path),
        build_corpus(make_samples(), 28, Intake()),
    )
    assert isinstance(in_file.pixels, np.memmap) and np.array_equal(in_file.pixels, in_memory.pixels)
    assert in_file.fingerprint == in_memory.fingerprint
    assert build_corpus(make_samples()[1:], 28, Intake()).fingerprint != in_memory.fingerprint


def test_transparent_parts_are_white() -> None:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(stream, "PNG")
    assert (decode_picture(stream.getvalue(), 8) == 255).all()


def test_an_epoch_shows_every_pair_once_and_another_epoch_in_another_order() -> None:
    order = EpochOrder(12, 4, seed=3)
    first, second = ([row for step in steps for row in order.rows(step)] for steps in (range(3), range(3, 6)))
    assert sorted(first) == sorted(second) == list(range(12)) and first != second
    assert EpochOrder(12, 4, seed=3).rows(4) == order.rows(4)


def test_augmentation_keeps_size_and_follows_its_seed() -> None:
    import random

    pixels = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    made = [augment(pixels, 28, random.Random(seed), 0.2, True, True) for seed in range(30)]
    assert all(each.shape == (28, 28, 3) and each.dtype == np.uint8 for each in made)
    assert np.array_equal(made[4], augment(pixels, 28, random.Random(4), 0.2, True, True))
    assert len({each.tobytes() for each in made}) > 25 and len(OPERATIONS) == 10
    small = pixels[:28, :28]
    assert np.array_equal(augment(small, 28, random.Random(0), 1.0, False, False), small)


def test_the_records_of_the_data_step_become_shards_with_licence_and_source(tmp_path: Path) -> None:
    from medley_pretraining.paper.record_shards import origin, record_samples
    from medley_pretraining.records import Record, SplitWriter

    writer = SplitWriter()
    pixels = np.zeros((112, 112, 3), np.uint8)
    questions = [("what", "what is in the picture?", "dog")]
    writer.add(
        pixels,
        Record(
            "emoji", "1f415", "dog", ["a dog", "dog"], ["a drawing of a dog"], [], questions, ["dog"], style="twemoji"
        ),
    )
    writer.add(pixels, Record("scene", "s", "s", ["a dog on a beach"], kind="single"))
    writer.write(tmp_path / "data", "train")
    drawing, scene = record_samples(tmp_path, "train")
    assert (drawing.text, drawing.licence, drawing.detail["texts"]) == (
        "a dog",
        "CC-BY-4.0",
        ["dog", "a drawing of a dog"],
    )
    assert drawing.source.startswith("npm:@iconify-json/twemoji@") and drawing.questions[0].answers == {"dog": 1.0}
    assert "CC-BY-4.0" in scene.licence and "CC-BY-SA-4.0" in origin(Record("scene", "s", "s", ["x"]), "test")[0]
    assert len(list(record_samples(tmp_path, "train", most=1))) == 1
    with pytest.raises(DataError, match="has no test.jsonl. Run the data step first"):
        list(record_samples(tmp_path, "test"))
    with pytest.raises(DataError, match='comes from "elsewhere", whose licence is not known'):
        origin(Record("elsewhere", "x", "x", ["x"]), "train")

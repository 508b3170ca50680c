"""Generation against plain searches, the filter's rule, and everything from shards to a new model in one go."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
import torch
from paper_set import TINY, make_samples, tiny_settings, write_set, write_tokenizer

from medley_pretraining.model import Geometry
from medley_pretraining.paper.bootstrap import bootstrap, counts
from medley_pretraining.paper.capfilt import Judged, kept_samples, rejected_share
from medley_pretraining.paper.checkpoint import read_checkpoint
from medley_pretraining.paper.corpus import build_corpus
from medley_pretraining.paper.generation import Decoding, Speaker, kept_words, penalised
from medley_pretraining.paper.lexicon import Lexicon, load_tokenizer
from medley_pretraining.paper.manifest import read_sources
from medley_pretraining.paper.network import PaperBlip
from medley_pretraining.paper.preparation import prepare
from medley_pretraining.paper.run_log import read_rows
from medley_pretraining.paper.samples import DataError, Intake, Sample
from medley_pretraining.paper.settings import SettingsError

CPU = torch.device("cpu")


@pytest.fixture()
def speaker(tmp_path: Path) -> Speaker:
    torch.manual_seed(0)
    lexicon = Lexicon.of_texts(load_tokenizer(write_tokenizer(tmp_path)), ["a red disc"])
    model = PaperBlip(Geometry(28, 7, 16, 1, 2, 2, 2, 8, len(lexicon)), "none").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.4)
    return Speaker(model, lexicon)


def plain_score(speaker: Speaker, cross, ids: list[int], end: bool) -> float:
    """Σ log p / length of one text, the whole of it decoded at once; special words other than [SEP] cannot be said."""
    with torch.no_grad():
        logits = speaker.model.decoded_logits(speaker.model.decode(torch.tensor([ids]), cross)[0])
    logits[:, speaker.never] = float("-inf")
    log = torch.log_softmax(logits, 1)
    following = ids[1:] + ([speaker.lexicon.sep] if end else [])
    return sum(log[at, word].item() for at, word in enumerate(following)) / len(ids)


def test_a_beam_as_wide_as_the_vocabulary_finds_the_best_text_of_all(speaker: Speaker) -> None:
    cross = speaker.model.decoder_cross(torch.randn(1, 5, 16))
    words = [word for word in range(len(speaker.lexicon)) if word not in speaker.never.tolist()]
    ordinary = [word for word in words if word != speaker.lexicon.sep]
    longest, texts = 4, []
    for count in range(0, longest):
        for each in itertools.product(ordinary, repeat=count):
            ids = [speaker.lexicon.dec, *each]
            texts.append((plain_score(speaker, cross, ids, end=len(ids) < longest), ids))
    best = speaker.lexicon.decode(max(texts)[1])
    beams = len(ordinary) ** 3
    decoding = Decoding("beam", beams=beams // 2, longest=longest, shortest=1)
    # A beam of half of all texts loses nothing here; ended texts are kept apart from those that go on.
    wide = Decoding("beam", beams=min(decoding.beams, 40), longest=longest, shortest=1)
    assert speaker.beam(cross, [], wide)[0] == best


def test_a_beam_of_one_says_the_likeliest_word_each_time(speaker: Speaker) -> None:
    cross = speaker.model.decoder_cross(torch.randn(2, 5, 16))
    decoding = Decoding("beam", beams=1, longest=7, shortest=7)
    for row, text in enumerate(speaker.beam(cross, [], decoding)):
        own, ids = [(key[row : row + 1], value[row : row + 1]) for key, value in cross], [speaker.lexicon.dec]
        while len(ids) < 7:
            with torch.no_grad():
                logits = speaker.model.decoded_logits(speaker.model.decode(torch.tensor([ids]), own)[0, -1:])
            logits[:, [*speaker.never.tolist(), speaker.lexicon.sep]] = float("-inf")
            ids.append(int(logits.argmax()))
        assert text == speaker.lexicon.decode(ids[1:])


def test_nucleus_keeps_the_word_that_crosses_the_share_and_nothing_behind_it() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05], [0.97, 0.01, 0.01, 0.01]]))
    assert torch.isfinite(kept_words(logits, 50, 0.9)).tolist() == [
        [True, True, True, False],
        [True, False, False, False],
    ]
    assert torch.isfinite(kept_words(logits, 2, 0.9)).tolist()[0] == [True, True, False, False]


def test_words_said_before_become_less_likely() -> None:
    logits = penalised(torch.tensor([[2.0, -1.0, 3.0]]), torch.tensor([[0, 1, 0]]), 1.1)
    assert logits.tolist()[0] == pytest.approx([2 / 1.1, -1.1, 3.0])


def test_nucleus_follows_its_seed_and_its_lengths(speaker: Speaker) -> None:
    cross = speaker.model.decoder_cross(torch.randn(6, 5, 16))
    decoding = Decoding("nucleus", longest=9, shortest=4)
    one, same, other = (speaker.nucleus(cross, [], decoding, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert one == same != other
    assert all(3 <= len(speaker.lexicon.pieces(text)) <= 8 for text in one)


def test_the_filter_keeps_what_is_more_likely_a_match_than_not() -> None:
    judged = [Judged(0, "web", "a", 0.5), Judged(0, "synthetic", "b", 0.51), Judged(1, "web", "c", 0.9)]
    assert [each.is_kept() for each in judged] == [False, True, True]
    assert rejected_share(judged, "web") == 0.5 and rejected_share(judged, "synthetic") == 0.0
    assert counts(judged, 0.5)["web"] == {"texts": 2, "kept": 1, "rejected_share": 0.5}


def test_kept_texts_carry_their_picture_licence_and_provenance() -> None:
    samples = make_samples()[:2]
    corpus = build_corpus(samples, 28, Intake())
    judged = [
        Judged(0, "web", samples[0].text, 0.2),
        Judged(0, "synthetic", "a shape", 0.7),
        Judged(1, "web", samples[1].text, 0.8),
    ]
    kept = list(kept_samples(samples, corpus, judged, {"captioner": "c", "filter": "f", "decoding": "beam"}))
    assert [(each.key, each.text, each.licence) for each in kept] == [
        ("red-square#synthetic", "a shape", "CC0-1.0"),
        ("red-disc#web", "a red disc", "CC0-1.0"),
    ]
    assert kept[0].picture == samples[0].picture and kept[0].detail["origin"] == "synthetic"
    made_by = kept[0].detail["provenance"]
    assert made_by["captioner"] == "c" and made_by["web_text"] == "a red square" and made_by["match_probability"] == 0.7
    assert kept[1].detail["provenance"] == {
        "bootstrapped_from": "red-disc",
        "match_probability": 0.8,
        "threshold": 0.5,
        "filter": "f",
    }


def test_everything_from_shards_to_a_new_model_on_bootstrapped_data(tmp_path: Path) -> None:
    write_set(tmp_path)
    longer = {"epochs": 60, "batch": 16, "warmup_steps": 10}
    run = prepare(tiny_settings(tmp_path, optimiser=longer, objective={"queue": 16}, run={"checkpoint_steps": 0}), CPU)
    run.train()
    rows = [float(row["loss"]) for row in read_rows(tmp_path / "run" / "losses.csv")]
    assert sum(rows[-5:]) < 0.8 * sum(rows[:5]), "the loss of pre-training does not fall"
    old = run.checkpoint.read_bytes()
    raw = {
        **TINY,
        "optimiser": {**TINY["optimiser"], "batch": 16, "epochs": 40},
        "run": {"checkpoint_steps": 0},
        "bootstrap": {
            "checkpoint": "run/checkpoint.pt",
            "clean": ["shards"],
            "web": ["shards"],
            "out": "boot",
            "threshold": 0.2,
        },
        "filter": {"optimiser": {"rate": 1e-3}},
        "pretrain": {"optimiser": {"epochs": 3, "batch": 8}},
    }
    shards = bootstrap(raw, tmp_path / "bootstrap.toml", CPU)
    report = json.loads((tmp_path / "boot" / "report.json").read_text())
    kept = [each for each in read_sources([shards]) if isinstance(each, Sample)]
    assert len(kept) == report["web"]["kept"] + report["synthetic"]["kept"] > 0
    assert report["web"]["texts"] == report["synthetic"]["texts"] == 16
    assert report["captioner"].startswith("sha256:") and report["captioner"] != report["filter"]
    assert all(each.licence == "CC0-1.0" and each.detail["provenance"]["filter"] == report["filter"] for each in kept)
    captioner, filter_model, new = (
        read_checkpoint(tmp_path / "boot" / name / "checkpoint.pt")["model"]
        for name in ("captioner", "filter", "model")
    )
    # Both begin at the same weights and go apart; the captioner does not train what only the filter uses.
    start = read_checkpoint(tmp_path / "run" / "checkpoint.pt")["model"]
    assert torch.equal(captioner["itm_head.weight"], start["itm_head.weight"]) and not torch.equal(
        filter_model["itm_head.weight"], start["itm_head.weight"]
    )
    # The new model starts from nothing: its first matrix is the one its seed draws, moved by few steps, and not the old one.
    assert not torch.allclose(
        new["vision_model.embeddings.patch_embedding.weight"],
        start["vision_model.embeddings.patch_embedding.weight"],
        atol=1e-3,
    )
    assert run.checkpoint.read_bytes() == old


def test_a_filter_that_keeps_nothing_is_an_error_that_says_why(tmp_path: Path) -> None:
    write_set(tmp_path)
    run = prepare(tiny_settings(tmp_path, optimiser={"epochs": 1}, run={"checkpoint_steps": 0}), CPU)
    run.train()
    settings = {
        "checkpoint": "run/checkpoint.pt",
        "clean": ["shards"],
        "web": ["shards"],
        "out": "boot",
        "threshold": 1.0,
    }
    raw = {
        **TINY,
        "optimiser": {**TINY["optimiser"], "epochs": 1},
        "run": {"checkpoint_steps": 0},
        "bootstrap": settings,
    }
    with pytest.raises(
        DataError, match="kept none of 32 texts: the highest match probability is .* Has matching been learnt"
    ):
        bootstrap(raw, tmp_path / "b.toml", CPU)


def test_a_bootstrap_that_lacks_a_part_says_which(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"\[bootstrap\].web is empty. It needs checkpoint, clean, web and out"):
        bootstrap({"bootstrap": {"checkpoint": "c", "clean": ["s"]}}, tmp_path / "b.toml", CPU)

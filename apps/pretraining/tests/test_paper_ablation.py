"""What the ablation's tables say, and that its sets keep apart what has to be."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from paper_set import write_tokenizer

from medley_pretraining.model import Geometry
from medley_pretraining.paper.ablation_data import clipart_title, corpus_of, reduced_tokens, reduced_words
from medley_pretraining.paper.ablation_report import (
    COMPARISONS,
    MEASURES,
    direction,
    effects,
    mean_and_interval,
    report_json,
    report_markdown,
)
from medley_pretraining.paper.ablation_runs import joined
from medley_pretraining.paper.batches import TokenImages
from medley_pretraining.paper.corpus import Pair
from medley_pretraining.paper.lexicon import Lexicon, load_tokenizer
from medley_pretraining.paper.network import PaperBlip
from medley_pretraining.paper.retrieval_score import score_pool

RUNS = sorted({name for comparison in COMPARISONS for name in (comparison.run, comparison.base)})


def seed_result(seed: int, better: float) -> dict:
    """Every run alike but C+F, which is `better` by that much in every measure."""
    found: dict = {
        f"rejected {name}": {"web": 10.0, "synthetic": 20.0 + seed} for name in ("nucleus", "beam", "shared")
    }
    for run in RUNS:
        gain = better if run == "C+F" else 0.0
        values = {measure: 10.0 + seed + gain * (-1 if measure == "word_loss" else 1) for measure in MEASURES}
        found[run] = {"pairs": 100, "pool": values}
    return found


def test_the_interval_is_that_of_students_t() -> None:
    assert mean_and_interval([1.0, 2.0, 3.0]) == (2.0, pytest.approx(4.303 * 1.0 / math.sqrt(3)))
    assert math.isnan(mean_and_interval([1.0])[1])


def test_a_direction_is_claimed_only_where_the_interval_excludes_zero() -> None:
    assert direction(0.5, 0.6, 1.0).startswith("not resolved")
    assert direction(0.7, 0.6, 1.0) == "reproduced" and direction(-0.7, 0.6, 1.0) == "opposite: not reproduced"
    assert direction(-0.7, 0.6, 0.05) == "worse, none in the paper"
    assert direction(5.0, math.nan, 1.0).startswith("not resolved")


def test_effects_are_differences_within_a_seed_and_fewer_loss_is_better() -> None:
    results = [seed_result(seed, 2.0 + 0.01 * seed) for seed in range(3)]
    found = {effect["effect"]: effect for effect in effects(results, "pool")}
    effect = found["captioner and filter (C+F) against nothing"]
    assert effect["paper"] == pytest.approx(2.3)
    for measure in ("r1", "cosine_r1", "word_gain"):
        assert effect[measure]["mean"] == pytest.approx(2.01) and effect[measure]["direction"] == "reproduced"
    assert found["filter only (F) against nothing"]["r1"]["direction"].startswith("not resolved")


def test_the_table_names_every_run_every_effect_and_the_papers_reject_shares() -> None:
    results = [seed_result(seed, 1.0) for seed in range(3)]
    report = report_json(results, ["pool"], {"scale": "test", "seeds": 3, "pools": {"pool": 50}})
    text = report_markdown(report, "pool")
    assert all(f"| {run} | 100 |" in text for run in RUNS)
    assert all(comparison.label in text for comparison in COMPARISONS)
    assert "| nucleus, decoupled | 21.0 ± 2.5 | 25 | 10.0 ± 0.0 |" in text and "A random order gives R@1 2.00" in text


def test_the_raw_title_of_clip_art_is_that_of_the_work_and_not_of_its_author() -> None:
    creator = "<dc:creator><cc:Agent><dc:title>Jane</dc:title></cc:Agent></dc:creator>"
    keywords = (
        "<dc:subject><rdf:Bag><rdf:li>food</rdf:li><rdf:li></rdf:li><rdf:li>fruit</rdf:li></rdf:Bag></dc:subject>"
    )

    def svg(title: str, description: str = "") -> str:
        described = f"<dc:description>{description}</dc:description>"
        return f"<svg><metadata><dc:title>{title}</dc:title>{creator}{described}{keywords}</metadata></svg>"

    assert clipart_title(svg(" Candied\n Apples &amp; more")) == "Candied Apples & more"
    assert clipart_title(svg("", "a sweet")) == "a sweet"
    assert clipart_title(svg("")) == "food, fruit"
    assert clipart_title("<svg></svg>") == ""


def test_joined_sets_never_share_a_group() -> None:
    web = [Pair("a", 0, 0, "x"), Pair("b", 1, 3, "y")]
    both = joined(web, [Pair("c", 2, 0, "z")])
    assert [pair.group for pair in both.pairs] == [0, 3, 4]
    assert corpus_of([], 0).pairs == ()


def test_reduced_tokens_and_words_keep_likeness_and_have_the_asked_width() -> None:
    generator = np.random.default_rng(0)
    flat = generator.normal(size=(30, 4, 3)) @ generator.normal(size=(3, 12))  # three directions hold everything
    tokens = torch.from_numpy(flat).float()
    reduced = reduced_tokens(tokens, 20, 6).float()
    assert reduced.shape == (30, 4, 6) and reduced[:20].std().item() == pytest.approx(1.0, abs=0.05)
    distance, before = (torch.cdist(each.flatten(0, 1)[:10], each.flatten(0, 1)[:10]) for each in (reduced, tokens))
    assert torch.allclose(distance / distance.max(), before / before.max(), atol=0.01)
    words = reduced_words(torch.randn(200, 12), 6)
    assert words.shape == (202, 6) and torch.equal(words[200], words[101])


def test_a_pool_is_scored_by_cosine_and_then_by_matching(tmp_path) -> None:
    torch.manual_seed(0)
    lexicon = Lexicon.of_texts(
        load_tokenizer(write_tokenizer(tmp_path)), ["a red disc", "a blue square", "a green bar"]
    )
    model = PaperBlip(Geometry(28, 7, 16, 1, 2, 1, 2, 8, len(lexicon))).eval()
    images = TokenImages(torch.randn(3, 5, 16))
    texts = ["a red disc", "a blue square", "a green bar"]
    score = score_pool(model, lexicon, images, [0, 1, 2], texts, 12)
    with torch.no_grad():
        tokens = model.image_tokens(images.tokens)
        wrong = model.itm_head.weight.clone()
        cosine = []
        for text in texts:
            ids = torch.tensor([[lexicon.cls, *lexicon.caption(text, 12), lexicon.sep]])
            cosine.append(model.image_features(tokens[:, 0]) @ model.text_features(model.encode(ids)[:, 0])[0])
        ranked = torch.stack(cosine, 1).argmax(1) == torch.arange(3)
    assert score.cosine_text_r1 == pytest.approx(100 * ranked.float().mean().item())
    assert 0 <= score.text_r1 <= 100 and score.mean_r5 == 100.0 and score.word_loss > 0
    assert torch.equal(wrong, model.itm_head.weight)

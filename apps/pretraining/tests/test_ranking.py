from __future__ import annotations

import numpy as np
import torch

from medley_pretraining.model import CLS, DEC, ENC, SEP, Blip
from medley_pretraining.ranking import (
    SHORT_LIST,
    ShortLists,
    fit_weight,
    mean_reciprocal_rank,
    recall,
)
from medley_pretraining.recipe import load_recipe
from medley_pretraining.scorer import Scorer
from medley_pretraining.text import Wordpieces, pad


def lists(cosine: list[float], match_logit: list[float], relevant: list[bool]) -> ShortLists:
    return ShortLists(torch.tensor([cosine]), torch.tensor([match_logit]), torch.tensor([relevant]))


def test_recall_counts_ranks_within_one_five_and_ten() -> None:
    assert recall(torch.tensor([0, 4, 9, 10])) == [25.0, 50.0, 75.0]


def test_reranking_orders_by_match_logit_and_weighted_cosine() -> None:
    entry = lists([0.9, 0.8], [0.0, 1.0], [True, False])
    assert entry.ranks(None).tolist() == [0]
    assert entry.ranks(0.0).tolist() == [1]
    assert entry.ranks(20.0).tolist() == [0]


def test_a_query_without_a_relevant_candidate_in_its_list_counts_as_missed() -> None:
    entry = lists([0.9, 0.8], [0.0, 1.0], [False, False])
    assert entry.ranks(1.0).tolist() == [SHORT_LIST]
    assert mean_reciprocal_rank(entry.ranks(1.0)) == 0.0


def test_the_fitted_weight_is_the_one_that_ranks_best() -> None:
    weight, curve = fit_weight(
        {"a": lists([0.9, 0.8], [0.0, 1.0], [True, False]), "b": lists([0.5, 0.4], [0.0, 0.3], [False, True])}
    )
    assert curve[weight] == max(curve.values())
    assert fit_weight({"a": lists([0.9, 0.8], [0.0, 1.0], [True, False])})[0] > 0
    assert fit_weight({"b": lists([0.5, 0.4], [0.0, 0.3], [False, True])})[0] == 0


def test_a_scorer_gives_the_model_s_own_numbers_in_any_order(random_model: Blip, wordpieces: Wordpieces) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 28, 28, 3), dtype=np.uint8)
    scorer = Scorer(random_model, wordpieces, pixels, load_recipe().model)
    texts = ["a dog", "a red owl and a key", "pizza"]
    together = scorer.match_logits([2, 0, 2], texts)
    with torch.no_grad():
        for index, (picture, text) in enumerate(zip([2, 0, 2], texts, strict=True)):
            cross = random_model.cross_key_values(scorer.tokens[[picture]].float())
            hidden = random_model.encode_text(pad([wordpieces(text)], ENC), cross)
            assert torch.allclose(random_model.itm_head(hidden[:, 0])[0, 1], together[index], atol=1e-4)
        feature = random_model.text_features(random_model.encode_text(pad([wordpieces("pizza")], CLS))[:, 0])
    assert torch.allclose(scorer.text_features(texts)[2], feature[0], atol=1e-5)


def test_answers_do_not_depend_on_the_other_questions(random_model: Blip, wordpieces: Wordpieces) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (2, 28, 28, 3), dtype=np.uint8)
    scorer = Scorer(random_model, wordpieces, pixels, load_recipe().model)
    questions = ["what is in the picture?", "is there a owl in the picture?"]
    assert scorer.answers([0, 1], questions)[1] == scorer.answers([1], questions[1:])[0]


def test_captions_go_on_behind_the_prompt_with_the_most_likely_words(
    random_model: Blip, wordpieces: Wordpieces
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (1, 28, 28, 3), dtype=np.uint8)
    scorer = Scorer(random_model, wordpieces, pixels, load_recipe().model)
    cross = random_model.cross_key_values(scorer.tokens.float())
    ids = [DEC, *wordpieces("a picture of")]
    with torch.no_grad():
        word = random_model.word_logits(random_model.decode_text(torch.tensor([ids]), cross)[:, -1]).argmax(1).item()
    said = scorer.captions([0])[0]
    assert word == SEP or said.startswith(wordpieces.decode([word]))

from __future__ import annotations

import torch
import torch.nn.functional as F

from medley_pretraining.losses import (
    choose_hard,
    contrastive_loss,
    matching_loss,
    ranking_loss,
    soft_targets,
    word_loss,
)


def test_contrast_targets_spread_over_all_pictures_of_the_same_concept() -> None:
    targets = soft_targets(torch.tensor([1, 2]), torch.tensor([1, 2, 1, 3]))
    assert targets.tolist() == [[0.5, 0, 0.5, 0], [0, 1, 0, 0]]


def test_contrast_is_lowest_when_every_true_column_is_equally_near() -> None:
    targets = soft_targets(torch.tensor([1]), torch.tensor([1, 1, 2]))
    even, uneven = (contrastive_loss(torch.tensor([row]), targets) for row in ([9.0, 9.0, 0.0], [9.0, 0.0, 0.0]))
    assert even < uneven


def test_hard_negatives_never_pick_the_own_pair_or_its_concept() -> None:
    torch.manual_seed(0)
    same = torch.eye(6, dtype=torch.bool)
    same[0, 3] = same[3, 0] = True
    similarity = 50 * same.float() + torch.randn(6, 6)
    for _ in range(200):
        chosen = choose_hard(similarity, same)
        assert not same[torch.arange(6), chosen].any()


def test_hard_negatives_prefer_what_is_similar() -> None:
    torch.manual_seed(0)
    similarity = torch.tensor([[0.0, 8.0, 0.0]])
    same = torch.tensor([[True, False, False]])
    assert sum(choose_hard(similarity, same).item() == 1 for _ in range(100)) > 90


def test_a_row_without_any_negative_is_reported() -> None:
    assert choose_hard(torch.zeros(1, 2), torch.ones(1, 2, dtype=torch.bool)).item() == -1


def test_label_smoothing_is_that_of_blip() -> None:
    logits, target = torch.randn(3, 7), torch.tensor([0, 4, 6])
    log_probability = F.log_softmax(logits, 1)
    expected = -(0.9 * log_probability[torch.arange(3), target] + 0.1 * log_probability.mean(1)).mean()
    assert torch.allclose(word_loss(logits, target, 0.1), expected)


def test_matching_counts_a_true_pair_as_often_as_its_false_ones() -> None:
    logits = torch.tensor([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    matches = torch.tensor([1, 0, 0])
    true, false = -F.log_softmax(logits, 1)[0, 1], -F.log_softmax(logits, 1)[0, 0]
    assert torch.allclose(matching_loss(logits, matches, 2.0), (true + false) / 2)


def test_ranking_asks_for_the_true_text_first_and_for_nothing_else() -> None:
    assert ranking_loss(torch.tensor([[5.0, 0.0, 0.0]])) < ranking_loss(torch.tensor([[0.0, 5.0, 0.0]]))
    assert torch.allclose(ranking_loss(torch.tensor([[5.0, 1.0]])), ranking_loss(torch.tensor([[15.0, 11.0]])))

"""Each loss of the paper against a plain formulation in NumPy, and what sampling, queue, momentum and ramp promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from medley_pretraining.model import Geometry
from medley_pretraining.paper.momentum import FeatureQueue, MomentumEncoders
from medley_pretraining.paper.network import PaperBlip
from medley_pretraining.paper.objectives import (
    NO_NEGATIVE,
    answer_loss,
    choose_negatives,
    contrast_loss,
    excluded_pairs,
    hard_labels,
    matching_loss,
    matching_pairs,
    next_words,
    soft_label_weight,
    soft_labels,
    word_loss,
)


def plain_softmax(rows: np.ndarray) -> np.ndarray:
    out = np.zeros_like(rows)
    for index, row in enumerate(rows):
        total = sum(math.exp(value - max(row)) for value in row)
        out[index] = [math.exp(value - max(row)) / total for value in row]
    return out


def test_contrast_is_the_cross_entropy_against_momentum_soft_labels() -> None:
    generator = np.random.default_rng(0)
    similarity, momentum = generator.normal(size=(3, 7)), generator.normal(size=(3, 7))
    alpha, expected = 0.3, 0.0
    probability, teacher = plain_softmax(similarity), plain_softmax(momentum)
    for row in range(3):
        for column in range(7):
            label = alpha * teacher[row, column] + (1 - alpha) * (1.0 if row == column else 0.0)
            expected -= label * math.log(probability[row, column]) / 3
    hard = hard_labels(torch.arange(3), torch.tensor([0, 1, 2, 9, 9, 9, 9]), by_group=False)
    labels = soft_labels(torch.from_numpy(momentum), hard, alpha)
    assert contrast_loss(torch.from_numpy(similarity), labels).item() == pytest.approx(expected, abs=1e-6)
    assert labels.sum(1).tolist() == pytest.approx([1.0] * 3)


def test_retrieval_labels_spread_evenly_over_the_group_in_batch_and_queue() -> None:
    labels = hard_labels(torch.tensor([4, 5]), torch.tensor([4, 5, 4, -1, 4]), by_group=True)
    assert labels.tolist() == [
        [pytest.approx(1 / 3), 0, pytest.approx(1 / 3), 0, pytest.approx(1 / 3)],
        [0, 1, 0, 0, 0],
    ]


def test_the_soft_label_weight_rises_in_a_line_and_stays() -> None:
    assert [soft_label_weight(step, 10, 0.4) for step in (0, 5, 10, 1000)] == [0.0, 0.2, 0.4, 0.4]
    assert soft_label_weight(0, 0, 0.4) == 0.0


def test_negatives_are_never_the_own_pair_its_group_or_the_same_text() -> None:
    torch.manual_seed(0)
    groups, texts = torch.tensor([0, 1, 2, 3, 0, 4]), torch.tensor([0, 1, 2, 2, 5, 6])
    excluded = excluded_pairs(groups, texts)
    assert excluded[0, 4] and excluded[2, 3] and excluded.diagonal().all() and not excluded[0, 1]
    similarity = 80 * excluded.float() + torch.randn(6, 6)
    for _ in range(300):
        chosen = choose_negatives(similarity, excluded, 0.0)
        assert not excluded[torch.arange(6), chosen].any()


def test_negatives_follow_the_similarities_as_the_paper_weights_them() -> None:
    torch.manual_seed(0)
    similarity = torch.tensor([[3.0, 1.0, 0.0, -9.0]]).expand(4, 4)
    excluded = torch.eye(4, dtype=torch.bool)
    drawn = torch.stack([choose_negatives(similarity, excluded, 1e-4) for _ in range(3000)])[:, 0]
    weights = torch.softmax(similarity[0], 0) + 1e-4
    weights[0] = 0
    expected = weights / weights.sum()
    assert torch.allclose(torch.bincount(drawn, minlength=4) / 3000, expected, atol=0.03)


def test_a_row_without_any_negative_is_left_out_of_matching() -> None:
    chosen = choose_negatives(torch.zeros(2, 2), torch.tensor([[True, True], [False, True]]), 1e-4)
    assert chosen.tolist() == [NO_NEGATIVE, 0]
    pictures, texts, labels = matching_pairs(chosen, torch.tensor([1, NO_NEGATIVE]))
    assert pictures.tolist() == [0, 1, 0, 0] and texts.tolist() == [0, 1, 1, 1] and labels.tolist() == [1, 1, 0, 0]


def test_matching_has_one_true_and_two_false_pairs_for_each_sample() -> None:
    pictures, texts, labels = matching_pairs(torch.tensor([1, 2, 0]), torch.tensor([2, 0, 1]))
    pairs = list(zip(pictures.tolist(), texts.tolist(), strict=True))
    assert pairs == [(0, 0), (1, 1), (2, 2), (1, 0), (2, 1), (0, 2), (0, 2), (1, 0), (2, 1)]
    logits = torch.randn(9, 2)
    probability = plain_softmax(logits.double().numpy())
    expected = -sum(math.log(probability[row, 1 if row < 3 else 0]) for row in range(9)) / 9
    assert matching_loss(logits, labels).item() == pytest.approx(expected, abs=1e-5)


def test_label_smoothing_takes_a_tenth_from_the_target_and_gives_it_to_all_words() -> None:
    logits = torch.randn(4, 6)
    targets = torch.tensor([0, 5, 2, 2])
    probability = plain_softmax(logits.double().numpy())
    expected = 0.0
    for row, target in enumerate(targets.tolist()):
        expected -= 0.9 * math.log(probability[row, target]) / 4
        expected -= 0.1 * sum(math.log(value) for value in probability[row]) / 6 / 4
    assert word_loss(logits, targets, 0.1).item() == pytest.approx(expected, abs=1e-5)


def test_words_are_asked_for_up_to_the_end_mark_and_never_in_prompt_or_padding() -> None:
    dec, sep = 8, 9
    ids = torch.tensor([[dec, 1, 2, 3, sep, 0, 0], [dec, 1, 2, 4, 5, 6, sep]])
    asked, targets = next_words(ids, prompt_tokens=2)
    assert targets.tolist() == [3, sep, 4, 5, 6, sep]
    assert asked.tolist() == [[False, False, True, True, False, False], [False, False, True, True, True, True]]
    assert next_words(ids)[1].tolist() == [1, 2, 3, sep, 1, 2, 4, 5, 6, sep]


def test_an_answer_counts_by_its_weight_and_by_all_its_words() -> None:
    logits, targets, owners = torch.randn(3, 5), torch.tensor([1, 2, 3]), torch.tensor([0, 1, 1])
    log_probability = torch.log_softmax(logits, 1)
    own = [-log_probability[row, target].item() for row, target in enumerate(targets.tolist())]
    expected = (0.25 * own[0] + 0.75 * (own[1] + own[2])) / 2
    found = answer_loss(logits, targets, owners, torch.tensor([0.25, 0.75]), 2, 0.0)
    assert found.item() == pytest.approx(expected, abs=1e-5)


def test_the_queue_forgets_the_oldest_first_and_keeps_pictures_texts_and_groups_together() -> None:
    queue = FeatureQueue(6, 2)
    assert torch.allclose(queue.images.norm(dim=1), torch.ones(6)) and (queue.groups == -1).all()
    for start in (0, 2, 4, 6):
        values = torch.tensor([[float(start), 0], [float(start + 1), 0]])
        queue.enqueue(values, values + 100, torch.tensor([start, start + 1]))
    assert queue.groups.tolist() == [6, 7, 2, 3, 4, 5]
    assert queue.images[:, 0].tolist() == [6, 7, 2, 3, 4, 5]
    assert queue.texts[:, 0].tolist() == [106, 107, 102, 103, 104, 105]


def test_momentum_encoders_follow_by_their_share_in_every_step() -> None:
    torch.manual_seed(0)
    model = PaperBlip(Geometry.tiny())
    momentum = MomentumEncoders(model, 0.995)
    before = {name: tensor.clone() for name, tensor in momentum.named_parameters()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    momentum.follow(model)
    online = dict(model.named_parameters())
    for name, parameter in momentum.named_parameters():
        assert torch.allclose(parameter, 0.995 * before[name] + 0.005 * online[name], atol=1e-6), name
        assert not parameter.requires_grad


def test_momentum_features_are_those_of_the_model_at_the_start() -> None:
    torch.manual_seed(0)
    model = PaperBlip(Geometry.tiny()).eval()
    momentum = MomentumEncoders(model, 0.995)
    pixels, ids = torch.randn(2, 3, 28, 28), torch.tensor([[101, 5, 102], [101, 6, 102]])
    with torch.no_grad():
        assert torch.allclose(momentum.image_features(pixels), model.image_features(model.image_tokens(pixels)[:, 0]))
        assert torch.allclose(momentum.text_features(ids), model.text_features(model.encode(ids)[:, 0]))

"""The three losses of BLIP in the paper's form (section 3.2; BLIP models/blip_pretrain.py:97-211, blip_retrieval.py:88-196).

B batch, C = B + Q candidates (momentum features of the batch, then the queue), E features, V word pieces. Similarities are divided by
the temperature already, unless said otherwise.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..model import PAD

LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.001, 0.5
SAMPLING_FLOOR = 1e-4  # added to every sampling weight in pre-training, so that easy negatives occur as well
NO_NEGATIVE = -1


def soft_label_weight(step: int, ramp_steps: int, highest: float) -> float:
    """α: from 0 up to `highest` in a straight line over `ramp_steps` steps."""
    return highest * min(1.0, step / max(1, ramp_steps))


def hard_labels(row_groups: Tensor, column_groups: Tensor, by_group: bool) -> Tensor:
    """float [B, C], rows add up to 1. Pre-training: one-hot on the diagonal. Retrieval fine-tuning (by_group): even over all candidates of
    the row's group."""
    if not by_group:
        return torch.eye(len(row_groups), len(column_groups), device=row_groups.device)
    same = (row_groups[:, None] == column_groups[None]).float()
    return same / same.sum(1, keepdim=True)


def soft_labels(momentum_similarity: Tensor, hard: Tensor, weight: float) -> Tensor:
    """α·softmax(momentum similarity) + (1 − α)·hard, [B, C]."""
    return weight * F.softmax(momentum_similarity, 1) + (1 - weight) * hard


def contrast_loss(similarity: Tensor, labels: Tensor) -> Tensor:
    """Mean over rows of the cross-entropy against labels [B, C]."""
    return -(labels * F.log_softmax(similarity, 1)).sum(1).mean()


def choose_negatives(similarity: Tensor, excluded: Tensor, floor: float) -> Tensor:
    """One column for each row of [B, B], drawn with weights softmax(similarity) + floor; never an `excluded` one (bool [B, B]; the diagonal
    and whatever is of the same group or text). int64 [B]; NO_NEGATIVE in rows where all columns are excluded."""
    allowed = ~excluded
    # Softmax over all columns, as in the paper; where it leaves an allowed column nothing at all, the allowed ones are even.
    weights = (F.softmax(similarity.float(), 1) + floor) * allowed
    weights = torch.where(weights.sum(1, keepdim=True) > 0, weights, allowed.float())
    hopeless = excluded.all(1)
    weights = weights + hopeless[:, None].float()
    return torch.multinomial(weights, 1)[:, 0].masked_fill(hopeless, NO_NEGATIVE)


def excluded_pairs(groups: Tensor, text_numbers: Tensor) -> Tensor:
    """bool [B, B]: picture and text of these two samples may belong together: the same sample, group, or text."""
    same_group = groups[:, None] == groups[None]
    same_text = text_numbers[:, None] == text_numbers[None]
    return same_group | same_text | torch.eye(len(groups), dtype=torch.bool, device=groups.device)


def matching_pairs(negative_images: Tensor, negative_texts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(picture rows, text rows, labels) of the up to 3B pairs: B true ones, then (false picture, text), then (picture, false text).
    Rows without a negative are left out."""
    own = torch.arange(len(negative_images), device=negative_images.device)
    with_image, with_text = negative_images != NO_NEGATIVE, negative_texts != NO_NEGATIVE
    pictures = torch.cat([own, negative_images[with_image], own[with_text]])
    texts = torch.cat([own, own[with_image], negative_texts[with_text]])
    labels = torch.zeros(len(pictures), dtype=torch.long, device=own.device)
    labels[: len(own)] = 1
    return pictures, texts, labels


def matching_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy, mean over all pairs; index 1 is "match"."""
    return F.cross_entropy(logits.float(), labels)


def next_words(ids: Tensor, prompt_tokens: int = 0) -> tuple[Tensor, Tensor]:
    """Of ids [N, T]: bool [N, T-1], which positions are asked for, and the targets there [M]. [SEP] is asked for, padding and the words of
    the prompt (after [DEC]) are not."""
    targets = ids[:, 1:]
    asked = targets != PAD
    asked = asked & (torch.arange(targets.shape[1], device=ids.device) >= prompt_tokens)
    return asked, targets[asked]


def word_loss(logits: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
    """Mean over words of (1 − ε)·(−log p_target) + ε·mean over V of (−log p). logits [M, V]."""
    return F.cross_entropy(logits.float(), targets, label_smoothing=label_smoothing)


def answer_loss(
    logits: Tensor, targets: Tensor, owners: Tensor, weights: Tensor, questions: int, smoothing: float
) -> Tensor:
    """VQA (BLIP models/blip_vqa.py:47-70): per answer the sum over its words, times the answer's weight, over the number of questions.
    logits [M, V], targets and owners [M] (which answer a word belongs to), weights [answers]."""
    per_word = F.cross_entropy(logits.float(), targets, label_smoothing=smoothing, reduction="none")
    return (per_word * weights[owners]).sum() / questions

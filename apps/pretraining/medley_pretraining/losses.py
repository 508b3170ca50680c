"""The losses of BLIP, in the forms used here. B batch, C candidates, V words."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def soft_targets(row_concepts: Tensor, column_concepts: Tensor) -> Tensor:
    """Concept numbers int64 [B] and [C] -> float [B, C], rows sum to 1: every column of the same concept is an equally good answer.
    Each row needs at least one."""
    same = (row_concepts[:, None] == column_concepts[None]).float()
    return same / same.sum(1, keepdim=True)


def contrastive_loss(similarity: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the rows of `similarity` [B, C] (already divided by the temperature) against soft targets [B, C]."""
    return -(targets * F.log_softmax(similarity.float(), 1)).sum(1).mean()


def word_loss(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """logits [N, V], targets int64 [N]: the words that are asked for, already without prompt and padding."""
    return F.cross_entropy(logits.float(), targets, label_smoothing=label_smoothing)


def matching_loss(logits: Tensor, matches: Tensor, match_weight: float = 1.0) -> Tensor:
    """logits [N, 2] (index 1 is "match"), matches int64 [N]; matches count `match_weight` times, where they are fewer."""
    return F.cross_entropy(logits.float(), matches, weight=torch.tensor([1.0, match_weight]))


def ranking_loss(log_odds: Tensor) -> Tensor:
    """Softmax over the candidates of one picture, the true text first. log_odds [B, C] -> scalar.

    The two-way matching loss alone separates pairs but does not sort a short list; this does what re-ranking asks for.
    """
    return F.cross_entropy(log_odds.float(), torch.zeros(len(log_odds), dtype=torch.long))


def choose_hard(similarity: Tensor, same: Tensor) -> Tensor:
    """One negative per row, drawn in proportion to exp(similarity); never one that is `same` (bool [B, C]).
    Returns int64 [B], or -1 in rows where every column is the same."""
    weights = torch.softmax(similarity.float().masked_fill(same, float("-inf")), 1)
    hopeless = same.all(1)
    weights[hopeless] = 1.0
    chosen = torch.multinomial(weights, 1)[:, 0]
    return chosen.masked_fill(hopeless, -1)

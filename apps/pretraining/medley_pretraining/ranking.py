"""Retrieval measures: ranks, recall, re-ranking of a short list, and the weight of ITC beside the match logit."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .scorer import Scorer

SHORT_LIST = 32
WEIGHTS = (0.0, 0.5, 1, 2, 3, 4, 6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 80, 120, 200)


def recall(ranks: Tensor) -> list[float]:
    """Percent of ranks (0 is best) within 1, 5, 10."""
    return [round(100 * (ranks < k).float().mean().item(), 1) if len(ranks) else float("nan") for k in (1, 5, 10)]


@dataclass(frozen=True)
class ShortLists:
    """The SHORT_LIST best candidates by ITC of every query, with their match logits. All [Q, SHORT_LIST]."""

    cosine: Tensor
    match_logit: Tensor
    relevant: Tensor

    def ranks(self, weight: float | None) -> Tensor:
        """Rank of the first relevant candidate under matchLogit + weight·cosine; weight None orders by cosine alone.
        A query without any relevant candidate in its list gets the rank SHORT_LIST."""
        score = self.cosine if weight is None else self.match_logit + weight * self.cosine
        hits = self.relevant.gather(1, score.argsort(dim=1, descending=True, stable=True))
        return torch.where(hits.any(1), hits.float().argmax(1), SHORT_LIST)


def short_lists(
    scorer: Scorer,
    cosine: Tensor,
    relevant: Tensor,
    pictures: list[list[int]] | list[int],
    texts: list[str] | list[list[str]],
    by_text: bool,
) -> ShortLists:
    """cosine and relevant: [queries, candidates]. by_text: query q is the text texts[q], candidate c the picture pictures[c];
    otherwise query q is the picture pictures[q], candidate c the text texts[c]."""
    top = cosine.topk(min(SHORT_LIST, cosine.shape[1]), 1)
    rows = range(len(cosine))
    pairs = [
        (pictures[c], texts[q]) if by_text else (pictures[q], texts[c]) for q in rows for c in top.indices[q].tolist()
    ]
    logits = scorer.match_logits([picture for picture, _ in pairs], [text for _, text in pairs])
    return ShortLists(top.values, logits.view(top.values.shape), relevant.gather(1, top.indices))


def mean_reciprocal_rank(ranks: Tensor) -> float:
    found = ranks < SHORT_LIST
    return ((1 / (1 + ranks.float())) * found).mean().item()


def fit_weight(lists: dict[str, ShortLists]) -> tuple[float, dict[float, float]]:
    """The weight of ITC with the best mean reciprocal rank over all lists, and the curve."""
    curve = {
        weight: sum(mean_reciprocal_rank(entry.ranks(weight)) for entry in lists.values()) / len(lists)
        for weight in WEIGHTS
    }
    return max(curve, key=lambda weight: curve[weight]), curve

"""Retrieval and language of a model on one pool of pictures, each with one text: what the ablations compare.

The score of re-ranking is the original's: matchLogit + cosine over the k best by cosine (section 4.1).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .batches import Images
from .capfilt import match_logits
from .lexicon import Lexicon, padded
from .network import PaperBlip
from .objectives import next_words, word_loss

SHORT_LIST = 16
BATCH = 128


@dataclass(frozen=True)
class PoolScore:
    """R@1 in percent, picture→text and text→picture, by cosine alone and re-ranked; mean R@5 of both ways re-ranked; loss per word of the
    true text (lower is better)."""

    cosine_text_r1: float
    cosine_image_r1: float
    text_r1: float
    image_r1: float
    mean_r5: float
    word_loss: float


@torch.no_grad()
def score_pool(
    model: PaperBlip, lexicon: Lexicon, images: Images, pictures: Sequence[int], texts: Sequence[str], text_tokens: int
) -> PoolScore:
    model.eval()
    captions = [lexicon.caption(text, text_tokens) for text in texts]
    image_features, text_features, losses, words = [], [], 0.0, 0
    for start in range(0, len(pictures), BATCH):
        tokens = model.image_tokens(images.read(list(pictures[start : start + BATCH]), random.Random(0)))
        image_features.append(model.image_features(tokens[:, 0]))
        ids = padded(captions[start : start + BATCH], lexicon.cls, lexicon.sep)
        text_features.append(model.text_features(model.encode(ids)[:, 0]))
        ids[:, 0] = lexicon.dec
        asked, targets = next_words(ids)
        logits = model.decoded_logits(model.decode(ids[:, :-1], model.decoder_cross(tokens))[asked])
        losses += word_loss(logits, targets, 0.0).item() * len(targets)
        words += len(targets)
    cosine = torch.cat(image_features) @ torch.cat(text_features).T  # [pictures, texts]
    text_ranks = _reranked(model, lexicon, images, cosine, pictures, texts, text_tokens, by_text=False)
    image_ranks = _reranked(model, lexicon, images, cosine.T, pictures, texts, text_tokens, by_text=True)
    return PoolScore(
        _within(_ranks(cosine), 1),
        _within(_ranks(cosine.T), 1),
        _within(text_ranks, 1),
        _within(image_ranks, 1),
        (_within(text_ranks, 5) + _within(image_ranks, 5)) / 2,
        losses / words,
    )


def _ranks(scores: Tensor) -> Tensor:
    """Rank of the diagonal in each row, 0 is best."""
    return (scores > scores.diagonal()[:, None]).sum(1)


def _within(ranks: Tensor, best: int) -> float:
    return 100 * (ranks < best).float().mean().item()


def _reranked(
    model: PaperBlip,
    lexicon: Lexicon,
    images: Images,
    cosine: Tensor,
    pictures: Sequence[int],
    texts: Sequence[str],
    text_tokens: int,
    by_text: bool,
) -> Tensor:
    """Ranks after the short list of every query was scored again; a query whose answer is not in its list gets the rank SHORT_LIST."""
    top = cosine.topk(min(SHORT_LIST, len(cosine)), 1)
    pairs = [
        (pictures[other], texts[query]) if by_text else (pictures[query], texts[other])
        for query, row in enumerate(top.indices.tolist())
        for other in row
    ]
    logits = match_logits(model, lexicon, images, pairs, text_tokens, cosine.device)[:, 1].view(top.values.shape)
    order = (logits + top.values).argsort(dim=1, descending=True, stable=True)
    hits = top.indices.gather(1, order) == torch.arange(len(cosine))[:, None]
    return torch.where(hits.any(1), hits.float().argmax(1), SHORT_LIST)

"""What a set's figures are worth: chance, the most frequent answer, and colours alone, each as a share from 0 to 1.

"colour histogram" looks at 4×4×4 RGB bins of the four quarters and takes over what is known of the training picture most alike.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from .colours import colour_histogram
from .records import Record

RECALL_AT = (1, 5, 10)


def histograms(pixels: np.ndarray, rows: Sequence[int]) -> np.ndarray:
    """float32 [len(rows), 256], unit vectors. pixels uint8 [N, S, S, 3]."""
    return np.stack([colour_histogram(pixels[row]) for row in rows])


def nearest(histogram: np.ndarray, training: np.ndarray) -> list[int]:
    """For every row, the training row with the most similar histogram."""
    return (histogram @ training.T).argmax(1).tolist()


def histogram_ranks(
    pictures: np.ndarray, training: np.ndarray, training_text: Sequence[int], by_text: bool
) -> np.ndarray:
    """Ranks from 0 between pictures and texts when a text is as like a picture as its most similar training drawing.

    Text i belongs to picture i. training_text: the text of every training drawing, or -1 where it is none of the set's. What no training
    drawing shows is never found: its rank is the number of pictures. by_text: texts are the queries.
    """
    similarity = pictures @ training.T
    best = np.full((len(pictures), len(pictures)), -1.0, np.float32)  # [pictures, texts]
    for column, text in enumerate(training_text):
        if text >= 0:
            np.maximum(best[:, text], similarity[:, column], out=best[:, text])
    own = best.diagonal()
    ranks = (best > own[None]).sum(0) if by_text else (best > own[:, None]).sum(1)
    return np.where(own >= 0, ranks, len(pictures))


def recall_of(ranks: np.ndarray) -> dict[int, float]:
    """Share of the ranks, from 0, below each depth."""
    return {depth: float((ranks < depth).mean()) for depth in RECALL_AT}


def most_frequent(labels: Sequence[str]) -> float:
    return Counter(labels).most_common(1)[0][1] / len(labels)


def question_only(training: Iterable[Record], asked: Sequence[tuple[str, str, str]]) -> dict[str, float]:
    """Accuracy by question type of the training answer most frequent for the same question, or else for the type.

    asked: (type, question, answer).
    """
    by_question: dict[str, Counter[str]] = defaultdict(Counter)
    by_kind: dict[str, Counter[str]] = defaultdict(Counter)
    for record in training:
        for kind, question, answer in record.questions:
            by_question[question][answer] += 1
            by_kind[kind][answer] += 1
    right: dict[str, list[bool]] = defaultdict(list)
    for kind, question, answer in asked:
        known = by_question.get(question) or by_kind.get(kind)
        right[kind].append(known is not None and known.most_common(1)[0][0] == answer)
    return {kind: sum(entries) / len(entries) for kind, entries in sorted(right.items())}


def shared_words(pairs: Sequence[tuple[str, str]], known: Sequence[str]) -> list[float]:
    """For every (true, false) caption: 1 where the true one shares more words with the known text, 0.5 where both share as many."""
    out = []
    for (true, false), text in zip(pairs, known, strict=True):
        words = set(text.split())
        difference = len(words & set(true.split())) - len(words & set(false.split()))
        out.append(0.5 if difference == 0 else float(difference > 0))
    return out

"""Hard negatives from the whole training set: the texts nearest to a picture and the pictures nearest to a text, by ITC,
leaving out those that may be true."""

from __future__ import annotations

import random
from collections.abc import Callable

import torch
from torch import Tensor

from ..arithmetic import mixed_precision
from ..records import Record

CHUNK = 512


def text_nouns(record: Record) -> frozenset[str]:
    """What a text of the record claims to be there: everything named in a scene, the thing itself otherwise
    (a grocery picture has a second, coarser noun)."""
    return frozenset(record.nouns if record.source == "scene" else record.nouns[:1])


class Miner:
    def __init__(self, records: list[Record], nearest: int) -> None:
        self.records, self.nearest = records, nearest
        self.bank = sorted({record.bank for record in records}, key=lambda text: (len(text), text))
        number = {text: index for index, text in enumerate(self.bank)}
        self.bank_of = [number[record.bank] for record in records]
        self.members: list[list[int]] = [[] for _ in self.bank]
        for index, text in enumerate(self.bank_of):
            self.members[text].append(index)
        self._claims = [text_nouns(records[members[0]]) for members in self.members]
        self._shows = [frozenset(record.nouns) for record in records]
        self._near_texts = self._near_images = torch.zeros(0, 0, dtype=torch.long)

    @torch.no_grad()
    def mine(self, image_features: Tensor, text_features: Callable[[list[str]], Tensor]) -> None:
        """image_features [N, E]; text_features maps texts to [M, E]. Keeps twice as many neighbours as are used, since some may be true."""
        with mixed_precision():
            features = torch.cat(
                [text_features(self.bank[start : start + CHUNK]) for start in range(0, len(self.bank), CHUNK)]
            ).float()
            wanted = min(2 * self.nearest, len(self.bank))
            self._near_texts = torch.cat(
                [
                    (image_features[start : start + CHUNK] @ features.T).topk(wanted, 1).indices
                    for start in range(0, len(image_features), CHUNK)
                ]
            )
            wanted = min(2 * self.nearest, len(image_features))
            self._near_images = torch.cat(
                [
                    (features[start : start + CHUNK] @ image_features.T).topk(wanted, 1).indices
                    for start in range(0, len(features), CHUNK)
                ]
            )
        print(f"mined: {len(self.bank)} texts, {len(image_features)} pictures", flush=True)

    def may_be_true(self, text: int, picture: int) -> bool:
        """Whether everything that the bank's text claims is in the picture."""
        return self.bank_of[picture] == text or self._claims[text] <= self._shows[picture]

    def false_text(self, picture: int, rng: random.Random) -> str:
        """A text of one of the nearest records whose claim is not true of the picture."""
        near = [text for text in self._near_texts[picture].tolist() if not self.may_be_true(text, picture)][
            : self.nearest
        ]
        text = rng.choice(near) if near else self._any_false_text(picture, rng)
        return rng.choice(self.records[rng.choice(self.members[text])].texts())

    def false_image(self, picture: int, rng: random.Random) -> int:
        """One of the pictures nearest to the text of `picture` of which that text is not true."""
        text = self.bank_of[picture]
        near = [other for other in self._near_images[text].tolist() if not self.may_be_true(text, other)][
            : self.nearest
        ]
        if near:
            return rng.choice(near)
        while self.may_be_true(text, other := rng.randrange(len(self.records))):
            pass
        return other

    def _any_false_text(self, picture: int, rng: random.Random) -> int:
        while self.may_be_true(text := rng.randrange(len(self.bank)), picture):
            pass
        return text

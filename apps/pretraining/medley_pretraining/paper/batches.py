"""What one step trains on: pictures as pixels or as cached tokens of frozen blocks, with their texts as word pieces."""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from .augment import augment
from .corpus import Corpus, Pair, normalised
from .lexicon import Lexicon, prepare_caption
from .network import PaperBlip
from .settings import DataSettings

CACHE_BATCH = 64


@dataclass(frozen=True)
class Batch:
    """images: pixels [B, 3, S, S] or tokens [B, P, D]. captions: word pieces without special tokens and without a prompt.
    groups and text_numbers int64 [B]: equal numbers are never negatives of one another."""

    keys: list[str]
    images: Tensor
    captions: list[list[int]]
    groups: Tensor
    text_numbers: Tensor
    pairs: list[Pair]


class Images(Protocol):
    """Pictures by their number in the corpus, for one step; `rng` decides the augmentation."""

    def read(self, pictures: list[int], rng: random.Random) -> Tensor: ...


class PixelImages:
    """Augmented pixels [B, 3, S, S]."""

    def __init__(self, pixels: np.ndarray, size: int, data: DataSettings) -> None:
        self.pixels, self.size, self.data = pixels, size, data

    def read(self, pictures: list[int], rng: random.Random) -> Tensor:
        data = self.data
        made = [
            augment(self.pixels[picture], self.size, rng, data.crop_from, data.mirror, data.random_augment)
            for picture in pictures
        ]
        return normalised(np.stack(made), data.pixel_mean, data.pixel_deviation)


class TokenImages:
    """Tokens [N, P, D] after the frozen blocks, computed once: no augmentation, and one set of tokens for every head."""

    def __init__(self, tokens: Tensor | np.ndarray) -> None:
        self.tokens = tokens

    def read(self, pictures: list[int], rng: random.Random) -> Tensor:
        return torch.as_tensor(self.tokens[pictures]).float()


@torch.no_grad()
def frozen_tokens(model: PaperBlip, pixels: np.ndarray, data: DataSettings, device: torch.device) -> Tensor:
    """float16 [N, P, D] on the CPU: final tokens of the whole vision tower, which is not trained any more."""
    size, plain = (
        model.geometry.image_size,
        dataclasses.replace(data, crop_from=1.0, mirror=False, random_augment=False),
    )
    images, rng, parts = PixelImages(pixels, size, plain), random.Random(0), []
    for start in range(0, len(pixels), CACHE_BATCH):
        rows = list(range(start, min(start + CACHE_BATCH, len(pixels))))
        parts.append(model.image_tokens(images.read(rows, rng).to(device)).half().cpu())
    return torch.cat(parts)


class BatchMaker:
    """Batches of pairs. The augmentation of a step depends on seed and step alone, so a resumed run sees the same pictures."""

    def __init__(
        self,
        corpus: Corpus,
        images: Images,
        lexicon: Lexicon,
        data: DataSettings,
        seed: int,
        device: torch.device,
    ) -> None:
        self.corpus, self.images, self.data, self.seed, self.device = corpus, images, data, seed, device
        numbers: dict[str, int] = {}
        self.captions, text_numbers = [], []
        for pair in corpus.pairs:
            prepared = prepare_caption(pair.text)
            text_numbers.append(numbers.setdefault(prepared, len(numbers)))
            self.captions.append(lexicon.pieces(prepared)[: data.text_tokens - 2])
        self.text_numbers = torch.tensor(text_numbers)
        self.groups = torch.tensor([pair.group for pair in corpus.pairs])

    def make(self, rows: list[int], step: int) -> Batch:
        pairs = [self.corpus.pairs[row] for row in rows]
        images = self.images.read([pair.picture for pair in pairs], random.Random(f"{self.seed} {step}"))
        index = torch.tensor(rows)
        return Batch(
            [pair.key for pair in pairs],
            images.to(self.device),
            [self.captions[row] for row in rows],
            self.groups[index].to(self.device),
            self.text_numbers[index].to(self.device),
            pairs,
        )

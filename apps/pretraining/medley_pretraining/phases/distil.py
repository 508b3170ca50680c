"""Text distillation: [CLS] and projection of the four-layer tower learn MiniLM's sentence embedding."""

from __future__ import annotations

import random

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arithmetic import mixed_precision
from ..model import CLS, Blip
from ..text import by_length, pad
from ..training import MixSampler, Phase, Progress, parameter_groups
from ..workspace import Workspace
from .teacher import Bank, load_bank

COSINE_WEIGHT = 4.0
LENGTH_GROUPS = 2


def text_class_states(model: Blip, sequences: list[list[int]], groups: int = 3) -> Tensor:
    """[CLS] states [B, D] of texts without a picture, computed in groups of like length."""
    parts, order = [], []
    for group in by_length(sequences, groups):
        parts.append(model.encode_text(pad([sequences[index] for index in group], CLS))[:, 0])
        order += group
    back = torch.empty(len(order), dtype=torch.long)
    back[torch.tensor(order)] = torch.arange(len(order))
    return torch.cat(parts)[back]


class TextSampler(MixSampler):
    """Two of five texts stand for a picture, the others are any text."""

    def __init__(self, bank: Bank, rng: random.Random) -> None:
        self.rng, self._sizes = rng, (len(bank.texts), len(bank.extra_texts))

    def draw(self, number: int) -> list[int]:
        main, extra = self._sizes
        return [
            self.rng.randrange(main) if not extra or self.rng.random() < 0.4 else main + self.rng.randrange(extra)
            for _ in range(number)
        ]

    def state(self) -> dict:
        return {}

    def restore(self, state: dict) -> None:
        pass


def distil_text(space: Workspace) -> None:
    recipe, bank, model = space.recipe.distil, load_bank(space), space.start_model()
    texts, targets = bank.texts + bank.extra_texts, torch.cat([bank.embeddings, bank.extra_embeddings])
    with torch.no_grad():
        model.text_proj.weight.copy_(bank.axes)
        model.text_proj.bias.copy_(-(bank.axes @ bank.mean))

    def step(chosen: list[int], progress: Progress) -> tuple[Tensor, dict[str, float]]:
        target = targets[chosen]
        with mixed_precision():
            states = text_class_states(model, [space.wordpieces(texts[index]) for index in chosen], LENGTH_GROUPS)
        features = model.text_features(states.float())
        cosine = (features * target).sum(-1)
        contrast = F.cross_entropy(features @ target.T * recipe.contrast, torch.arange(len(chosen)))
        return COSINE_WEIGHT * (1 - cosine).mean() + contrast, {"cosine": cosine.mean().item()}

    trained = [
        parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and name.startswith(("text_encoder", "text_proj")) and ".crossattention." not in name
    ]
    optimizer = torch.optim.AdamW(
        parameter_groups([([*trained, model.trained_words.rows], recipe.learning_rate)]), weight_decay=0.01
    )
    sampler = TextSampler(bank, random.Random(1))
    Phase(
        "distil",
        model,
        optimizer,
        sampler,
        recipe.batch,
        recipe.samples,
        step,
        space.checkpoint("distil"),
        space.caps.get("distil", float("inf")),
    ).run()

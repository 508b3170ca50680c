"""The image side against locked text: the image's [CLS] picks its text out of the whole bank. Only the last vision blocks learn."""

from __future__ import annotations

import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..training import MixSampler, Phase, Progress, parameter_groups
from ..workspace import Workspace
from .teacher import load_bank


def train_image_side(space: Workspace) -> None:
    recipe, bank, model = space.recipe.image, load_bank(space), space.start_model()
    frozen, blocks = space.tokens("frozen"), space.recipe.model.frozen_vision_blocks
    vision = model.vision_model

    def step(chosen: list[int], progress: Progress) -> tuple[Tensor, dict[str, float]]:
        tokens = torch.from_numpy(frozen[np.array(chosen)].astype(np.float32))
        target = bank.of_picture[chosen]
        with torch.autocast("cpu", torch.bfloat16):
            states = vision.last_blocks(tokens, blocks)[:, 0]
        logits = recipe.scale * model.image_features(states.float()) @ bank.embeddings.T
        loss = F.cross_entropy(logits, target, label_smoothing=recipe.label_smoothing)
        rank = (logits > logits.gather(1, target[:, None])).sum(1)
        return loss, {"top1": (rank == 0).float().mean().item(), "top10": (rank < 10).float().mean().item()}

    layers = list(vision.encoder.layers)[blocks:]
    groups = [
        (layer.parameters(), recipe.learning_rate * recipe.block_decay ** (len(layers) - 1 - index))
        for index, layer in enumerate(layers)
    ]
    groups += [
        (vision.post_layernorm.parameters(), recipe.learning_rate),
        (model.vision_proj.parameters(), recipe.projection_learning_rate),
    ]
    optimizer = torch.optim.AdamW(parameter_groups(groups), weight_decay=0.05, betas=(0.9, 0.98))
    sampler = MixSampler(space.records, recipe.mix, random.Random(2))
    Phase(
        "image",
        model,
        optimizer,
        sampler,
        recipe.batch,
        recipe.samples,
        step,
        space.checkpoint("image"),
        space.caps.get("image", float("inf")),
    ).run()

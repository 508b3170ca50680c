"""The image side against locked text: the image's [CLS] picks its text out of the whole bank. Only the last vision blocks learn.

Matching and captions read the patches, and nothing later changes them. So the patches learn too: those inside a thing of a scene are,
on average, to name that thing, and every patch is to keep where it is (a linear probe that is thrown away reads it off).

For most of the phase a step sees a random half of the patches, which doubles the pictures per minute (FLIP, Li et al., CVPR 2023, section 3).
"""

from __future__ import annotations

import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..arithmetic import mixed_precision
from ..training import MixSampler, Phase, Progress, parameter_groups
from ..workspace import Workspace
from .teacher import load_bank


def patch_centres(grid: int) -> Tensor:
    """[grid², 2] centres (x, y) of the patches, from 0 to 1, row by row."""
    steps = (torch.arange(grid) + 0.5) / grid
    return torch.stack([steps.repeat(grid), steps.repeat_interleave(grid)], 1)


def patches_inside(box: tuple[int, int, int, int], centres: Tensor, size: int) -> Tensor:
    """Weights [patches] that add up to 1: the patches whose centre is in the box (pixels of a picture of `size`), or the nearest one."""
    left, top, right, bottom = (edge / size for edge in box)
    inside = (
        (centres[:, 0] >= left) & (centres[:, 0] <= right) & (centres[:, 1] >= top) & (centres[:, 1] <= bottom)
    ).float()
    if inside.sum() == 0:
        middle = torch.tensor([(left + right) / 2, (top + bottom) / 2])
        inside[(centres - middle).pow(2).sum(1).argmin()] = 1
    return inside / inside.sum()


def draw_patches(batch: int, patches: int, kept: float) -> Tensor:
    """int64 [batch, K]: which K = round(kept · patches) patches each picture keeps, ascending; all of them where `kept` is 1."""
    number = max(1, round(kept * patches))
    return torch.rand(batch, patches).argsort(1)[:, :number].sort(1).values


def train_image_side(space: Workspace) -> None:
    recipe, bank, model = space.recipe.image, load_bank(space), space.start_model()
    frozen, blocks = space.tokens("frozen"), space.recipe.model.frozen_vision_blocks
    vision = model.vision_model
    size = space.recipe.model.image_size
    centres = patch_centres(size // space.recipe.model.patch_size)
    number = {text: index for index, text in enumerate(bank.region_texts)}
    probe = nn.Linear(space.recipe.model.width, 2)

    def step(chosen: list[int], progress: Progress) -> tuple[Tensor, dict[str, float]]:
        tokens = torch.from_numpy(frozen[np.array(chosen)].astype(np.float32))
        share = recipe.kept_patches if progress.fraction < recipe.all_patches_from else 1.0
        kept = draw_patches(len(chosen), len(centres), share)
        tokens = torch.cat([tokens[:, :1], tokens[:, 1:].gather(1, kept[..., None].expand(-1, -1, tokens.shape[2]))], 1)
        target = bank.of_picture[chosen]
        with mixed_precision():
            states = vision.last_blocks(tokens, blocks).float()
        logits = recipe.scale * model.image_features(states[:, 0]) @ bank.embeddings.T
        loss = F.cross_entropy(logits, target, label_smoothing=recipe.label_smoothing)
        rank = (logits > logits.gather(1, target[:, None])).sum(1)
        measured = {"top1": (rank == 0).float().mean().item(), "top10": (rank < 10).float().mean().item()}
        where = F.mse_loss(probe(states[:, 1:]), centres[kept])
        loss, measured["where"] = loss + recipe.place_weight * where, where.item()
        parts = [(row, region) for row, index in enumerate(chosen) for region in space.records[index].regions]
        if parts:
            weights = torch.stack([patches_inside(region[1:], centres[kept[row]], size) for row, region in parts])
            pooled = torch.einsum("rp,rpd->rd", weights, states[[row for row, _ in parts], 1:])
            wanted = torch.tensor([number[region[0]] for _, region in parts])
            named = recipe.scale * model.image_features(pooled) @ bank.region_embeddings.T
            regions = F.cross_entropy(named, wanted, label_smoothing=recipe.label_smoothing)
            loss = loss + recipe.region_weight * regions
            measured["regions"] = (named.argmax(1) == wanted).float().mean().item()
        return loss, measured

    layers = list(vision.encoder.layers)[blocks:]
    groups = [
        (layer.parameters(), recipe.learning_rate * recipe.block_decay ** (len(layers) - 1 - index))
        for index, layer in enumerate(layers)
    ]
    groups += [
        (vision.post_layernorm.parameters(), recipe.learning_rate),
        (model.vision_proj.parameters(), recipe.projection_learning_rate),
        (probe.parameters(), recipe.projection_learning_rate),
    ]
    optimizer = torch.optim.AdamW(parameter_groups(groups), weight_decay=0.05, betas=(0.9, 0.98))

    def restore_probe(state: dict) -> None:
        probe.load_state_dict(state["probe"])

    sampler = MixSampler(space.records, recipe.mix, random.Random(2), skip_fresh=True)
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
        extra_state=lambda: {"probe": probe.state_dict()},
        restore_extra=restore_probe,
    ).run()

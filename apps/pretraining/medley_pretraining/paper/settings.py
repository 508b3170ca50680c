"""Typed view of a TOML configuration. Every number has the paper's value as its default; [cuda.SECTION] overrides it on a GPU."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch

from ..model import Geometry
from .network import SHARINGS, Sharing

TASKS = ("retrieval", "captioning", "capfilt", "vqa")  # capfilt: captioner and filter in one model
PROMPTED_TASKS = ("captioning", "capfilt")
DEVICES = ("auto", "cpu", "cuda")
IMAGE_MEAN = (0.48145466, 0.4578275, 0.40821073)
IMAGE_DEVIATION = (0.26862954, 0.26130258, 0.27577711)


class SettingsError(ValueError):
    """The configuration is wrong; the message names section, key, value and what was expected."""


@dataclass(frozen=True)
class ModelSettings:
    """Defaults are ViT-B/16 with the BERT-base shape at 224 px, as pre-trained in the paper. Fine-tuning that leaves all sizes at their
    defaults takes those of its checkpoint."""

    image_size: int = 224
    patch_size: int = 16
    width: int = 768
    vision_blocks: int = 12
    vision_heads: int = 12
    text_layers: int = 12
    text_heads: int = 12
    projection: int = 256
    sharing: Sharing = "all-but-self-attention"
    dropout: float = 0.1  # of the text towers, behind embeddings and dense layers
    vocabulary: str = "all"  # or "used": only word pieces of the training texts, much faster on a CPU

    def has_default_sizes(self) -> bool:
        return self.geometry(0) == ModelSettings().geometry(0)

    def geometry(self, vocabulary: int) -> Geometry:
        return Geometry(
            self.image_size,
            self.patch_size,
            self.width,
            self.vision_blocks,
            self.vision_heads,
            self.text_layers,
            self.text_heads,
            self.projection,
            vocabulary,
        )


@dataclass(frozen=True)
class DataSettings:
    train: tuple[str, ...] = ()  # shards, folders of shards, CSV, JSONL; relative to the configuration
    tokenizer: str = ""  # vocab.txt or tokenizer.json of bert-base-uncased
    licences: tuple[str, ...] = ()  # accepted ones; empty accepts every named licence
    text_tokens: int = 30
    question_tokens: int = 35
    crop_from: float = 0.2  # RandomResizedCrop's smallest share of the area; 1 crops nothing
    mirror: bool = True
    random_augment: bool = True
    pixel_mean: tuple[float, ...] = IMAGE_MEAN  # those the start checkpoint was trained with
    pixel_deviation: tuple[float, ...] = IMAGE_DEVIATION
    prefix_prompt: bool = True  # captioning and capfilt: "a picture of " before what the decoder says


@dataclass(frozen=True)
class ObjectiveSettings:
    queue: int = 57_600  # a multiple of the batch
    momentum: float = 0.995
    soft_label_weight: float = 0.4
    soft_label_ramp_epochs: float = 2.0
    temperature: float = 0.07
    temperature_rate: float = (
        1.0  # of its learning rate beside the others'; short runs need less, or it falls before features are right
    )
    label_smoothing: float = 0.1
    by_group: bool = False  # retrieval fine-tuning: all of one group are right, negatives by online similarity
    easy_negatives: float = (
        0.0  # share of the run in which matching draws its negatives evenly, before it draws similar ones
    )
    contrast: float = 1.0  # weights of the three losses; the paper's are 1, and 0 leaves one out
    matching: float = 1.0
    language: float = 1.0


@dataclass(frozen=True)
class OptimiserSettings:
    batch: int = 75
    epochs: float = 20.0
    rate: float = 3e-4
    warmup_rate: float = 1e-6
    warmup_steps: int = 3_000
    lowest_rate: float = 1e-6
    schedule: str = "step"  # "step": times `decay` each epoch; "cosine": down to lowest_rate over the run
    decay: float = 0.9
    weight_decay: float = 0.05
    gradient_norm: float = 1.0  # clipped to it; the original does not clip, 0 does not either


@dataclass(frozen=True)
class RunSettings:
    out: str = ""
    seed: int = 42
    checkpoint_steps: int = 500
    log_steps: int = 1
    bfloat16: bool = False  # autocast; [cuda.run] usually sets it
    threads: int = 1  # of a CPU process


@dataclass(frozen=True)
class StartSettings:
    """Fine-tuning: from which checkpoint, and for what. Pre-training has no start: a new model is a new model."""

    task: str = ""
    checkpoint: str = ""
    frozen_vision: bool = False


@dataclass(frozen=True)
class Settings:
    model: ModelSettings = field(default_factory=ModelSettings)
    data: DataSettings = field(default_factory=DataSettings)
    objective: ObjectiveSettings = field(default_factory=ObjectiveSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    run: RunSettings = field(default_factory=RunSettings)
    start: StartSettings = field(default_factory=StartSettings)
    folder: Path = Path()  # of the configuration; paths in it are relative to this

    def path(self, name: str) -> Path:
        return (self.folder / Path(name).expanduser()).resolve()


# What fine-tuning sets where the configuration says nothing (paper Table 14 and the published configurations).
TASK_DEFAULTS: dict[str, dict[str, dict[str, Any]]] = {
    "retrieval": {
        "objective": {"by_group": True, "language": 0.0, "soft_label_ramp_epochs": 1.0},
        "optimiser": {"rate": 1e-5, "epochs": 6.0, "schedule": "cosine", "lowest_rate": 0.0, "warmup_steps": 0},
        "data": {"text_tokens": 35, "crop_from": 0.5},
    },
    "captioning": {
        "objective": {"contrast": 0.0, "matching": 0.0, "queue": 0},
        "optimiser": {"rate": 1e-5, "epochs": 5.0, "schedule": "cosine", "lowest_rate": 0.0, "warmup_steps": 0},
        "data": {"text_tokens": 40, "crop_from": 0.5},
    },
    "capfilt": {  # not in the paper's tables of settings: retrieval with the language loss of pre-training
        "objective": {"by_group": True, "soft_label_ramp_epochs": 1.0},
        "optimiser": {"rate": 1e-5, "epochs": 6.0, "schedule": "cosine", "lowest_rate": 0.0, "warmup_steps": 0},
        "data": {"text_tokens": 40, "crop_from": 0.5},
    },
    "vqa": {
        "objective": {"contrast": 0.0, "matching": 0.0, "queue": 0},
        "optimiser": {"rate": 2e-5, "epochs": 10.0, "schedule": "cosine", "lowest_rate": 0.0, "warmup_steps": 0},
        "data": {"crop_from": 0.5},
        "model": {"sharing": "none"},
    },
}

Section = TypeVar("Section")


def choose_device(name: str) -> torch.device:
    """ "auto" takes the GPU where torch sees one; "cuda" without one is an error and not a slow run on the CPU."""
    if name not in DEVICES:
        raise SettingsError(f'--device is "{name}", expected one of {", ".join(DEVICES)}.')
    if name == "cuda" and not torch.cuda.is_available():
        raise SettingsError(
            "--device is cuda, but torch sees no CUDA device. Use --device cpu, or a CUDA build of torch."
        )
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise SettingsError(f'Configuration "{path}" cannot be read: {error.strerror}.') from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f'Configuration "{path}" is not TOML: {error}.') from error


def load_settings(path: Path, device: torch.device) -> Settings:
    return settings_of(read_toml(path), path, device)


def settings_of(raw: dict[str, Any], path: Path, device: torch.device) -> Settings:
    """Settings for this device: what [cuda.SECTION] says counts on a GPU only. `path` is the configuration that `raw` came from."""
    overrides = raw.get("cuda", {})
    settings = build_settings(
        {name: section for name, section in raw.items() if name != "cuda"}, path.parent, str(path)
    )
    return build_settings(overrides, path.parent, f"{path} [cuda]", settings) if device.type == "cuda" else settings


def merged(*parts: dict[str, Any]) -> dict[str, Any]:
    """Raw sections laid over one another, the later ones on top, key by key."""
    out: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            out[name] = (
                merged(out[name], value) if isinstance(value, dict) and isinstance(out.get(name), dict) else value
            )
    return out


def build_settings(raw: dict[str, Any], folder: Path, name: str, base: Settings | None = None) -> Settings:
    """Sections as TOML gives them -> Settings, on top of `base` (or of the defaults of the task)."""
    sections = {field.name: getattr(base or Settings(), field.name) for field in dataclasses.fields(Settings)}
    del sections["folder"]
    unknown = sorted(set(raw) - set(sections))
    if unknown:
        raise SettingsError(f'"{name}" has the unknown sections {unknown}, expected some of {sorted(sections)}.')
    task = str(raw.get("start", {}).get("task", ""))
    defaults = TASK_DEFAULTS.get(task, {}) if base is None else {}
    for section, value in sections.items():
        changes = {**defaults.get(section, {}), **raw.get(section, {})}
        sections[section] = changed(value, changes, f'"{name}" [{section}]')
    settings = Settings(**sections, folder=folder)
    check_settings(settings, name)
    return settings


def changed(section: Section, changes: dict[str, Any], name: str) -> Section:
    """A copy of one section with some values changed; unknown keys and values of another type are errors."""
    known = {each.name: getattr(section, each.name) for each in dataclasses.fields(section)}  # type: ignore[arg-type]
    for key, value in changes.items():
        if key not in known:
            raise SettingsError(f"{name} has the unknown key {key}, expected some of {sorted(known)}.")
        value = tuple(value) if isinstance(value, list) else value
        value = float(value) if isinstance(known[key], float) and type(value) is int else value
        if type(value) is not type(known[key]):
            raise SettingsError(f"{name}.{key} is {value!r}, expected a {type(known[key]).__name__}.")
        changes = {**changes, key: value}
    return dataclasses.replace(section, **changes)  # type: ignore[type-var]


def check_settings(settings: Settings, name: str) -> None:
    model, objective, optimiser = settings.model, settings.objective, settings.optimiser
    rules = (
        (model.sharing in SHARINGS, f"model.sharing is {model.sharing!r}, expected one of {SHARINGS}"),
        (model.vocabulary in ("all", "used"), f'model.vocabulary is {model.vocabulary!r}, expected "all" or "used"'),
        (
            model.image_size % model.patch_size == 0,
            f"model.image_size {model.image_size} is no multiple of model.patch_size {model.patch_size}",
        ),
        (
            model.width % model.vision_heads == 0 and model.width % model.text_heads == 0,
            f"model.width {model.width} is no multiple of its heads ({model.vision_heads}, {model.text_heads})",
        ),
        (
            optimiser.schedule in ("step", "cosine"),
            f'optimiser.schedule is {optimiser.schedule!r}, expected "step" or "cosine"',
        ),
        (optimiser.batch > 0 and optimiser.epochs > 0, "optimiser.batch and optimiser.epochs must be above 0"),
        (
            objective.queue % optimiser.batch == 0,
            f"objective.queue {objective.queue} is no multiple of optimiser.batch {optimiser.batch}",
        ),
        (0 <= objective.momentum <= 1, f"objective.momentum is {objective.momentum}, expected 0 to 1"),
        (
            settings.start.task in ("", *TASKS),
            f"start.task is {settings.start.task!r}, expected one of {', '.join(TASKS)}",
        ),
    )
    for holds, message in rules:
        if not holds:
            raise SettingsError(f'"{name}": {message}.')

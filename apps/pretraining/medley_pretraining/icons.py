"""What an icon shows, read off its name: "food-apple-outline" is an apple, "file-lock-open" is a sign of an interface."""

from __future__ import annotations

from collections.abc import Set

from .wordnet import singular

_STYLE = frozenset(
    "outline outlined filled fill solid variant alt alternate regular light thin bold duotone simple symbol off on two one".split()
)
_CATEGORIES = frozenset("food building animal brand ios android logo weather nature sport".split())
_INTERFACE = frozenset(
    (
        "account user file files folder arrow arrows chevron plus minus check checked cancel remove add lock locked unlock open alert "
        "warning cog box square circle rounded circular up down left right top bottom sync refresh search edit question exclamation pause play "
        "stop database format text align border layout table column row grid view list menu sort filter link code brackets bracket letter number math currency dollar "
        "euro yen pound bitcoin cursor pointer eye-off slash ban heart star info settings config upload download import export clock marker pin "
        "map location share network wifi bluetooth signal server cloud api git github google microsoft apple facebook device cast control action "
        "status badge sensor percent volume battery x a b c and in of to with no not half full empty low high medium"
    ).split()
)


def icon_name(icon: str, known: Set[str]) -> str | None:
    """`icon`: a name in an icon set, words joined by hyphens; `known`: nouns that name things. -> one to three words of which the last is
    known, in the singular; None for signs and abstract ideas."""
    words = icon.lower().split("-")
    while len(words) > 1 and words[-1] in _STYLE:
        words.pop()
    while len(words) > 1 and words[0] in _CATEGORIES:
        words.pop(0)
    if not 1 <= len(words) <= 3 or (len(words) > 1 and not _INTERFACE.isdisjoint(words)):
        return None
    last = singular(words[-1], known)
    return " ".join([*words[:-1], last]) if last else None

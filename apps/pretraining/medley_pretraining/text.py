"""Texts as word-piece ids: a cached tokenizer, padding, and grouping by length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from .model import SEP

LONGEST_TEXT = 28  # word pieces without the special ones; the longest composed caption has 26
PROMPT = "a picture of"


class Wordpieces:
    """bert-base-uncased word pieces without special tokens, remembered per text."""

    def __init__(self, tokenizer_file: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._known: dict[str, list[int]] = {}

    def __call__(self, text: str) -> list[int]:
        ids = self._known.get(text)
        if ids is None:
            ids = self._known[text] = self._tokenizer.encode(text, add_special_tokens=False).ids[:LONGEST_TEXT]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode(list(ids))

    def ids_of(self, texts: Iterable[str]) -> list[int]:
        """Every id that occurs in these texts, ascending."""
        return sorted({token for text in texts for token in self(text)})


def pad(sequences: Sequence[Sequence[int]], first: int, close: bool = True) -> Tensor:
    """int64 [B, T]: `first`, the ids, [SEP] if `close`, then padding on the right."""
    length = max(map(len, sequences)) + 1 + close
    rows = [[first, *ids, *([SEP] if close else [])] for ids in sequences]
    return torch.tensor([row + [0] * (length - len(row)) for row in rows])


def by_length(sequences: Sequence[Sequence[int]], groups: int) -> list[list[int]]:
    """Indices in `groups` parts of like length, so that little of a batch is padding."""
    order = sorted(range(len(sequences)), key=lambda index: len(sequences[index]))
    size = -(-len(order) // groups)
    return [order[start : start + size] for start in range(0, len(order), size)]

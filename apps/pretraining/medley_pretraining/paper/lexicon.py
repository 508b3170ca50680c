"""Texts as word-piece ids, over all of BERT's vocabulary or only over the word pieces that a data set uses.

A model of a few thousand word pieces trains several times faster on a CPU, since the softmax of the decoder runs over all of them. Ids
inside a model are positions in `bert_ids`, which ascend, so padding is 0 either way and the whole vocabulary is the identity.
Clean-up follows BLIP data/utils.py (pre_caption, pre_question); token limits are the callers' (30 in pre-training, section 3.4).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.implementations import BertWordPieceTokenizer
from torch import Tensor

from ..model import CLS, DEC, ENC, PAD, SEP, VOCABULARY
from .samples import DataError

UNKNOWN = 100
SPECIAL = (PAD, UNKNOWN, CLS, SEP, DEC, ENC)
MOST_WORDS = 30  # of a caption
MOST_QUESTION_WORDS = 50
PROMPT = "a picture of "


def prepare_caption(text: str, most_words: int = MOST_WORDS) -> str:
    """Lower case, ten punctuation marks become a space, runs of spaces one, at most `most_words` words."""
    spaced = re.sub(r"([.!\"()*#:;~])", " ", text.lower())
    return " ".join(re.sub(r"\s{2,}", " ", spaced).rstrip("\n").strip(" ").split(" ")[:most_words])


def prepare_question(text: str) -> str:
    """Lower case, the ten marks deleted; "?" stays."""
    return " ".join(re.sub(r"([.!\"()*#:;~])", "", text.lower()).rstrip(" ").split(" ")[:MOST_QUESTION_WORDS])


def load_tokenizer(path: Path) -> Tokenizer:
    """A tokenizer.json, or a vocab.txt of bert-base-uncased."""
    if not path.exists():
        raise DataError(
            f'Tokenizer "{path}" does not exist. Expected the vocab.txt or tokenizer.json of bert-base-uncased.'
        )
    if path.suffix == ".json":
        tokenizer = Tokenizer.from_file(str(path))
    else:
        tokenizer = BertWordPieceTokenizer(str(path), lowercase=True)._tokenizer
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


class Lexicon:
    """Word pieces without special tokens, remembered per text. `unknown` counts pieces outside the vocabulary, which become [UNK]."""

    def __init__(self, tokenizer: Tokenizer, bert_ids: Sequence[int] | None = None) -> None:
        self._tokenizer = tokenizer
        self.bert_ids = sorted({*SPECIAL, *bert_ids}) if bert_ids is not None else list(range(VOCABULARY))
        self._position = {token: position for position, token in enumerate(self.bert_ids)}
        self.cls, self.sep, self.dec, self.enc = (self._position[token] for token in (CLS, SEP, DEC, ENC))
        self.unknown = 0
        self._known: dict[str, list[int]] = {}

    @staticmethod
    def of_texts(tokenizer: Tokenizer, texts: Iterable[str]) -> Lexicon:
        """Exactly the word pieces of these texts, cleaned as captions, and of the prompt."""
        prepared = [prepare_caption(text) for text in (*texts, PROMPT)]
        encoded = tokenizer.encode_batch(list(dict.fromkeys(prepared)), add_special_tokens=False)
        return Lexicon(tokenizer, sorted({token for each in encoded for token in each.ids}))

    def __len__(self) -> int:
        return len(self.bert_ids)

    def pieces(self, text: str) -> list[int]:
        """Ids of an already prepared text, at any length."""
        ids = self._known.get(text)
        if ids is None:
            found = self._tokenizer.encode(text, add_special_tokens=False).ids
            self.unknown += sum(token not in self._position for token in found)
            ids = self._known[text] = [self._position.get(token, self._position[UNKNOWN]) for token in found]
        return ids

    def caption(self, text: str, most_tokens: int) -> list[int]:
        """Pieces of a caption, so many that with the first token and [SEP] there are at most `most_tokens`."""
        return self.pieces(prepare_caption(text))[: most_tokens - 2]

    def question(self, text: str, most_tokens: int) -> list[int]:
        return self.pieces(prepare_question(text))[: most_tokens - 2]

    def decode(self, ids: Iterable[int]) -> str:
        """Text without special tokens."""
        return self._tokenizer.decode([self.bert_ids[token] for token in ids if self.bert_ids[token] not in SPECIAL])


def padded(sequences: Sequence[Sequence[int]], first: int, last: int) -> Tensor:
    """int64 [B, T]: `first`, the ids, `last`, then padding on the right."""
    length = max(map(len, sequences)) + 2
    return torch.tensor([[first, *ids, last] + [PAD] * (length - len(ids) - 2) for ids in sequences])

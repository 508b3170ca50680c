"""Captions and answers: nucleus sampling and beam search as the paper's code generated them (BLIP models/blip.py:127-169).

N rows, V word pieces. Lengths count the prefix ([DEC] and the prompt), as in transformers 4.15. [SEP] ends a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from ..model import PAD, KeyValue
from .lexicon import Lexicon
from .network import PaperBlip, next_states, rows_of

NOTHING = float("-inf")


@dataclass(frozen=True)
class Decoding:
    """How a text is chosen. nucleus: the `top_k` likeliest words, of them the fewest that hold `top_p`; beam: `beams` texts side by side."""

    method: Literal["nucleus", "beam"] = "nucleus"
    beams: int = 3
    top_k: int = 50
    top_p: float = 0.9
    repetition_penalty: float = 1.1  # nucleus only, as in the original
    longest: int = 20
    shortest: int = 5

    def describe(self) -> str:
        lengths = f"length {self.shortest} to {self.longest}"
        if self.method == "beam":
            return f"beam {self.beams}, {lengths}"
        return f"nucleus p {self.top_p}, k {self.top_k}, repetition penalty {self.repetition_penalty}, {lengths}"


class Speaker:
    """The decoder of one model over one batch of image tokens or question states."""

    def __init__(self, model: PaperBlip, lexicon: Lexicon) -> None:
        self.model, self.lexicon = model, lexicon
        never = [position for position, token in enumerate(lexicon.bert_ids) if token in (PAD, 100, 101, 30522, 30523)]
        self.never = torch.tensor(never)

    @torch.no_grad()
    def nucleus(
        self, cross: list[KeyValue], prefix: Sequence[int], decoding: Decoding, generator: torch.Generator
    ) -> list[str]:
        rows, device = len(cross[0][0]), cross[0][0].device
        ids = torch.tensor([[self.lexicon.dec, *prefix]] * rows, device=device)
        past: list[KeyValue] = []
        logits = self._read(ids, cross, past)
        ended = torch.zeros(rows, dtype=torch.bool, device=device)
        while ids.shape[1] < decoding.longest:
            logits = penalised(logits, ids, decoding.repetition_penalty)
            if ids.shape[1] < decoding.shortest:
                logits[:, self.lexicon.sep] = NOTHING
            shares = torch.softmax(kept_words(logits, decoding.top_k, decoding.top_p), 1)
            word = torch.multinomial(shares.cpu(), 1, generator=generator)[:, 0].to(device)
            word = word.masked_fill(ended, self.lexicon.sep)
            ids = torch.cat([ids, word[:, None]], 1)
            ended |= word == self.lexicon.sep
            if bool(ended.all()):
                break
            logits = self._step(word, cross, past)
        return [self._text(row[1 + len(prefix) :]) for row in ids.tolist()]

    @torch.no_grad()
    def beam(self, cross: list[KeyValue], prefix: Sequence[int], decoding: Decoding) -> list[str]:
        """Candidates best first; one that ends counts only among the best `beams`; scores are Σ log p / length (prefix counted, end not)."""
        rows, beams, device = len(cross[0][0]), decoding.beams, cross[0][0].device
        cross = rows_of(cross, torch.arange(rows, device=device).repeat_interleave(beams))
        ids = torch.tensor([[self.lexicon.dec, *prefix]] * (rows * beams), device=device)
        past: list[KeyValue] = []
        logits = self._read(ids, cross, past)
        running = torch.full((rows, beams), -1e9, device=device)
        running[:, 0] = 0
        finished = [_Finished(beams) for _ in range(rows)]
        while True:
            length = ids.shape[1]
            scores = torch.log_softmax(logits, 1)
            if length < decoding.shortest:
                scores[:, self.lexicon.sep] = NOTHING
            words = scores.shape[1]
            best = (running.view(-1, 1) + scores).view(rows, beams * words).topk(2 * beams, 1)
            chosen = self._choose(best.values.tolist(), best.indices.tolist(), ids.tolist(), words, finished)
            running = torch.tensor([[score for score, _, _ in row] for row in chosen], device=device)
            origin = torch.tensor(
                [row * beams + beam for row, each in enumerate(chosen) for _, beam, _ in each], device=device
            )
            newest = torch.tensor([word for each in chosen for _, _, word in each], device=device)
            ids = torch.cat([ids[origin], newest[:, None]], 1)
            if ids.shape[1] >= decoding.longest or all(each.done for each in finished):
                break
            past[:] = rows_of(past, origin)
            logits = self._step(newest, cross, past)
        for row, each in enumerate(finished):
            if not each.done:
                for beam in range(beams):
                    each.add(running[row, beam].item(), ids[row * beams + beam].tolist())
        return [self._text(each.best()[1 + len(prefix) :]) for each in finished]

    def _choose(
        self, values, indices, ids, words: int, finished: list[_Finished]
    ) -> list[list[tuple[float, int, int]]]:
        """Of the 2·beams candidates of every row the `beams` that go on, as (score, beam, word); ended ones are stored."""
        out = []
        for row, done in enumerate(finished):
            beams = done.beams
            following: list[tuple[float, int, int]] = []
            for rank, (score, index) in enumerate(zip(values[row], indices[row], strict=True)):
                beam, word = divmod(index, words)
                if word == self.lexicon.sep:
                    if rank < beams and not done.done:
                        done.add(score, ids[row * beams + beam])
                elif len(following) < beams:
                    following.append((score, beam, word))
            done.close(values[row][0], len(ids[row * beams]))
            out.append(following)
        return out

    def _read(self, ids: Tensor, cross: list[KeyValue], past: list[KeyValue]) -> Tensor:
        """Logits behind a prefix."""
        for position in range(ids.shape[1]):
            logits = self._step(ids[:, position], cross, past)
        return logits

    def _step(self, newest: Tensor, cross: list[KeyValue], past: list[KeyValue]) -> Tensor:
        states = next_states(self.model.text_decoder.bert, newest, cross, past)
        logits = self.model.decoded_logits(states).float()
        logits[:, self.never.to(logits.device)] = NOTHING
        return logits

    def _text(self, ids: list[int]) -> str:
        end = ids.index(self.lexicon.sep) if self.lexicon.sep in ids else len(ids)
        return self.lexicon.decode(ids[:end])


@dataclass
class _Finished:
    """The best ended texts of one row."""

    beams: int
    texts: list[tuple[float, list[int]]] = field(default_factory=list)
    done: bool = False

    def add(self, total: float, ids: list[int]) -> None:
        self.texts.append((total / len(ids), ids))
        self.texts.sort(key=lambda each: each[0], reverse=True)
        del self.texts[self.beams :]

    def close(self, best_running: float, length: int) -> None:
        self.done = self.done or (len(self.texts) >= self.beams and self.texts[-1][0] >= best_running / length)

    def best(self) -> list[int]:
        return self.texts[0][1]


def penalised(logits: Tensor, ids: Tensor, penalty: float) -> Tensor:
    """Words that stand in ids [N, T] already become less likely: negative logits times, positive ones by the penalty."""
    said = logits.gather(1, ids)
    return logits.scatter(1, ids, torch.where(said < 0, said * penalty, said / penalty))


def kept_words(logits: Tensor, top_k: int, top_p: float) -> Tensor:
    """Logits [N, V] with -inf for all but the top_k, and of those all but the smallest set that holds more than top_p, including the word
    that crosses it."""
    best, order = logits.topk(min(top_k, logits.shape[1]), 1)
    before = torch.softmax(best, 1).cumsum(1) - torch.softmax(best, 1)
    best = best.masked_fill(before > top_p, NOTHING)
    return torch.full_like(logits, NOTHING).scatter(1, order, best)

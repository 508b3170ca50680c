"""A trained model over one split: image tokens and features computed once, text features, match logits, captions, answers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .model import DEC, ENC, SEP, Blip, KeyValue
from .phases.distil import text_class_states
from .phases.grounding import take
from .recipe import ModelRecipe
from .text import PROMPT, Wordpieces, by_length, pad
from .training import load_model
from .workspace import geometry_of, normalise_pixels

BATCH = 64
LONGEST_CAPTION, LONGEST_ANSWER = 16, 6  # new word pieces


def load_exported(folder: Path, recipe: ModelRecipe) -> Blip:
    """Our model with the weights of an exported folder, in fp32."""
    model = Blip(geometry_of(recipe))
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    load_model(model, {name: tensor.float() for name, tensor in state.items()})
    return model.eval()


class Scorer:
    def __init__(
        self, model: Blip, wordpieces: Wordpieces, pixels: np.ndarray, recipe: ModelRecipe, bfloat16: bool = False
    ) -> None:
        self.model, self.wordpieces, self.bfloat16 = model, wordpieces, bfloat16
        parts = []
        with torch.inference_mode(), self._precision():
            for start in range(0, len(pixels), BATCH):
                parts.append(
                    model.vision_model(normalise_pixels(pixels[start : start + BATCH], recipe)).to(torch.float16)
                )
        self.tokens = torch.cat(parts)  # float16 [N, P, D]
        with torch.inference_mode():
            self.features = model.image_features(self.tokens[:, 0].float())

    def _precision(self):
        return torch.autocast("cpu", torch.bfloat16) if self.bfloat16 else nullcontext()

    @torch.inference_mode()
    def text_features(self, texts: Sequence[str]) -> Tensor:
        """float [N, E], unit vectors."""
        with self._precision():
            return torch.cat(
                [
                    self.model.text_features(
                        text_class_states(
                            self.model, [self.wordpieces(text) for text in texts[start : start + 4 * BATCH]]
                        ).float()
                    )
                    for start in range(0, len(texts), 4 * BATCH)
                ]
            ).float()

    @torch.inference_mode()
    def match_logits(self, pictures: Sequence[int], texts: Sequence[str]) -> Tensor:
        """Raw match logit itm[:, 1] of every (picture, text) pair, float [N]. Pairs of one picture should stand together."""
        logits = []
        for start in range(0, len(texts), 4 * BATCH):
            chunk = list(pictures[start : start + 4 * BATCH])
            sequences = [self.wordpieces(text) for text in texts[start : start + 4 * BATCH]]
            unique = sorted(set(chunk))
            row_of = {picture: row for row, picture in enumerate(unique)}
            part = torch.empty(len(chunk))
            with self._precision():
                key_values = self.model.cross_key_values(self.tokens[unique].float())
                for group in by_length(sequences, 3):
                    hidden = self.model.encode_text(
                        pad([sequences[index] for index in group], ENC),
                        take(key_values, [row_of[chunk[index]] for index in group]),
                    )
                    part[torch.tensor(group)] = self.model.itm_head(hidden[:, 0])[:, 1].float()
            logits.append(part)
        return torch.cat(logits)

    def captions(self, pictures: Sequence[int]) -> list[str]:
        """Greedy, behind the prompt."""
        out = []
        for start in range(0, len(pictures), BATCH):
            with torch.inference_mode(), self._precision():
                key_values = self.model.decoder_key_values(self.tokens[list(pictures[start : start + BATCH])].float())
                out += self._continue(key_values, self.wordpieces(PROMPT), LONGEST_CAPTION)
        return out

    def answers(self, pictures: Sequence[int], questions: Sequence[str]) -> list[str]:
        """Greedy. Questions are grouped by their exact length, since question states are attended to without a mask."""
        lengths: dict[int, list[int]] = {}
        for index, question in enumerate(questions):
            lengths.setdefault(len(self.wordpieces(question)), []).append(index)
        out = [""] * len(questions)
        for same in lengths.values():
            for start in range(0, len(same), BATCH):
                part = same[start : start + BATCH]
                with torch.inference_mode(), self._precision():
                    cross = self.model.cross_key_values(self.tokens[[pictures[index] for index in part]].float())
                    states = self.model.encode_text(
                        pad([self.wordpieces(questions[index]) for index in part], ENC), cross
                    )
                    for index, answer in zip(
                        part, self._continue(self.model.decoder_key_values(states), [], LONGEST_ANSWER), strict=True
                    ):
                        out[index] = answer
        return out

    def _continue(self, key_values: list[KeyValue], prefix: list[int], longest: int) -> list[str]:
        rows = len(key_values[0][0])
        ids = torch.tensor([[DEC, *prefix]] * rows)
        ended = torch.zeros(rows, dtype=torch.bool)
        for _ in range(longest):
            word = self.model.word_logits(self.model.decode_text(ids, key_values)[:, -1]).argmax(1)
            ids = torch.cat([ids, word.masked_fill(ended, SEP)[:, None]], 1)
            ended |= word == SEP
            if bool(ended.all()):
                break
        return [
            self.wordpieces.decode([token for token in row[1 + len(prefix) :] if token != SEP]) for row in ids.tolist()
        ]

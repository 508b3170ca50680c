"""The text start: four layers of MiniLM-L6 for encoder and decoder, and all six as the teacher of sentence embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from .model import CLS, PAD, Blip, Geometry, TextModel
from .text import Wordpieces, pad

_LAYER_PARTS = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
)


def read_minilm(folder: Path) -> dict[str, Tensor]:
    return {
        name.removeprefix("bert."): value.float()
        for name, value in load_file(str(folder / "model.safetensors")).items()
    }


@torch.no_grad()
def load_text_start(model: Blip, minilm: dict[str, Tensor], layers: Sequence[int]) -> None:
    """Fills encoder and decoder with the named layers of MiniLM. [DEC] and [ENC] start as copies of [CLS]; the token-type row, which
    BLIP does not have, is added to the positions. Cross-attention and heads stay random (small)."""
    _load_embeddings(model.text_encoder, minilm)
    for index, layer in enumerate(layers):
        for stack in (model.text_encoder, model.text_decoder.bert):
            _load_layer(stack, index, minilm, layer)
        cross = model.text_encoder.encoder.layer[index].crossattention
        for linear, spread in (
            (cross.self.query, 0.03),
            (cross.self.key, 0.03),
            (cross.self.value, 0.03),
            (cross.output.dense, 0.02),
        ):
            linear.weight.normal_(0, spread)
            linear.bias.zero_()
    transform = model.text_decoder.cls.predictions.transform
    transform.dense.weight.copy_(
        torch.eye(len(transform.dense.weight)) + 0.02 * torch.randn_like(transform.dense.weight)
    )
    transform.dense.bias.zero_()


@torch.no_grad()
def _load_embeddings(text: TextModel, minilm: dict[str, Tensor]) -> None:
    words = minilm["embeddings.word_embeddings.weight"]
    text.embeddings.word_embeddings.weight.copy_(
        torch.cat([words, words[CLS : CLS + 1], words[CLS : CLS + 1]])[: text.embeddings.word_embeddings.num_embeddings]
    )
    text.embeddings.position_embeddings.weight.copy_(
        minilm["embeddings.position_embeddings.weight"] + minilm["embeddings.token_type_embeddings.weight"][:1]
    )
    text.embeddings.LayerNorm.load_state_dict(
        {kind: minilm[f"embeddings.LayerNorm.{kind}"] for kind in ("weight", "bias")}
    )


def _load_layer(text: TextModel, index: int, minilm: dict[str, Tensor], layer: int) -> None:
    target = text.encoder.layer[index]
    for part in _LAYER_PARTS:
        target.get_submodule(part).load_state_dict(
            {kind: minilm[f"encoder.layer.{layer}.{part}.{kind}"] for kind in ("weight", "bias")}
        )


class SentenceTeacher:
    """MiniLM with all its layers: mean of the last hidden states over the words of a text, L2-normalised."""

    def __init__(self, minilm: dict[str, Tensor], geometry: Geometry) -> None:
        layers = 1 + max(int(name.split(".")[2]) for name in minilm if name.startswith("encoder.layer."))
        self._text = TextModel(
            Geometry(
                width=geometry.width, text_layers=layers, text_heads=geometry.text_heads, vocabulary=geometry.vocabulary
            )
        )
        _load_embeddings(self._text, minilm)
        for layer in range(layers):
            _load_layer(self._text, layer, minilm, layer)
        self._text.eval()

    @torch.inference_mode()
    def embed(self, texts: Sequence[str], wordpieces: Wordpieces, batch: int = 64) -> Tensor:
        """float [N, D]; texts are best sorted by length."""
        parts = []
        for start in range(0, len(texts), batch):
            ids = pad([wordpieces(text) for text in texts[start : start + batch]], CLS)
            real = (ids != PAD)[..., None].float()
            hidden = self._text(F.embedding(ids, self._text.embeddings.word_embeddings.weight), ids)
            parts.append((hidden * real).sum(1) / real.sum(1))
        return F.normalize(torch.cat(parts), dim=-1).clone()


def principal_axes(embeddings: Tensor, axes: int, sample: int, seed: int) -> tuple[Tensor, Tensor]:
    """Mean [D] and the first principal axes [axes, D] of (a sample of) unit vectors. The order of the input must be fixed
    by the caller: another order gives another basis."""
    chosen = torch.randperm(len(embeddings), generator=torch.Generator().manual_seed(seed))[:sample]
    mean = embeddings.mean(0)
    return mean, torch.linalg.svd(embeddings[chosen] - mean, full_matrices=False)[2][:axes]

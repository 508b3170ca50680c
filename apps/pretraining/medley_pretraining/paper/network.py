"""BLIP as it is pre-trained: one vision pass, text towers that share what `sharing` says, initialised from nothing.

Modules and names are those of `model.py`, so every state dict is the Hugging Face layout. Written anew here: the forward pass of the text
towers, with padding masks in cross-attention (VQA), dropout, and without a device of its own, so that it runs on CUDA.
Shapes: B pictures, N texts, P image tokens, T text tokens, D width, V word pieces. Sources: BLIP models/med.py, models/blip_pretrain.py, Table 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..model import PAD, Blip, Geometry, KeyValue, TextAttentionOutput, TextModel, VisionModel, attend

Sharing = Literal["all", "all-but-self-attention", "none"]
SHARINGS: tuple[Sharing, ...] = ("all", "all-but-self-attention", "none")
INITIAL_DEVIATION, INITIAL_WIDTH = 0.02, 768  # BERT's and ViT's at their width


class PaperBlip(Blip):
    """`Blip` with a choice of what encoder and decoder share. Shared parameters are the same objects, in memory and in the saved file."""

    def __init__(self, geometry: Geometry, sharing: Sharing = "all-but-self-attention", dropout: float = 0.0) -> None:
        super().__init__(geometry)
        self.sharing, self.dropout = sharing, dropout
        if sharing == "all":
            for decoder, encoder in zip(
                self.text_decoder.bert.encoder.layer, self.text_encoder.encoder.layer, strict=True
            ):
                decoder.attention = encoder.attention
        elif sharing == "none":
            self.text_decoder.bert = TextModel(geometry, causal=True)
        self._initialise()

    @torch.no_grad()
    def _initialise(self) -> None:
        """Normal of 0.02 for matrices and embeddings, zero biases: BERT's and ViT's rule. Matrices of a narrower model are drawn wider, so
        that they keep the gain of the wide one; with 0.02 at width 128, matching stays at chance. Draws from torch's generator."""
        matrices = INITIAL_DEVIATION * (INITIAL_WIDTH / self.geometry.width) ** 0.5
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.Embedding):
                module.weight.normal_(0, INITIAL_DEVIATION if isinstance(module, nn.Embedding) else matrices)
                if getattr(module, "bias", None) is not None:
                    module.bias.zero_()
        for parameter in (
            self.vision_model.embeddings.class_embedding,
            self.vision_model.embeddings.position_embedding,
        ):
            parameter.normal_(0, INITIAL_DEVIATION)

    def image_tokens(self, images: Tensor, frozen_blocks: int = 0) -> Tensor:
        return vision_tokens(self.vision_model, images, frozen_blocks)

    def encoder_cross(self, tokens: Tensor) -> list[KeyValue]:
        return cross_key_values(self.text_encoder, tokens)

    def decoder_cross(self, tokens: Tensor, encoder_cross: list[KeyValue] | None = None) -> list[KeyValue]:
        """Keys and values for the decoder; those of the encoder are taken over where they are the same."""
        if encoder_cross is not None and self.sharing != "none":
            return encoder_cross
        return cross_key_values(self.text_decoder.bert, tokens)

    def encode(self, ids: Tensor, cross: Sequence[KeyValue] | None = None) -> Tensor:
        """ids [N, T] from [CLS] (text alone) or [ENC] (with `cross`) -> [N, T, D]."""
        return text_states(self.text_encoder, ids, cross, None, self._drop)

    def decode(self, ids: Tensor, cross: Sequence[KeyValue], cross_mask: Tensor | None = None) -> Tensor:
        """ids [N, T] from [DEC] -> [N, T, D]; cross_mask bool [N, P] is True where attended."""
        return text_states(self.text_decoder.bert, ids, cross, cross_mask, self._drop)

    def decoded_logits(self, states: Tensor) -> Tensor:
        """[N, D] -> [N, V]. The output matrix is the decoder's word embedding."""
        predictions = self.text_decoder.cls.predictions
        return (
            predictions.transform(states) @ self.text_decoder.bert.embeddings.word_embeddings.weight.T
            + predictions.bias
        )

    def _drop(self, states: Tensor) -> Tensor:
        return F.dropout(states, self.dropout, self.training) if self.dropout else states


def vision_tokens(vision: VisionModel, images: Tensor, frozen_blocks: int = 0) -> Tensor:
    """Final tokens [B, P, D] of pixels [B, 3, S, S], or of tokens [B, P, D] that stopped after `frozen_blocks`. With all blocks frozen,
    tokens are final already."""
    if images.dim() == 4:
        return vision(images)
    return images if frozen_blocks == len(vision.encoder.layers) else vision.last_blocks(images, frozen_blocks)


def cross_key_values(tower: TextModel, tokens: Tensor) -> list[KeyValue]:
    """Per layer, keys and values [B, P, D] of image tokens or question states."""
    return [layer.crossattention.key_value(tokens) for layer in tower.encoder.layer]


def rows_of(key_values: Sequence[KeyValue], rows: Tensor) -> list[KeyValue]:
    return [(key.index_select(0, rows), value.index_select(0, rows)) for key, value in key_values]


def text_states(
    tower: TextModel, ids: Tensor, cross: Sequence[KeyValue] | None, cross_mask: Tensor | None, drop
) -> Tensor:
    """Hidden states [N, T, D] of one tower; without `cross` its cross-attention is left out, as in BLIP's text mode."""
    length = ids.shape[1]
    mask = (ids != PAD)[:, None, None]  # [N, 1, 1, T]
    if tower.causal:
        square = torch.ones(length, length, dtype=torch.bool, device=ids.device)
        # The diagonal stays open: a padded query attends to itself and gives no NaN.
        mask = (mask & square.tril()) | torch.eye(length, dtype=torch.bool, device=ids.device)
    over = None if cross_mask is None else cross_mask[:, None, None]
    embeddings = tower.embeddings
    words = F.embedding(ids, embeddings.word_embeddings.weight)
    states = drop(embeddings.LayerNorm(words + embeddings.position_embeddings.weight[:length]))
    for index, layer in enumerate(tower.encoder.layer):
        states = _attended(layer.attention, states, layer.attention.key_value(states), mask, drop)
        if cross is not None:
            states = _attended(layer.crossattention, states, cross[index], over, drop)
        states = _closed(layer.output, layer.intermediate(states), states, drop)
    return states


def _attended(attention, states: Tensor, key_value: KeyValue, mask: Tensor | None, drop) -> Tensor:
    mixed = attend(attention.self.query(states), *key_value, attention.heads, mask)
    return _closed(attention.output, mixed, states, drop)


def _closed(tail: TextAttentionOutput, inner: Tensor, residual: Tensor, drop) -> Tensor:
    return tail.LayerNorm(residual + drop(tail.dense(inner)))


def next_states(
    tower: TextModel, newest: Tensor, cross: Sequence[KeyValue], past: list[KeyValue], cross_mask: Tensor | None = None
) -> Tensor:
    """One step of generation: newest ids [N] -> states [N, D]. `past` (one entry per layer, or empty) grows by this step."""
    position = past[0][0].shape[1] if past else 0
    embeddings = tower.embeddings
    words = F.embedding(newest, embeddings.word_embeddings.weight)
    states = embeddings.LayerNorm(words + embeddings.position_embeddings.weight[position])[:, None]  # [N, 1, D]
    over = None if cross_mask is None else cross_mask[:, None, None]

    def drop(unchanged: Tensor) -> Tensor:
        return unchanged

    for index, layer in enumerate(tower.encoder.layer):
        key, value = layer.attention.key_value(states)
        if position:
            key, value = torch.cat([past[index][0], key], 1), torch.cat([past[index][1], value], 1)
            past[index] = (key, value)
        else:
            past.append((key, value))
        states = _attended(layer.attention, states, (key, value), None, drop)
        states = _attended(layer.crossattention, states, cross[index], over, drop)
        states = _closed(layer.output, layer.intermediate(states), states, drop)
    return states[:, 0]

"""A small BLIP in plain torch whose state dict is the Hugging Face layout.

Module names follow transformers' modeling_blip.py and modeling_blip_text.py. Encoder and decoder share every module but
self-attention: the decoder holds the same module objects, so a state dict lists shared tensors under both names with one storage.
`decouple` gives the decoder cross-attention of its own, so that captioner and filter can be fine-tuned apart (section 4.2 of the paper).
Shapes: B pictures or texts, P image tokens (65 at 112 px: [CLS] first), T text tokens, D width (384), H heads.
Reference: BLIP models/med.py, models/vit.py, models/blip_pretrain.py (tie_encoder_decoder_weights).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PAD, CLS, SEP, DEC, ENC = 0, 101, 102, 30522, 30523
VOCABULARY = 30524  # the 30,522 pieces of BERT, [DEC] and [ENC]
POSITIONS = 512
VISION_EPS, TEXT_EPS = 1e-6, 1e-12

KeyValue = tuple[Tensor, Tensor]  # cross-attention keys and values of one layer, each [B, P, D]


@dataclass(frozen=True)
class Geometry:
    """Sizes of the model; `tiny()` is the one of the tests."""

    image_size: int = 112
    patch_size: int = 14
    width: int = 384
    vision_blocks: int = 10
    vision_heads: int = 6
    text_layers: int = 4
    text_heads: int = 12
    projection: int = 256
    vocabulary: int = VOCABULARY

    @property
    def tokens(self) -> int:
        return (self.image_size // self.patch_size) ** 2 + 1

    @staticmethod
    def tiny() -> Geometry:
        return Geometry(
            image_size=28, width=24, vision_blocks=3, vision_heads=2, text_layers=2, text_heads=2, projection=8
        )


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int, mask: Tensor | None = None) -> Tensor:
    """Multi-head attention. query [B, T, D], key and value [B, P, D]; mask bool, True where attended, broadcastable to [B, H, T, P].

    Written out: the backward pass of torch's fused CPU attention is 4 to 15 times slower at these sizes (bf16, one thread, torch 2.13:
    77 against 20 ms for 64 pictures of 65 tokens, 20 against 1.4 ms for 32 texts of 12).
    """

    def split(x: Tensor) -> Tensor:
        return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)  # [B, H, T, D/H]

    query, key, value = split(query), split(key), split(value)
    weights = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)  # [B, H, T, P]
    if mask is not None:
        weights = weights.masked_fill(~mask, float("-inf"))
    mixed = weights.softmax(-1, dtype=torch.float32).to(value.dtype) @ value
    return mixed.transpose(1, 2).flatten(2)


class VisionEmbeddings(nn.Module):
    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.class_embedding = nn.Parameter(torch.zeros(1, 1, geometry.width))
        self.position_embedding = nn.Parameter(torch.zeros(1, geometry.tokens, geometry.width))
        self.patch_embedding = nn.Conv2d(3, geometry.width, geometry.patch_size, geometry.patch_size)

    def forward(self, pixels: Tensor) -> Tensor:
        patches = self.patch_embedding(pixels).flatten(2).transpose(1, 2)  # [B, P-1, D]
        return (
            torch.cat([self.class_embedding.expand(len(patches), -1, -1).to(patches.dtype), patches], 1)
            + self.position_embedding
        )


class VisionAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.qkv(x).chunk(3, -1)
        return self.projection(attend(query, key, value, self.heads))


class VisionMlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class VisionBlock(nn.Module):
    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.self_attn = VisionAttention(geometry.width, geometry.vision_heads)
        self.layer_norm1 = nn.LayerNorm(geometry.width, VISION_EPS)
        self.mlp = VisionMlp(geometry.width)
        self.layer_norm2 = nn.LayerNorm(geometry.width, VISION_EPS)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class VisionEncoder(nn.Module):
    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.layers = nn.ModuleList(VisionBlock(geometry) for _ in range(geometry.vision_blocks))


class VisionModel(nn.Module):
    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.embeddings = VisionEmbeddings(geometry)
        self.encoder = VisionEncoder(geometry)
        self.post_layernorm = nn.LayerNorm(geometry.width, VISION_EPS)

    def first_blocks(self, pixels: Tensor, blocks: int) -> Tensor:
        """pixels float [B, 3, S, S], normalised -> tokens [B, P, D] after `blocks` blocks: the part that is cached."""
        tokens = self.embeddings(pixels)
        for block in self.encoder.layers[:blocks]:
            tokens = block(tokens)
        return tokens

    def last_blocks(self, tokens: Tensor, blocks: int) -> Tensor:
        """Continues where `first_blocks` stopped -> image tokens [B, P, D] after the final layer norm."""
        for block in self.encoder.layers[blocks:]:
            tokens = block(tokens)
        return self.post_layernorm(tokens)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.last_blocks(self.embeddings(pixels), 0)


class TextEmbeddings(nn.Module):
    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(geometry.vocabulary, geometry.width)
        self.position_embeddings = nn.Embedding(POSITIONS, geometry.width)
        self.LayerNorm = nn.LayerNorm(geometry.width, TEXT_EPS)


class TextSelfAttention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))


class TextAttentionOutput(nn.Module):
    """Dense, residual, layer norm: the tail of attention and of the feed-forward part."""

    def __init__(self, inner: int, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inner, width)
        self.LayerNorm = nn.LayerNorm(width, TEXT_EPS)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        return self.LayerNorm(residual + self.dense(x))


class TextAttention(nn.Module):
    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.heads = geometry.text_heads
        self.self = TextSelfAttention(geometry.width)
        self.output = TextAttentionOutput(geometry.width, geometry.width)

    def key_value(self, source: Tensor) -> KeyValue:
        return self.self.key(source), self.self.value(source)

    def forward(self, x: Tensor, key_value: KeyValue, mask: Tensor | None = None) -> Tensor:
        return self.output(attend(self.self.query(x), *key_value, self.heads, mask), x)


class TextIntermediate(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, 4 * width)

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.dense(x))


class TextLayer(nn.Module):
    """One layer; `tied` is the encoder layer whose cross-attention and feed-forward modules a decoder layer takes over."""

    def __init__(self, geometry: Geometry, tied: TextLayer | None = None) -> None:
        super().__init__()
        self.attention = TextAttention(geometry)
        self.crossattention = tied.crossattention if tied else TextAttention(geometry)
        self.intermediate = tied.intermediate if tied else TextIntermediate(geometry.width)
        self.output = tied.output if tied else TextAttentionOutput(4 * geometry.width, geometry.width)

    def forward(self, x: Tensor, mask: Tensor, cross: KeyValue | None) -> Tensor:
        x = self.attention(x, self.attention.key_value(x), mask)
        if cross is not None:
            x = self.crossattention(x, cross)
        return self.output(self.intermediate(x), x)


class TextStack(nn.Module):
    def __init__(self, geometry: Geometry, tied: TextStack | None = None) -> None:
        super().__init__()
        self.layer = nn.ModuleList(
            TextLayer(geometry, tied.layer[index] if tied else None) for index in range(geometry.text_layers)
        )


class TextModel(nn.Module):
    """BERT with cross-attention. `causal` makes it the decoder's body; `tied` is the encoder it shares its parameters with."""

    def __init__(self, geometry: Geometry, causal: bool = False, tied: TextModel | None = None) -> None:
        super().__init__()
        self.causal = causal
        self.embeddings = tied.embeddings if tied else TextEmbeddings(geometry)
        self.encoder = TextStack(geometry, tied.encoder if tied else None)

    def forward(self, words: Tensor, token_ids: Tensor, cross: Sequence[KeyValue] | None = None) -> Tensor:
        """words [B, T, D] from `Blip.embed_words`, token_ids int64 [B, T] (0 is padding) -> hidden states [B, T, D]."""
        length = token_ids.shape[1]
        mask = (token_ids != PAD)[:, None, None]  # [B, 1, 1, T]
        if self.causal:
            # The diagonal stays open, so that a padded query attends to itself and gives no NaN.
            mask = (mask & torch.ones(length, length, dtype=torch.bool).tril()) | torch.eye(length, dtype=torch.bool)
        hidden = self.embeddings.LayerNorm(words + self.embeddings.position_embeddings.weight[:length])
        for index, layer in enumerate(self.encoder.layer):
            hidden = layer(hidden, mask, cross[index] if cross is not None else None)
        return hidden


class PredictionTransform(nn.Module):
    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.dense = nn.Linear(geometry.width, geometry.width)
        self.LayerNorm = nn.LayerNorm(geometry.width, TEXT_EPS)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.LayerNorm(F.gelu(self.dense(hidden)))


class Predictions(nn.Module):
    """The language head; its output matrix is the word embedding, so only the bias is its own."""

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.transform = PredictionTransform(geometry)
        self.bias = nn.Parameter(torch.zeros(geometry.vocabulary))


class LanguageHead(nn.Module):
    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.predictions = Predictions(geometry)


class TextDecoder(nn.Module):
    def __init__(self, geometry: Geometry, encoder: TextModel) -> None:
        super().__init__()
        self.bert = TextModel(geometry, causal=True, tied=encoder)
        self.cls = LanguageHead(geometry)


class ActiveVocabulary:
    """The word pieces that occur in training, as their own small parameters.

    Training touches about 4,000 of 30,524 rows; a softmax and an optimiser over the rest would be wasted. `rows` and `bias` are
    what is trained; `write_back` copies them into the full tensors before saving.
    """

    UNUSED_BIAS, NEVER_BIAS = -12.0, -100.0

    def __init__(self, model: Blip, token_ids: Sequence[int]) -> None:
        self.token_ids = torch.tensor(sorted({PAD, CLS, SEP, DEC, ENC, *token_ids}))
        self.position_of = torch.full((model.geometry.vocabulary,), -1)
        self.position_of[self.token_ids] = torch.arange(len(self.token_ids))
        self.rows = nn.Parameter(model.text_encoder.embeddings.word_embeddings.weight[self.token_ids].detach().clone())
        self.bias = nn.Parameter(
            model.text_decoder.cls.predictions.bias[self.token_ids].detach().clone().clamp(min=self.UNUSED_BIAS + 2)
        )
        model.text_encoder.embeddings.word_embeddings.weight.requires_grad_(False)
        model.text_decoder.cls.predictions.bias.requires_grad_(False)

    def positions(self, token_ids: Tensor) -> Tensor:
        """Indices into `rows`; a text with a word piece outside the vocabulary is a mistake of the caller."""
        return self.position_of[token_ids]

    @torch.no_grad()
    def write_back(self, model: Blip) -> None:
        model.text_encoder.embeddings.word_embeddings.weight[self.token_ids] = self.rows.detach()
        bias = model.text_decoder.cls.predictions.bias
        bias.fill_(self.UNUSED_BIAS)
        bias[self.token_ids] = self.bias.detach()
        for never in (PAD, CLS, DEC, ENC):
            bias[never] = self.NEVER_BIAS


class Blip(nn.Module):
    """Both towers, the decoder and the three heads."""

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.geometry = geometry
        self.vision_model = VisionModel(geometry)
        self.text_encoder = TextModel(geometry)
        self.text_decoder = TextDecoder(geometry, self.text_encoder)
        self.vision_proj = nn.Linear(geometry.width, geometry.projection)
        self.text_proj = nn.Linear(geometry.width, geometry.projection)
        self.itm_head = nn.Linear(geometry.width, 2)
        self._active: list[ActiveVocabulary] = []  # in a list, so that its parameters stay out of the state dict

    @property
    def active(self) -> ActiveVocabulary | None:
        return self._active[0] if self._active else None

    @property
    def trained_words(self) -> ActiveVocabulary:
        """The active vocabulary, where there has to be one."""
        if not self._active:
            raise ValueError("The model has no active vocabulary. Call activate() before training it.")
        return self._active[0]

    def activate(self, token_ids: Sequence[int]) -> ActiveVocabulary:
        self._active[:] = [ActiveVocabulary(self, token_ids)]
        return self._active[0]

    def embed_words(self, token_ids: Tensor) -> Tensor:
        """int64 [B, T] -> [B, T, D], before positions and layer norm."""
        full = self.text_encoder.embeddings.word_embeddings.weight
        if self.active is None:
            return F.embedding(token_ids, full)
        positions = self.active.positions(token_ids)
        words = F.embedding(positions.clamp(min=0), self.active.rows)
        unknown = positions < 0
        return torch.where(unknown[..., None], F.embedding(token_ids, full), words) if bool(unknown.any()) else words

    def cross_key_values(self, tokens: Tensor) -> list[KeyValue]:
        """Keys and values of the text encoder's cross-attentions for image tokens [B, P, D]."""
        return [layer.crossattention.key_value(tokens) for layer in self.text_encoder.encoder.layer]

    def decoder_key_values(self, tokens: Tensor) -> list[KeyValue]:
        """The same of the decoder, for image tokens or question states; equal to `cross_key_values` until `decouple`."""
        return [layer.crossattention.key_value(tokens) for layer in self.text_decoder.bert.encoder.layer]

    @property
    def decoupled(self) -> bool:
        pairs = zip(self.text_encoder.encoder.layer, self.text_decoder.bert.encoder.layer, strict=True)
        return any(encoder.crossattention is not decoder.crossattention for encoder, decoder in pairs)

    def decouple(self) -> None:
        """From here on the decoder has cross-attention of its own; it starts as a copy of the encoder's."""
        for layer in self.text_decoder.bert.encoder.layer:
            layer.crossattention = copy.deepcopy(layer.crossattention)

    def captioner_parameters(self) -> Iterator[nn.Parameter]:
        """What belongs to the decoder alone, once decoupled: self- and cross-attention and the head's transform."""
        for layer in self.text_decoder.bert.encoder.layer:
            yield from layer.attention.parameters()
            yield from layer.crossattention.parameters()
        yield from self.text_decoder.cls.predictions.transform.parameters()

    def encode_text(self, token_ids: Tensor, cross: Sequence[KeyValue] | None = None) -> Tensor:
        """token_ids start with [CLS] for text alone, with [ENC] when `cross` is given -> [B, T, D]."""
        return self.text_encoder(self.embed_words(token_ids), token_ids, cross)

    def decode_text(self, token_ids: Tensor, cross: Sequence[KeyValue]) -> Tensor:
        """token_ids start with [DEC] -> [B, T, D]; states at t see tokens up to t."""
        return self.text_decoder.bert(self.embed_words(token_ids), token_ids, cross)

    def word_logits(self, hidden: Tensor) -> Tensor:
        """[N, D] -> [N, V]: over the active vocabulary while training, over all word pieces otherwise."""
        predictions = self.text_decoder.cls.predictions
        transformed = predictions.transform(hidden)
        if self.active is not None:
            return transformed @ self.active.rows.T + self.active.bias
        return transformed @ self.text_encoder.embeddings.word_embeddings.weight.T + predictions.bias

    def image_features(self, class_states: Tensor) -> Tensor:
        """Final state of the image's class token [B, D] -> unit vectors [B, projection]."""
        return F.normalize(self.vision_proj(class_states), dim=-1)

    def text_features(self, class_states: Tensor) -> Tensor:
        return F.normalize(self.text_proj(class_states), dim=-1)

    @torch.no_grad()
    def centre_matching_head(self) -> None:
        """Makes the two rows of itm_head opposite. The softmax is unchanged; the raw match logit becomes half the log-odds of a
        match and so means the same for every picture, which re-ranking by the raw logit needs."""
        for tensor in (self.itm_head.weight, self.itm_head.bias):
            tensor -= tensor.mean(0, keepdim=True)

    def export_state(self) -> dict[str, Tensor]:
        """The state dict with the active vocabulary written back."""
        if self.active is not None:
            self.active.write_back(self)
        return self.state_dict()

"""The start weights keep their function in our layout; references are random models of transformers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from conftest import fresh_model

from medley_pretraining.model import CLS, SEP, Geometry, TextModel, VisionModel
from medley_pretraining.text import Wordpieces
from medley_pretraining.text_start import SentenceTeacher, load_text_start, principal_axes
from medley_pretraining.vision_start import load_vision_start, resize_positions


def random_weights(module: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, 0.2)
    return module.eval()


def test_layer_scale_folds_exactly_into_the_plain_vision_transformer() -> None:
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(
        hidden_size=24, num_hidden_layers=3, num_attention_heads=2, image_size=28, patch_size=14, layer_norm_eps=1e-6
    )
    reference = random_weights(Dinov2Model(config))
    backbone = {}
    for name, tensor in reference.state_dict().items():
        for theirs, exported in (
            ("q_proj", "attention.query"),
            ("k_proj", "attention.key"),
            ("v_proj", "attention.value"),
            ("o_proj", "output.dense"),
        ):
            name = name.replace(f"attention.{theirs}", f"attention.{exported}")
        backbone[name] = tensor
    vision = VisionModel(Geometry.tiny()).eval()
    load_vision_start(vision, backbone, side=2)
    pixels = torch.randn(2, 3, 28, 28)
    with torch.no_grad():
        assert torch.allclose(vision(pixels), reference(pixels).last_hidden_state, atol=1e-4)
        halves = vision.last_blocks(vision.first_blocks(pixels, 2), 2)
        assert torch.allclose(vision(pixels), halves, atol=1e-6)


def test_positions_keep_the_class_row_and_an_equal_grid() -> None:
    positions = torch.randn(1, 1 + 9, 4)
    assert torch.allclose(resize_positions(positions, 3), positions, atol=1e-6)
    assert torch.equal(resize_positions(positions, 2)[:, 0], positions[:, 0])


def minilm(layers: int) -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=30522, hidden_size=24, num_hidden_layers=layers, num_attention_heads=2, intermediate_size=96
    )
    bert = random_weights(BertModel(config, add_pooling_layer=False))
    return bert, bert.state_dict()


def test_the_teacher_is_the_mean_of_bert_s_last_states(wordpieces: Wordpieces) -> None:
    bert, weights = minilm(3)
    texts = ["a dog", "a red owl and a key"]
    embedded = SentenceTeacher(weights, Geometry.tiny()).embed(texts, wordpieces)
    for text, ours in zip(texts, embedded, strict=True):
        with torch.no_grad():
            states = bert(torch.tensor([[CLS, *wordpieces(text), SEP]])).last_hidden_state[0]
        assert torch.allclose(ours, F.normalize(states.mean(0), dim=-1), atol=1e-5)


def test_the_text_tower_takes_the_named_layers_for_encoder_and_decoder() -> None:
    _, weights = minilm(3)
    model = fresh_model()
    load_text_start(model, weights, [0, 2])
    stack: TextModel
    for stack in (model.text_encoder, model.text_decoder.bert):
        assert torch.equal(
            stack.encoder.layer[1].attention.self.query.weight, weights["encoder.layer.2.attention.self.query.weight"]
        )
    words = model.text_encoder.embeddings.word_embeddings.weight
    assert torch.equal(words[30522], words[CLS]) and torch.equal(words[30523], words[CLS])


def test_principal_axes_are_orthonormal_and_the_same_every_time() -> None:
    embeddings = F.normalize(torch.randn(60, 12), dim=-1)
    (mean, axes), (_, again) = principal_axes(embeddings, 4, 40, 0), principal_axes(embeddings, 4, 40, 0)
    assert torch.allclose(axes @ axes.T, torch.eye(4), atol=1e-5) and torch.equal(axes, again)
    assert torch.allclose(mean, embeddings.mean(0))

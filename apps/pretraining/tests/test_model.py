from __future__ import annotations

import torch
from conftest import fresh_model

from medley_pretraining.model import CLS, DEC, SEP, Blip
from medley_pretraining.training import load_model


def test_tied_decoder_shares_everything_but_self_attention(random_model: Blip) -> None:
    encoder = dict(random_model.text_encoder.named_parameters())
    for name, parameter in random_model.text_decoder.bert.named_parameters():
        is_self_attention = ".attention." in name
        assert (parameter is encoder[name]) != is_self_attention, name


def test_decoder_states_do_not_see_later_words(random_model: Blip) -> None:
    cross = random_model.cross_key_values(torch.randn(1, 5, 24))
    first, second = torch.tensor([[DEC, 7, 8, 9]]), torch.tensor([[DEC, 7, 8, 99]])
    with torch.no_grad():
        assert torch.allclose(
            random_model.decode_text(first, cross)[:, :3], random_model.decode_text(second, cross)[:, :3], atol=1e-6
        )


def test_padding_does_not_change_a_text(random_model: Blip) -> None:
    short, padded = torch.tensor([[CLS, 7, SEP]]), torch.tensor([[CLS, 7, SEP, 0, 0]])
    with torch.no_grad():
        assert torch.allclose(random_model.encode_text(short)[:, 0], random_model.encode_text(padded)[:, 0], atol=1e-6)


def test_an_active_vocabulary_gives_the_same_words_and_is_written_back() -> None:
    model, ids = fresh_model(), torch.tensor([[CLS, 2001, 2002, 5000, SEP]])
    with torch.no_grad():
        before = model.encode_text(ids)
        active = model.activate([2001, 2002])
        assert torch.allclose(before, model.encode_text(ids), atol=1e-6)
        active.rows.add_(1.0)
    state = model.export_state()
    words = state["text_encoder.embeddings.word_embeddings.weight"]
    assert torch.equal(words[2001], active.rows.detach()[active.positions(torch.tensor(2001))])
    assert state["text_decoder.cls.predictions.bias"][DEC] == -100
    other = fresh_model(1)
    other.activate([2001, 2002])
    load_model(other, state)
    assert torch.equal(other.active.rows, active.rows)


def test_centring_the_matching_head_keeps_the_softmax_and_makes_the_match_logit_half_the_log_odds() -> None:
    model, states = fresh_model(), torch.randn(6, 24)
    with torch.no_grad():
        before = model.itm_head(states)
        model.centre_matching_head()
        after = model.itm_head(states)
    assert torch.allclose(before.softmax(1), after.softmax(1), atol=1e-6)
    assert torch.allclose(after[:, 1], (before[:, 1] - before[:, 0]) / 2, atol=1e-6)

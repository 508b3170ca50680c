"""Writes a model of this package as a Hugging Face BLIP folder, with the whole vocabulary of BERT again."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..export import half_with_shared_storages, write_settings
from ..model import CLS, DEC, ENC, PAD, VOCABULARY, ActiveVocabulary
from .checkpoint import CheckpointError
from .lexicon import Lexicon
from .network import PaperBlip
from .settings import DataSettings

PAPER_DATA = DataSettings()


def full_state(model: PaperBlip, lexicon: Lexicon) -> dict[str, Tensor]:
    """The state dict with rows for all of BERT's word pieces. Pieces that were never trained are zero and are never said."""
    state = model.state_dict()
    if len(lexicon) == VOCABULARY:
        return state
    rows = torch.tensor(lexicon.bert_ids)
    grown: dict[int, Tensor] = {}
    for name, tensor in state.items():
        if name.endswith("word_embeddings.weight"):
            if tensor.data_ptr() not in grown:
                full = tensor.new_zeros(VOCABULARY, tensor.shape[1])
                full[rows] = tensor
                grown[tensor.data_ptr()] = full
            state[name] = grown[tensor.data_ptr()]
        elif name.endswith("cls.predictions.bias"):
            full = tensor.new_full((VOCABULARY,), ActiveVocabulary.NEVER_BIAS)
            full[rows] = tensor
            state[name] = full
    return state


def read_huggingface(folder: Path) -> dict[str, Any]:
    """A Hugging Face BLIP folder as a start for fine-tuning: weights in fp32, sizes of config.json, pixels of preprocessor_config.json.
    It has to hold encoder, decoder and all heads, as the bundled model does; load_weights names what is missing."""
    try:
        config, preprocessing = (
            json.loads((folder / name).read_text()) for name in ("config.json", "preprocessor_config.json")
        )
        if (folder / "pytorch_model.bin").exists():
            state = torch.load(folder / "pytorch_model.bin", map_location="cpu", weights_only=True)
        else:
            state = load_file(str(folder / "model.safetensors"))
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f'Folder "{folder}" is no Hugging Face BLIP model: {error}.') from error
    vision, text = config["vision_config"], config["text_config"]
    if vision["hidden_size"] != text["hidden_size"]:
        raise CheckpointError(
            f'Model "{folder}" has a vision width of {vision["hidden_size"]} and a text width of {text["hidden_size"]}; '
            "only models with one width can be trained here."
        )
    geometry = {
        "image_size": vision["image_size"],
        "patch_size": vision["patch_size"],
        "width": text["hidden_size"],
        "vision_blocks": vision["num_hidden_layers"],
        "vision_heads": vision["num_attention_heads"],
        "text_layers": text["num_hidden_layers"],
        "text_heads": text["num_attention_heads"],
        "projection": config["image_text_hidden_size"],
        "vocabulary": text["vocab_size"],
    }
    ignored = ("position_ids", "cls.predictions.decoder.weight", "cls.predictions.decoder.bias")
    return {
        "geometry": geometry,
        "bert_ids": list(range(VOCABULARY)),
        "pixels": {"mean": preprocessing["image_mean"], "deviation": preprocessing["image_std"]},
        "model": {name: tensor.float() for name, tensor in state.items() if not name.endswith(ignored)},
    }


def write_huggingface(
    model: PaperBlip, lexicon: Lexicon, tokenizer: Path, out: Path, data: DataSettings = PAPER_DATA
) -> None:
    """pytorch_model.bin in fp16 with shared tensors once, config.json, the preprocessing, and the vocabulary (vocab.txt, or the tokenizer.json
    it was read from). The three transformers classes read it."""
    out.mkdir(parents=True, exist_ok=True)
    state = half_with_shared_storages({name: tensor.cpu() for name, tensor in full_state(model, lexicon).items()})
    bias = state["text_decoder.cls.predictions.bias"]
    bias[torch.tensor([PAD, CLS, DEC, ENC])] = ActiveVocabulary.NEVER_BIAS
    torch.save(state, out / "pytorch_model.bin")
    geometry = dataclasses.replace(model.geometry, vocabulary=VOCABULARY)
    write_settings(out, geometry, data.pixel_mean, data.pixel_deviation)
    shutil.copy(tokenizer, out / ("vocab.txt" if tokenizer.suffix == ".txt" else "tokenizer.json"))

"""Writes a model of this package as a Hugging Face BLIP folder, with the whole vocabulary of BERT again."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import torch
from torch import Tensor

from ..export import TOKENIZER, configuration, half_with_shared_storages
from ..model import CLS, DEC, ENC, PAD, VOCABULARY, ActiveVocabulary
from .lexicon import Lexicon
from .network import PaperBlip
from .settings import IMAGE_DEVIATION, IMAGE_MEAN


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


def write_huggingface(model: PaperBlip, lexicon: Lexicon, tokenizer: Path, out: Path) -> None:
    """pytorch_model.bin in fp16 with shared tensors once, config.json, the preprocessing, and the vocabulary (vocab.txt, or the tokenizer.json
    it was read from). The three transformers classes read it."""
    out.mkdir(parents=True, exist_ok=True)
    state = half_with_shared_storages({name: tensor.cpu() for name, tensor in full_state(model, lexicon).items()})
    bias = state["text_decoder.cls.predictions.bias"]
    bias[torch.tensor([PAD, CLS, DEC, ENC])] = ActiveVocabulary.NEVER_BIAS
    torch.save(state, out / "pytorch_model.bin")
    size = model.geometry.image_size
    preprocessing = {
        "image_processor_type": "BlipImageProcessor",
        "processor_class": "BlipProcessor",
        "do_resize": True,
        "size": {"height": size, "width": size},
        "resample": 3,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(IMAGE_MEAN),
        "image_std": list(IMAGE_DEVIATION),
        "do_convert_rgb": True,
    }
    geometry = dataclasses.replace(model.geometry, vocabulary=VOCABULARY)
    for name, content in (
        ("config.json", configuration(geometry)),
        ("preprocessor_config.json", preprocessing),
        ("tokenizer_config.json", TOKENIZER),
    ):
        (out / name).write_text(json.dumps(content, indent=2) + "\n")
    shutil.copy(tokenizer, out / ("vocab.txt" if tokenizer.suffix == ".txt" else "tokenizer.json"))

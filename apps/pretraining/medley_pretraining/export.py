"""Writes a checkpoint as a Hugging Face BLIP folder with one fp16 weights file.

    python -m medley_pretraining.export --cache CACHE --work WORK --out assets/model/medley-small [--phase captioner]

pytorch_model.bin holds the union of what BlipForImageTextRetrieval, BlipForConditionalGeneration and BlipForQuestionAnswering
read. Tensors that encoder and decoder share are entries on one storage, so they are written once; the output matrix is the word
embedding and is left out. The three classes load it, and their outputs are compared with ours before this returns.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .model import CLS, DEC, ENC, SEP, Blip, Geometry
from .recipe import ModelRecipe, load_recipe
from .training import load_model
from .workspace import Workspace, geometry_of

LARGEST_DIFFERENCE = 1e-4


def half_with_shared_storages(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """fp16 copies in which names that shared a storage still share one."""
    converted: dict[int, Tensor] = {}
    for tensor in state.values():
        converted.setdefault(tensor.data_ptr(), tensor.detach().to(torch.float16).contiguous().clone())
    return {name: converted[tensor.data_ptr()] for name, tensor in state.items()}


def configuration(geometry: Geometry) -> dict[str, object]:
    """config.json as BlipConfig reads it."""
    text = {
        "model_type": "blip_text_model",
        "vocab_size": geometry.vocabulary,
        "hidden_size": geometry.width,
        "encoder_hidden_size": geometry.width,
        "intermediate_size": 4 * geometry.width,
        "projection_dim": geometry.projection,
        "num_hidden_layers": geometry.text_layers,
        "num_attention_heads": geometry.text_heads,
        "max_position_embeddings": 512,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "bos_token_id": DEC,
        "eos_token_id": SEP,
        "sep_token_id": SEP,
        "pad_token_id": 0,
    }
    vision = {
        "model_type": "blip_vision_model",
        "hidden_size": geometry.width,
        "intermediate_size": 4 * geometry.width,
        "projection_dim": geometry.projection,
        "num_hidden_layers": geometry.vision_blocks,
        "num_attention_heads": geometry.vision_heads,
        "image_size": geometry.image_size,
        "patch_size": geometry.patch_size,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-6,
        "attention_dropout": 0.0,
    }
    return {
        "architectures": ["BlipForImageTextRetrieval"],
        "model_type": "blip",
        "text_config": text,
        "vision_config": vision,
        "image_text_hidden_size": geometry.projection,
        "projection_dim": geometry.projection,
        "logit_scale_init_value": 2.6592,
        "initializer_factor": 1.0,
        "torch_dtype": "float16",
    }


def preprocessing(size: int, mean: Sequence[float], deviation: Sequence[float]) -> dict[str, object]:
    """preprocessor_config.json for square pictures of `size` pixels; mean and deviation per channel, of pixels from 0 to 1."""
    return {
        "image_processor_type": "BlipImageProcessor",
        "processor_class": "BlipProcessor",
        "do_resize": True,
        "size": {"height": size, "width": size},
        "resample": 3,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(mean),
        "image_std": list(deviation),
        "do_convert_rgb": True,
    }


TOKENIZER = {
    "tokenizer_class": "BertTokenizer",
    "do_lower_case": True,
    # Captions for people: "don't" and not "don ' t", as the original code's tokenizer gave.
    "clean_up_tokenization_spaces": True,
    "model_max_length": 512,
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}


def write_settings(out: Path, geometry: Geometry, mean: Sequence[float], deviation: Sequence[float]) -> None:
    """What lies beside the weights, but for the vocabulary."""
    for name, content in (
        ("config.json", configuration(geometry)),
        ("preprocessor_config.json", preprocessing(geometry.image_size, mean, deviation)),
        ("tokenizer_config.json", TOKENIZER),
    ):
        (out / name).write_text(json.dumps(content, indent=2) + "\n")


def write_model_folder(model: Blip, recipe: ModelRecipe, vocabulary: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    torch.save(half_with_shared_storages(model.export_state()), out / "pytorch_model.bin")
    write_settings(out, model.geometry, recipe.pixel_mean, recipe.pixel_std)
    shutil.copy(vocabulary, out / "vocab.txt")


@dataclass(frozen=True)
class Differences:
    """Largest absolute differences between our outputs and those of the transformers classes, on the exported weights."""

    image_tokens: float
    matching: float
    cosine: float
    words: float
    answers: float

    def largest(self) -> float:
        return max(vars(self).values())


@torch.no_grad()
def compare_with_transformers(out: Path, geometry: Geometry) -> Differences:
    """Loads `out` into the three classes (fp32 arithmetic on the fp16 weights) and into ours."""
    from transformers import (
        BlipForConditionalGeneration,
        BlipForImageTextRetrieval,
        BlipForQuestionAnswering,
        logging,
    )

    logging.set_verbosity_error()  # each class reports the tensors of the other two as unexpected
    logging.disable_progress_bar()
    ours = Blip(geometry).eval()
    load_model(
        ours,
        {name: tensor.float() for name, tensor in torch.load(out / "pytorch_model.bin", weights_only=True).items()},
    )
    retrieval, captioner, answerer = (
        kind.from_pretrained(out, dtype=torch.float32).eval()
        for kind in (BlipForImageTextRetrieval, BlipForConditionalGeneration, BlipForQuestionAnswering)
    )
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(2, 3, geometry.image_size, geometry.image_size, generator=generator)
    text = torch.tensor([[CLS, 1037, 2417, 2482, SEP], [CLS, 1037, 3899, SEP, 0]])
    mask = (text != 0).long()
    grounded, prefix = text.clone(), torch.tensor([[DEC, 1037, 3861, 1997]] * 2)
    grounded[:, 0] = ENC

    tokens = ours.vision_model(pixels)
    theirs = retrieval.vision_model(pixels)[0]
    cross = ours.cross_key_values(tokens)
    matching = retrieval(input_ids=grounded, attention_mask=mask, pixel_values=pixels, use_itm_head=True)[0]
    cosine = retrieval(input_ids=text, attention_mask=mask, pixel_values=pixels, use_itm_head=False)[0]
    words = captioner.text_decoder(
        input_ids=prefix, encoder_hidden_states=captioner.vision_model(pixels)[0], is_decoder=True
    ).logits
    states = answerer.text_encoder(
        input_ids=grounded[:1], encoder_hidden_states=answerer.vision_model(pixels[:1])[0], return_dict=True
    ).last_hidden_state
    answers = answerer.text_decoder(input_ids=prefix[:1, :1], encoder_hidden_states=states, is_decoder=True).logits
    own_states = ours.encode_text(grounded[:1], ours.cross_key_values(tokens[:1]))
    return Differences(
        (tokens - theirs).abs().max().item(),
        (ours.itm_head(ours.encode_text(grounded, cross)[:, 0]) - matching).abs().max().item(),
        (ours.image_features(tokens[:, 0]) @ ours.text_features(ours.encode_text(text)[:, 0]).T - cosine)
        .abs()
        .max()
        .item(),
        (ours.word_logits(ours.decode_text(prefix, ours.decoder_key_values(tokens))) - words).abs().max().item(),
        (ours.word_logits(ours.decode_text(prefix[:1, :1], ours.decoder_key_values(own_states))) - answers)
        .abs()
        .max()
        .item(),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--phase", default="captioner", help="the phase whose checkpoint is exported")
    parser.add_argument("--recipe", type=Path)
    options = parser.parse_args()
    space = Workspace(options.cache.resolve(), options.work.resolve(), load_recipe(options.recipe))
    model = Blip(geometry_of(space.recipe.model))
    load_model(model, torch.load(space.checkpoint(options.phase), weights_only=False)["model"])
    write_model_folder(model, space.recipe.model, space.minilm_folder / "vocab.txt", options.out)
    differences = compare_with_transformers(options.out, model.geometry)
    unique = sum(parameter.numel() for parameter in model.parameters())
    size = sum(file.stat().st_size for file in options.out.iterdir())
    print(
        f"{options.out}: {unique / 1e6:.1f} M parameters, {size / 1e6:.1f} MB; largest differences to transformers: {differences}"
    )
    if differences.largest() > LARGEST_DIFFERENCE:
        raise SystemExit(
            f"The exported model differs from transformers by {differences.largest():.2e}, allowed is {LARGEST_DIFFERENCE}."
        )


if __name__ == "__main__":
    main()

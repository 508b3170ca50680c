"""Writes a random-weight BLIP-base checkpoint (ViT-B/16 at 384, vocabulary 30,524) for speed measurements.

    python make_base_checkpoint.py --kind retrieval|captioner --to DIR

About 0.9 GB of float32 in model.safetensors, named as save_pretrained of transformers 5 names it (the captioner's tied
LM matrix is left out). Never commit it. Speed does not depend on the values; the texts it writes mean nothing.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import BlipConfig, BlipForConditionalGeneration, BlipForImageTextRetrieval

CLASSES = {"retrieval": BlipForImageTextRetrieval, "captioner": BlipForConditionalGeneration}
LM_HEAD = "text_decoder.cls.predictions.decoder."  # tied: the word embeddings and predictions.bias
WORDS = "a an the of in on at with and two three dogs dog cats picture red ball beach playing young woman man sitting".split()
SPECIALS = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}  # bert-base-uncased
VOCABULARY_LINES = 30522


def base_config(kind: str) -> BlipConfig:
    config = BlipConfig(
        text_config={"num_attention_heads": 12, "vocab_size": 30524, "hidden_size": 768, "intermediate_size": 3072},
        vision_config={"image_size": 384, "patch_size": 16, "hidden_size": 768, "intermediate_size": 3072},
    )
    config.architectures = [CLASSES[kind].__name__]
    return config


def random_tensor(name: str, shape, random: torch.Generator) -> torch.Tensor:
    """LayerNorm weights 1, biases 0, the rest N(0, 0.02)."""
    if name.endswith("bias"):
        return torch.zeros(shape)
    if "norm" in name.lower():
        return torch.ones(shape)
    return torch.randn(shape, generator=random).mul_(0.02)


def vocabulary() -> list[str]:
    fill = iter([*WORDS, *(chr(c) for c in range(ord("b"), ord("z") + 1)), *"0123456789?.,'-"])
    return [SPECIALS.get(i) or (f"[unused{i}]" if i < 104 else next(fill, f"unusedword{i}")) for i in range(VOCABULARY_LINES)]


def write_checkpoint(kind: str, folder: Path, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    config = base_config(kind)
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in CLASSES[kind](config).state_dict().items()}
    random = torch.Generator().manual_seed(seed)
    tensors = {name: random_tensor(name, shape, random) for name, shape in shapes.items() if not name.startswith(LM_HEAD)}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocabulary()) + "\n")
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512})
    write_json(folder / "preprocessor_config.json", preprocessor())


def preprocessor() -> dict:
    return {
        "image_processor_type": "BlipImageProcessor",
        "processor_class": "BlipProcessor",
        "do_resize": True,
        "size": {"height": 384, "width": 384},
        "resample": 3,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }


def write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=CLASSES, required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    write_checkpoint(options.kind, options.to, options.seed)

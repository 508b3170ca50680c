"""The fixed bank: one sentence embedding per kind of picture, in the first principal axes of MiniLM's space.

Both the text tower (distillation) and the image tower (classification against the bank) learn towards it, so the two meet in
one space without ever seeing one another. The basis is computed once and saved: computed twice it would differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arithmetic import mixed_precision
from ..text_start import SentenceTeacher, principal_axes
from ..training import save_atomically
from ..workspace import Workspace, geometry_of, record_texts

PCA_SAMPLE, PCA_SEED = 8000, 0


@dataclass(frozen=True)
class Bank:
    texts: list[str]
    embeddings: Tensor  # [N, projection], unit vectors
    of_picture: Tensor  # int64 [pictures], index into texts
    extra_texts: list[str]  # captions, paraphrases, questions and the wide texts: for distillation only
    extra_embeddings: Tensor
    region_texts: list[str]  # what is said of parts of pictures
    region_embeddings: Tensor
    mean: Tensor  # [D]
    axes: Tensor  # [projection, D]


def build_bank(space: Workspace) -> None:
    path = space.work / "bank.pt"
    if path.exists():
        return
    wordpieces = space.wordpieces
    teacher = SentenceTeacher(space.minilm, geometry_of(space.recipe.model))
    texts = sorted({record.bank for record in space.records}, key=lambda text: (len(wordpieces(text)), text))
    # One in four of the other texts: enough to keep the tower general, and a quarter of the time.
    others = sorted({text for record in space.records for text in record_texts(record)} - set(texts))[::4]
    others = sorted({*others, *space.wide_texts} - set(texts), key=lambda text: (len(wordpieces(text)), text))
    regions = sorted({region[0] for record in space.records for region in record.regions})
    with mixed_precision():
        raw, raw_others, raw_regions = (
            teacher.embed(list(part), wordpieces).float() for part in (texts, others, regions)
        )
    # The axes have to carry what pictures are called and what people ask for alike; the middle is that of the pictures.
    _, axes = principal_axes(torch.cat([raw, raw_others]), space.recipe.model.projection, PCA_SAMPLE, PCA_SEED)
    mean = raw.mean(0)
    index = {text: position for position, text in enumerate(texts)}
    save_atomically(
        {
            "texts": texts,
            "embeddings": F.normalize((raw - mean) @ axes.T, dim=-1),
            "of_picture": torch.tensor([index[record.bank] for record in space.records]),
            "extra_texts": others,
            "extra_embeddings": F.normalize((raw_others - mean) @ axes.T, dim=-1),
            "region_texts": regions,
            "region_embeddings": F.normalize((raw_regions - mean) @ axes.T, dim=-1) if regions else raw_regions,
            "mean": mean,
            "axes": axes,
        },
        path,
    )
    print(f"bank: {len(texts)} texts for pictures, {len(others)} more", flush=True)


def load_bank(space: Workspace) -> Bank:
    return Bank(**torch.load(space.work / "bank.pt", weights_only=False))

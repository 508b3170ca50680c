"""The text start of the ablations: a small text tower that says what MiniLM says, made once and used by every run of every seed.

The paper starts from BERT and a supervised ViT. At this size there is no such pair to download; vision starts from the frozen blocks of the
start weights (ablation_data.py), text from this. It sees no picture, so what text belongs to what picture is left to be learnt.
"""

from __future__ import annotations

import random
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arithmetic import mixed_precision
from ..recipe import load_recipe
from ..text import Wordpieces
from ..text_start import SentenceTeacher, principal_axes, read_minilm
from ..workspace import geometry_of
from .lexicon import Lexicon, padded
from .network import PaperBlip

STEPS, BATCH, RATE, SCALE = 600, 128, 2e-3, 15.0
PCA_SAMPLE, SEED = 6_000, 0
MATCHED = ("text_encoder.", "text_proj.")


def teacher_embeddings(texts: list[str], minilm: Path, projection: int, path: Path) -> Tensor:
    """Unit vectors [N, projection]: MiniLM's sentence embeddings on their main axes. Kept at `path`."""
    if path.exists():
        return torch.load(path, weights_only=True)
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    teacher = SentenceTeacher(read_minilm(minilm), geometry_of(load_recipe().model))
    with mixed_precision():
        raw = teacher.embed([texts[row] for row in order], Wordpieces(minilm / "tokenizer.json")).float()
    embeddings = torch.empty_like(raw)
    embeddings[torch.tensor(order)] = raw
    mean, axes = principal_axes(embeddings, projection, PCA_SAMPLE, SEED)
    reduced = F.normalize((embeddings - mean) @ axes.T, dim=-1)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(reduced, path)
    return reduced


def text_start(
    model: PaperBlip, lexicon: Lexicon, texts: list[str], targets: Tensor, path: Path, steps: int = STEPS
) -> dict[str, Tensor]:
    """State of the text encoder (without cross-attention) and its projection, trained until its features are the targets. Kept at `path`."""
    if path.exists():
        return torch.load(path, weights_only=True)
    named = {
        name: parameter
        for name, parameter in model.named_parameters()
        if name.startswith(MATCHED) and ".crossattention." not in name
    }
    optimizer = torch.optim.AdamW(named.values(), lr=RATE, weight_decay=0.01)
    rng, pieces = random.Random(SEED), [lexicon.caption(text, 14) for text in texts]
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 50) * (1 - step / steps)
        rows = rng.sample(range(len(texts)), min(BATCH, len(texts)))
        with mixed_precision():
            states = model.encode(padded([pieces[row] for row in rows], lexicon.cls, lexicon.sep))[:, 0]
        features, target = model.text_features(states.float()), targets[rows]
        cosine = (features * target).sum(1).mean()
        loss = 4 * (1 - cosine) + F.cross_entropy(SCALE * features @ target.T, torch.arange(len(rows)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"text start: cosine {cosine.item():.3f} to the teacher after {steps} steps", flush=True)
    state = {name: parameter.detach().clone() for name, parameter in named.items()}
    torch.save(state, path)
    return state


@torch.no_grad()
def apply_text_start(model: PaperBlip, state: dict[str, Tensor]) -> None:
    """Into encoder and decoder alike, whatever they share."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for name, tensor in state.items():
        parameters[name].copy_(tensor)
        twin = name.replace("text_encoder.", "text_decoder.bert.")
        if twin in parameters:
            parameters[twin].copy_(tensor)

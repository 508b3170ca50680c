"""Captioning and filtering of a web set (paper section 3.3 and 4.2; BLIP issues 46 and 54 for the rule).

The captioner writes one text for each web picture; the filter judges web and synthetic texts alike and keeps what its matching head calls a
match (probability above one half). A picture keeps none, one or both of its texts.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from .batches import Images
from .corpus import Corpus
from .generation import Decoding, Speaker
from .lexicon import PROMPT, Lexicon, padded, prepare_caption
from .network import PaperBlip, rows_of
from .samples import Rejection, Sample

Origin = Literal["web", "synthetic"]
MATCH_PROBABILITY = 0.5
BATCH = 64


@dataclass(frozen=True)
class Judged:
    """One text of one picture of the web corpus. pair: the row of the corpus it belongs to."""

    pair: int
    origin: Origin
    text: str
    match_probability: float

    def is_kept(self, threshold: float = MATCH_PROBABILITY) -> bool:
        return self.match_probability > threshold


@torch.no_grad()
def caption_pictures(
    model: PaperBlip,
    lexicon: Lexicon,
    images: Images,
    pictures: Sequence[int],
    decoding: Decoding,
    seed: int,
    device: torch.device,
    frozen_blocks: int = 0,
) -> list[str]:
    """One caption a picture, behind the prompt, which is not part of it."""
    speaker, prompt = Speaker(model.eval(), lexicon), lexicon.pieces(prepare_caption(PROMPT))
    generator, rng, captions = torch.Generator().manual_seed(seed), random.Random(seed), []
    for start in range(0, len(pictures), BATCH):
        read = images.read(list(pictures[start : start + BATCH]), rng).to(device)
        cross = model.decoder_cross(model.image_tokens(read, frozen_blocks))
        if decoding.method == "nucleus":
            captions += speaker.nucleus(cross, prompt, decoding, generator)
        else:
            captions += speaker.beam(cross, prompt, decoding)
    return captions


@torch.no_grad()
def match_logits(
    model: PaperBlip,
    lexicon: Lexicon,
    images: Images,
    pairs: Sequence[tuple[int, str]],
    text_tokens: int,
    device: torch.device,
    frozen_blocks: int = 0,
) -> torch.Tensor:
    """(picture, text) pairs -> logits of itm_head, float [N, 2] on the CPU; index 1 is "match"."""
    model.eval()
    rng, parts = random.Random(0), []
    for start in range(0, len(pairs), BATCH):
        chunk = pairs[start : start + BATCH]
        unique = sorted({picture for picture, _ in chunk})
        row_of = {picture: row for row, picture in enumerate(unique)}
        cross = model.encoder_cross(model.image_tokens(images.read(unique, rng).to(device), frozen_blocks))
        ids = padded([lexicon.caption(text, text_tokens) for _, text in chunk], lexicon.enc, lexicon.sep).to(device)
        rows = torch.tensor([row_of[picture] for picture, _ in chunk], device=device)
        parts.append(model.itm_head(model.encode(ids, rows_of(cross, rows))[:, 0]).float().cpu())
    return torch.cat(parts)


def judge(
    filter_model: PaperBlip,
    lexicon: Lexicon,
    images: Images,
    corpus: Corpus,
    texts: Sequence[tuple[int, Origin, str]],
    text_tokens: int,
    device: torch.device,
    frozen_blocks: int = 0,
) -> list[Judged]:
    """texts: (row of the corpus, origin, text), in the order of the result. An empty text is no match without being asked about."""
    asked = [(corpus.pairs[pair].picture, text) for pair, _, text in texts if text.strip()]
    found = iter([])
    if asked:
        logits = match_logits(filter_model, lexicon, images, asked, text_tokens, device, frozen_blocks)
        found = iter(torch.softmax(logits, 1)[:, 1].tolist())
    return [Judged(pair, origin, text, next(found) if text.strip() else 0.0) for pair, origin, text in texts]


def first_pairs(corpus: Corpus) -> list[int]:
    """The first row of every picture: a picture with several web texts gets one synthetic caption."""
    seen: dict[int, int] = {}
    for row, pair in enumerate(corpus.pairs):
        seen.setdefault(pair.picture, row)
    return sorted(seen.values())


def rejected_share(judged: Sequence[Judged], origin: Origin, threshold: float = MATCH_PROBABILITY) -> float:
    """Share of the texts of one origin that the filter drops: the paper's noise ratio."""
    own = [each for each in judged if each.origin == origin]
    return sum(not each.is_kept(threshold) for each in own) / max(1, len(own))


def kept_samples(
    stream: Iterable[Sample | Rejection],
    corpus: Corpus,
    judged: Sequence[Judged],
    provenance: dict[str, Any],
    threshold: float = MATCH_PROBABILITY,
) -> Iterable[Sample]:
    """The kept texts as samples, web text before synthetic one. `stream` is read a second time for the pictures; `provenance` (models and
    decoding) is written into every synthetic sample, the filter's part into all."""
    by_position: dict[int, list[Judged]] = {}
    for each in judged:
        if each.is_kept(threshold):
            by_position.setdefault(corpus.pairs[each.pair].position, []).append(each)
    for position, sample in enumerate(stream):
        if position not in by_position or not isinstance(sample, Sample):
            continue
        pair_group = corpus.pairs[by_position[position][0].pair].group
        for each in by_position[position]:
            made_by = {
                "bootstrapped_from": sample.key,
                "match_probability": round(each.match_probability, 6),
                "threshold": threshold,
                **{name: value for name, value in provenance.items() if name == "filter" or each.origin == "synthetic"},
            }
            if each.origin == "synthetic":
                made_by["web_text"] = sample.text
            detail = {**sample.detail, "origin": each.origin, "provenance": made_by}
            group = sample.group or f"web-picture-{pair_group}"
            yield Sample(
                f"{sample.key}#{each.origin}",
                sample.picture,
                each.text,
                sample.licence,
                sample.source,
                group,
                (),
                detail,
            )

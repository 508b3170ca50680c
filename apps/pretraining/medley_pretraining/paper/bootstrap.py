"""CapFilt: a captioner and a filter of the same pre-trained weights, the bootstrapped set, and a new model.

    python -m medley_pretraining.paper.bootstrap --config bootstrap.toml [--device auto|cpu|cuda]

[bootstrap] names checkpoint, clean, web and out. Captioner and filter are fine-tuned apart, each from that checkpoint, on the clean set.
OUT/shards holds the kept pairs with their provenance, OUT/report.json the counts. With a section [pretrain] a new model is then pre-trained on
clean set and shards, from nothing: it is never continued from the old one.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from .batches import PixelImages
from .capfilt import (
    MATCH_PROBABILITY,
    Judged,
    caption_pictures,
    first_pairs,
    judge,
    kept_samples,
    rejected_share,
)
from .command import options, run_command
from .corpus import Corpus, build_corpus
from .generation import Decoding
from .manifest import read_sources
from .network import PaperBlip
from .preparation import prepare, say
from .samples import DataError, Intake
from .settings import Settings, SettingsError, changed, choose_device, merged, read_toml, settings_of
from .shards import write_shards
from .training_run import TrainingRun


@dataclass(frozen=True)
class BootstrapSettings:
    checkpoint: str = ""
    clean: tuple[str, ...] = ()
    web: tuple[str, ...] = ()
    out: str = ""
    decoding: str = "nucleus"
    threshold: float = MATCH_PROBABILITY
    seed: int = 42


def read_bootstrap(raw: dict[str, Any], path: Path) -> BootstrapSettings:
    settings = changed(BootstrapSettings(), raw, f'"{path}" [bootstrap]')
    for name in ("checkpoint", "clean", "web", "out"):
        if not getattr(settings, name):
            raise SettingsError(f'"{path}" [bootstrap].{name} is empty. It needs checkpoint, clean, web and out.')
    if settings.decoding not in ("nucleus", "beam"):
        raise SettingsError(f'"{path}" [bootstrap].decoding is "{settings.decoding}", expected "nucleus" or "beam".')
    return settings


def bootstrap(raw: dict[str, Any], path: Path, device: torch.device) -> Path:
    """Runs the whole of it; every part goes on where it was stopped. Returns the folder of the shards."""
    chosen = read_bootstrap(raw.get("bootstrap", {}), path)
    special = ("bootstrap", "captioner", "filter", "pretrain")
    shared = {name: section for name, section in raw.items() if name not in special}

    def tuned(part: str, task: str) -> TrainingRun:
        own = {
            "start": {"task": task, "checkpoint": chosen.checkpoint},
            "data": {"train": list(chosen.clean)},
            "run": {"out": f"{chosen.out}/{part}"},
        }
        run = prepare(settings_of(merged(shared, raw.get(part, {}), own), path, device), device)
        run.train()
        say(f"{part}: {run.checkpoint}")
        return run

    captioner, filter_run = tuned("captioner", "captioning"), tuned("filter", "retrieval")
    settings = settings_of(merged(shared, {"data": {"train": list(chosen.web)}}), path, device)
    folder = settings.path(chosen.out)
    web, intake = read_web(settings, folder / "web")
    decoding = Decoding(method=chosen.decoding)  # type: ignore[arg-type]  # checked when it was read
    judged = judge_web(captioner.model, filter_run.model, captioner, filter_run, web, settings, decoding, chosen.seed)
    if not any(each.is_kept(chosen.threshold) for each in judged):
        highest = max(each.match_probability for each in judged)
        raise DataError(
            f"The filter kept none of {len(judged)} texts: the highest match probability is {highest:.3f}, bootstrap.threshold is "
            f"{chosen.threshold}. Has matching been learnt? loss/matching in {filter_run.folder}/losses.csv should be well below 0.637, "
            "which is what guessing gives. Train longer, or with objective.easy_negatives."
        )
    provenance = {
        "captioner": file_hash(captioner.checkpoint),
        "filter": file_hash(filter_run.checkpoint),
        "decoding": decoding.describe(),
    }
    sources = [settings.path(name) for name in chosen.web]
    shards = folder / "shards"
    for old in shards.glob("*.tar"):
        old.unlink()
    write_shards(kept_samples(read_sources(sources), web, judged, provenance, chosen.threshold), shards)
    report = counts(judged, chosen.threshold) | {
        "skipped": len(intake.rejections),
        "settings": asdict(chosen),
        **provenance,
    }
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    say(f"{shards}: {json.dumps(counts(judged, chosen.threshold))}")
    if "pretrain" in raw:
        union = {"data": {"train": [*chosen.clean, str(shards)]}, "run": {"out": f"{chosen.out}/model"}}
        run = prepare(settings_of(merged(shared, raw["pretrain"], union), path, device), device)
        run.train()
        say(f"new model: {run.checkpoint}")
    return shards


def read_web(settings: Settings, folder: Path) -> tuple[Corpus, Intake]:
    intake = Intake()
    sources = [settings.path(name) for name in settings.data.train]
    corpus = build_corpus(read_sources(sources), settings.model.image_size, intake, settings.data.licences, folder)
    say(f"web set: {intake.summary()}")
    return corpus, intake


def judge_web(
    captioner: PaperBlip,
    filter_model: PaperBlip,
    captioner_run: TrainingRun,
    filter_run: TrainingRun,
    web: Corpus,
    settings: Settings,
    decoding: Decoding,
    seed: int,
) -> list[Judged]:
    """Synthetic captions of all web pictures, then the verdict on all texts, row by row: the web text first."""
    plain = replace(settings.data, crop_from=1.0, mirror=False, random_augment=False)
    images, device = PixelImages(web.pixels, settings.model.image_size, plain), captioner_run.device
    rows = first_pairs(web)
    captions = caption_pictures(
        captioner, captioner_run.lexicon, images, [web.pairs[row].picture for row in rows], decoding, seed, device
    )
    texts = [(row, "web", pair.text) for row, pair in enumerate(web.pairs)]
    texts += [(row, "synthetic", caption) for row, caption in zip(rows, captions, strict=True)]
    texts.sort(key=lambda each: each[0])  # stable: web before synthetic
    return judge(filter_model, filter_run.lexicon, images, web, texts, settings.data.text_tokens, device)  # type: ignore[arg-type]


def counts(judged: list[Judged], threshold: float) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for origin in ("web", "synthetic"):
        own = [each for each in judged if each.origin == origin]
        found[origin] = {
            "texts": len(own),
            "kept": sum(each.is_kept(threshold) for each in own),
            "rejected_share": round(rejected_share(judged, origin, threshold), 4),
        }
    return found


def file_hash(path: Path) -> str:
    with path.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()


def main() -> None:
    chosen = options(__doc__.splitlines()[0]).parse_args()

    def work() -> None:
        device = choose_device(chosen.device)
        bootstrap(read_toml(chosen.config), chosen.config, device)

    run_command(work)


if __name__ == "__main__":
    main()

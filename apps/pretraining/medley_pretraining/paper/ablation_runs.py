"""The models of one seed of the ablations: pre-trained, fine-tuned, bootstrapped and scored. Every finished part is kept and not made again."""

from __future__ import annotations

import copy
import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..arithmetic import has_fast_bfloat16
from .ablation_data import AblationData
from .ablation_start import apply_text_start, teacher_embeddings, text_start
from .batches import TokenImages
from .capfilt import Judged, caption_pictures, first_pairs, judge, rejected_share
from .checkpoint import model_of, read_checkpoint
from .corpus import Corpus, Pair
from .generation import Decoding
from .lexicon import Lexicon, load_tokenizer
from .network import SHARINGS, PaperBlip
from .preparation import assemble
from .retrieval_score import score_pool
from .settings import Settings, build_settings

CPU = torch.device("cpu")
PROJECTION = 128
TEXT_TOKENS = 10  # names and titles; a longer one would make all texts of its batch longer
CAPTION_TOKENS = 16  # the same behind the prompt


@dataclass(frozen=True)
class Scale:
    """How large the ablations are. pretrain_epochs counts the pairs of the raw web and the clean set; every pre-training takes as many steps
    as these make, however many pairs its own set has, since at this size the number of steps would outweigh everything else. The
    filter is tuned shortly: matching overfits a small clean set and then rejects nearly all."""

    seeds: tuple[int, ...]
    width: int
    vision_blocks: int
    text_layers: int
    batch: int
    pretrain_epochs: float
    captioner_epochs: float
    filter_epochs: float
    rate: float
    captioner_rate: float
    filter_rate: float
    queue: int
    start_steps: int = 600
    most_web: int = 0


FULL = Scale((0, 1, 2), 128, 1, 2, 64, 7, 24, 3, 1e-3, 5e-4, 2e-4, 512)
SMOKE = Scale((0, 1, 2), 64, 1, 1, 32, 0.5, 0.5, 0.5, 1e-3, 5e-4, 2e-4, 128, 40, most_web=400)
LONGER = 1.6  # of the steps: training longer on the raw set, as in the paper's Table 12 (24.7 of 15.3 million texts)


class Laboratory:
    """The runs of one seed. `say` reports; the folder holds checkpoints and results."""

    def __init__(self, data: AblationData, scale: Scale, seed: int, out: Path, say: Callable[[str], None]) -> None:
        self.data, self.scale, self.seed, self.say = data, scale, seed, say
        self.out = out / f"seed-{seed}"
        self.lexicon = Lexicon.of_texts(
            load_tokenizer(data.vocabulary),
            [*data.web.texts(), *data.clean.texts(), *data.pools[0].texts, *data.pools[1].texts],
        )
        self.images = TokenImages(data.tokens)
        self.text_start = self._text_start(out)
        self.union = joined(data.web.pairs, data.clean.pairs)

    def results(self) -> dict[str, dict[str, Any]]:
        """Everything of one seed: name of the run -> scores by pool, pairs, steps; and the reject shares."""
        nothing = self.pretrained("none", self.union)
        found = {"none": self.scored("none", nothing, self.union)}
        for sharing in SHARINGS:
            if sharing != nothing.sharing:
                name = f"sharing-{sharing}"
                found[name] = self.scored(name, self.pretrained(name, self.union, sharing), self.union)
        captioner, filter_model = (
            self.tuned("captioner", "captioning", nothing),
            self.tuned("filter", "retrieval", nothing),
        )
        both = self.tuned("captioner-and-filter", "both", nothing)
        nucleus = self.judged("nucleus", captioner, filter_model, Decoding("nucleus"))
        beam = self.judged("beam", captioner, filter_model, Decoding("beam"))
        shared = self.judged("shared", both, both, Decoding("nucleus"))
        sets = {
            "F": self.bootstrapped(nucleus, web=True, synthetic=None),
            "C": self.bootstrapped(nucleus, web=False, synthetic=False),
            "C+F": self.bootstrapped(nucleus, web=True, synthetic=True),
            "C+F beam": self.bootstrapped(beam, web=True, synthetic=True),
            "C+F shared": self.bootstrapped(shared, web=True, synthetic=True),
        }
        for name, pairs in sets.items():
            found[name] = self.scored(name, self.pretrained(name, pairs), pairs)
        longer = self.pretrained("none longer", self.union, times=LONGER)
        found["none longer"] = self.scored("none longer", longer, self.union)
        continued = self.pretrained("C+F continued", sets["C+F"], start=nothing)
        found["C+F continued"] = self.scored("C+F continued", continued, sets["C+F"])
        rejects = {
            f"rejected {name}": {origin: 100 * rejected_share(judged, origin) for origin in ("web", "synthetic")}
            for name, judged in (("nucleus", nucleus), ("beam", beam), ("shared", shared))
        }
        return {**found, **rejects}

    def pretrained(
        self,
        name: str,
        corpus: Corpus,
        sharing: str = "all-but-self-attention",
        times: float = 1.0,
        start: PaperBlip | None = None,
    ) -> PaperBlip:
        """times: so many times the steps of the other runs."""
        settings = self._settings("")
        epochs = times * settings.optimiser.epochs * len(self.union.pairs) / len(corpus.pairs)
        settings = dataclasses.replace(settings, optimiser=dataclasses.replace(settings.optimiser, epochs=epochs))
        torch.manual_seed(1000 + self.seed)
        model = PaperBlip(settings.model.geometry(len(self.lexicon)), sharing)  # type: ignore[arg-type]
        apply_text_start(model, self.text_start)
        if start is not None:
            model.load_state_dict(start.state_dict())
        return self._trained(name, settings, corpus, model)

    def tuned(self, name: str, task: str, start: PaperBlip) -> PaperBlip:
        """On the clean set; "both" trains all three losses at once, as the shared captioner and filter of the paper's Table 4."""
        settings = self._settings("retrieval" if task == "both" else task)
        if task == "both":
            both = dataclasses.replace(settings.objective, language=1.0)
            length = dataclasses.replace(settings.optimiser, epochs=self.scale.captioner_epochs / 2)
            settings = dataclasses.replace(settings, objective=both, optimiser=length)
        return self._trained(name, settings, self.data.clean, copy.deepcopy(start))

    def _text_start(self, out: Path) -> dict[str, torch.Tensor]:
        """The same for all seeds: the smaller noise of one start is left out of the comparison."""
        texts = list(dict.fromkeys([*self.data.web.texts(), *self.data.clean.texts()]))
        targets = teacher_embeddings(texts, self.data.vocabulary.parent, PROJECTION, out / f"teacher-{len(texts)}.pt")
        torch.manual_seed(0)
        model = PaperBlip(self._settings("").model.geometry(len(self.lexicon)))
        with torch.no_grad():
            words = self.data.words[torch.tensor(self.lexicon.bert_ids)]
            model.text_encoder.embeddings.word_embeddings.weight.copy_(words)
        path = out / f"text-start-{self.scale.width}-{self.scale.text_layers}.pt"
        return text_start(model, self.lexicon, texts, targets, path, self.scale.start_steps)

    def _settings(self, task: str) -> Settings:
        scale = self.scale
        raw: dict[str, Any] = {
            "model": {
                "image_size": 56,
                "patch_size": 14,
                "width": scale.width,
                "vision_blocks": scale.vision_blocks,
                "vision_heads": scale.width // 32,
                "text_layers": scale.text_layers,
                "text_heads": scale.width // 32,
                "projection": PROJECTION,
                "dropout": 0.0,
            },
            "data": {"text_tokens": CAPTION_TOKENS if task == "captioning" else TEXT_TOKENS},
            "objective": {
                "queue": 0 if task == "captioning" else scale.queue,
                "momentum": 0.98,  # the paper's 0.995 needs thousands of steps to move away from the start
                "soft_label_ramp_epochs": 1.0,
                "temperature_rate": 0.1,
                "easy_negatives": 0.6,  # with similar ones from the start, matching stays at chance for as long as such a run lasts
            },
            "optimiser": {
                "batch": scale.batch,
                "epochs": {"captioning": scale.captioner_epochs, "retrieval": scale.filter_epochs}.get(
                    task, scale.pretrain_epochs
                ),
                "rate": {"captioning": scale.captioner_rate, "retrieval": scale.filter_rate}.get(task, scale.rate),
                "warmup_steps": 50,
                "schedule": "cosine",
                "lowest_rate": 1e-6,
            },
            "run": {"seed": self.seed, "checkpoint_steps": 0, "log_steps": 10, "bfloat16": has_fast_bfloat16()},
        }
        if task:
            raw["start"] = {"task": task, "checkpoint": "memory"}
        return build_settings(raw, self.out, "ablation")

    def _trained(self, name: str, settings: Settings, corpus: Corpus, model: PaperBlip) -> PaperBlip:
        folder = self.out / name.replace(" ", "-")
        if (folder / "checkpoint.pt").exists():
            return model_of(read_checkpoint(folder / "checkpoint.pt"))
        began = time.monotonic()
        run = assemble(settings, folder, corpus, self.lexicon, model, CPU, self.images)
        run.say = lambda text: None
        run.train()
        self.say(
            f"seed {self.seed} {name}: {run.steps} steps of {run.optimiser.batch} in {time.monotonic() - began:.0f} s"
        )
        return run.model

    def judged(self, name: str, captioner: PaperBlip, filter_model: PaperBlip, decoding: Decoding) -> list[Judged]:
        path = self.out / f"judged-{name}.json"
        if path.exists():
            return [Judged(**each) for each in json.loads(path.read_text())]
        began, web = time.monotonic(), self.data.web
        rows = first_pairs(web)
        captions = caption_pictures(
            captioner, self.lexicon, self.images, [web.pairs[row].picture for row in rows], decoding, self.seed, CPU
        )
        texts = [(row, "web", pair.text) for row, pair in enumerate(web.pairs)]
        texts += [(row, "synthetic", caption) for row, caption in zip(rows, captions, strict=True)]
        judged = judge(filter_model, self.lexicon, self.images, web, texts, TEXT_TOKENS, CPU)  # type: ignore[arg-type]
        path.write_text(json.dumps([asdict(each) for each in judged], indent=0))
        shares = ", ".join(
            f"{100 * rejected_share(judged, origin):.0f} % of {origin}" for origin in ("web", "synthetic")
        )  # type: ignore[arg-type]
        self.say(f"seed {self.seed} {name}: rejects {shares} in {time.monotonic() - began:.0f} s")
        return judged

    def bootstrapped(self, judged: Sequence[Judged], web: bool, synthetic: bool | None) -> Corpus:
        """The clean set and of the web pictures: web texts, filtered where `web`; synthetic ones, filtered where `synthetic`, none at None."""
        kept = []
        for each in judged:
            filtered = web if each.origin == "web" else synthetic
            if filtered is not None and (not filtered or each.is_kept()) and each.text:
                pair = self.data.web.pairs[each.pair]
                kept.append(dataclasses.replace(pair, key=f"{pair.key}#{each.origin}", text=each.text))
        return joined(kept, self.data.clean.pairs)

    def scored(self, name: str, model: PaperBlip, corpus: Corpus) -> dict[str, Any]:
        path = self.out / f"score-{name.replace(' ', '-')}.json"
        if not path.exists():
            scores = {
                pool.name: asdict(score_pool(model, self.lexicon, self.images, pool.pictures, pool.texts, TEXT_TOKENS))
                for pool in self.data.pools
            }
            path.write_text(json.dumps({"pairs": len(corpus.pairs), **scores}, indent=2) + "\n")
        return json.loads(path.read_text())


def joined(web: Sequence[Pair], clean: Sequence[Pair]) -> Corpus:
    """Both sets with groups that do not collide; there are no pixels, pictures are rows of the tokens."""
    first = max((pair.group for pair in web), default=-1) + 1
    pairs = (*web, *(dataclasses.replace(pair, group=pair.group + first) for pair in clean))
    return Corpus(np.zeros((0, 1, 1, 3), np.uint8), tuple(pairs), f"{len(web)}+{len(clean)}")

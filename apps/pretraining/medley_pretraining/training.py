"""What every phase shares: schedule, sampling mix, checkpoints, and the loop that runs steps until the samples are done."""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .model import Blip
from .records import Record

CHECKPOINT_SECONDS = 180
LOG_STEPS = 50
GRADIENT_NORM = 2.0


def rate_factor(done: float, warmup: float = 0.04, floor: float = 0.03) -> float:
    """Linear warm-up, then a cosine down to `floor`; `done` runs from 0 to 1."""
    if done < warmup:
        return max(done, 1e-3) / warmup
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, (done - warmup) / (1 - warmup))))


class MixSampler:
    """Draws picture indices: the source by the mix, the picture without repetition until its source is used up."""

    def __init__(
        self, records: list[Record], mix: dict[str, float], rng: random.Random, skip_fresh: bool = False
    ) -> None:
        self.rng = rng
        self._by_source: dict[str, list[int]] = {}
        for index, record in enumerate(records):
            if skip_fresh and record.fresh:
                continue
            self._by_source.setdefault(record.source, []).append(index)
        self._mix = {source: share for source, share in mix.items() if source in self._by_source}
        if not self._mix:
            raise ValueError(f"The mix names {sorted(mix)}, but the records come from {sorted(self._by_source)}.")
        self._left: dict[str, list[int]] = {source: [] for source in self._mix}

    def draw(self, number: int) -> list[int]:
        drawn = []
        for source in self.rng.choices(list(self._mix), list(self._mix.values()), k=number):
            if not self._left[source]:
                self._left[source] = self._by_source[source][:]
                self.rng.shuffle(self._left[source])
            drawn.append(self._left[source].pop())
        return drawn

    def state(self) -> dict[str, Any]:
        return {"left": {source: list(left) for source, left in self._left.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        self._left.update(state["left"])


def parameter_groups(groups: Iterable[tuple[Iterable[nn.Parameter], float]]) -> list[dict[str, Any]]:
    """AdamW groups; `base` keeps the peak learning rate that the schedule scales."""
    return [{"params": list(parameters), "lr": rate, "base": rate} for parameters, rate in groups]


def text_groups(model: Blip, rate: float, cross_rate: float) -> list[dict[str, Any]]:
    """Everything but vision: cross-attention and heads at their own rate. Shared parameters appear once."""
    fast, slow, seen = [], [], set()
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad or id(parameter) in seen or name.startswith("vision"):
            continue
        seen.add(id(parameter))
        is_fast = ".crossattention." in name or name.startswith(("text_proj", "itm_head")) or ".transform." in name
        (fast if is_fast else slow).append(parameter)
    slow.append(model.trained_words.rows)
    fast.append(model.trained_words.bias)
    return parameter_groups([(slow, rate), (fast, cross_rate)])


def captioner_groups(model: Blip, rate: float) -> list[dict[str, Any]]:
    """The decoder's own parameters of a decoupled model, everything else frozen: what filter and captioner share stays as the filter
    left it."""
    own = list(model.captioner_parameters())
    for parameter in (*model.parameters(), model.trained_words.rows, model.trained_words.bias):
        parameter.requires_grad_(False)
    for parameter in own:
        parameter.requires_grad_(True)
    return parameter_groups([(own, rate)])


def save_atomically(content: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(content, partial)
    os.replace(partial, path)


@dataclass
class Progress:
    """How far a phase is; survives a restart."""

    samples: int = 0
    steps: int = 0
    seconds: float = 0.0
    done: bool = False
    fraction: float = 0.0  # of the phase, when the current step began


@dataclass
class Phase:
    """One phase of training, resumable. `step` takes the drawn indices and returns the loss and what to log."""

    name: str
    model: Blip
    optimizer: torch.optim.Optimizer
    sampler: MixSampler
    batch: int
    samples: int
    step: Callable[[list[int], Progress], tuple[Tensor, dict[str, float]]]
    checkpoint: Path
    cap_seconds: float = math.inf
    after_step: Callable[[], None] = lambda: None
    extra_state: Callable[[], dict[str, Any]] = dict
    restore_extra: Callable[[dict[str, Any]], None] = lambda state: None
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    progress: Progress = field(default_factory=Progress)

    def fraction(self) -> float:
        """Share of the phase that is done: by samples, or by the clock where a cap would end it earlier."""
        return min(1.0, max(self.progress.samples / self.samples, self.progress.seconds / self.cap_seconds))

    def resume(self) -> None:
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, weights_only=False)
        load_model(self.model, state["model"])
        with torch.no_grad():
            for parameter, saved in zip(
                (self.model.trained_words.rows, self.model.trained_words.bias), state["active"], strict=True
            ):
                parameter.copy_(saved)
        self.optimizer.load_state_dict(state["optimizer"])
        self.sampler.restore(state["sampler"])
        self.sampler.rng.setstate(state["python_random"])
        torch.set_rng_state(state["torch_random"])
        self.restore_extra(state["extra"])
        self.progress = Progress(**state["progress"])
        print(f"{self.name}: resumed at {self.progress.samples} samples", flush=True)

    def save(self) -> None:
        save_atomically(
            {
                "model": self.model.export_state(),
                "optimizer": self.optimizer.state_dict(),
                "sampler": self.sampler.state(),
                "python_random": self.sampler.rng.getstate(),
                "torch_random": torch.get_rng_state(),
                "extra": self.extra_state(),
                "progress": vars(self.progress),
                "active": (self.model.trained_words.rows.detach(), self.model.trained_words.bias.detach()),
            },
            self.checkpoint,
        )

    def run(self) -> None:
        """Steps until the samples or the cap are reached; then marks the checkpoint as done."""
        self.resume()
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        logged: list[dict[str, float]] = []
        before = saved = time.monotonic()
        while not self.progress.done:
            self.progress.fraction = self.fraction()
            factor = rate_factor(self.progress.fraction)
            for group in self.optimizer.param_groups:
                group["lr"] = group["base"] * factor
            loss, measured = self.step(self.sampler.draw(self.batch), self.progress)
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, GRADIENT_NORM)
            self.optimizer.step()
            self.after_step()
            now = time.monotonic()
            self.progress.seconds += now - before
            before = now
            self.progress.samples += self.batch
            self.progress.steps += 1
            self.progress.done = self.fraction() >= 1.0
            logged.append({"loss": loss.item(), **measured})
            if self.progress.steps % LOG_STEPS == 0:
                self._log(logged)
                logged = []
            if now - saved > self.checkpoint_seconds or self.progress.done:
                self.save()
                saved = time.monotonic()
        print(f"{self.name}: done, {self.progress.samples} samples in {self.progress.seconds:.0f} s", flush=True)

    def _log(self, logged: list[dict[str, float]]) -> None:
        names = list(dict.fromkeys(name for entry in logged for name in entry))
        means = {
            name: sum(entry[name] for entry in logged if name in entry) / sum(name in entry for entry in logged)
            for name in names
        }
        rate = self.progress.samples / max(self.progress.seconds, 1e-9)
        print(
            f"{self.name} {self.progress.samples}/{self.samples} {self.progress.seconds:.0f}s {rate:.1f}/s "
            + " ".join(f"{name} {value:.3f}" for name, value in means.items()),
            flush=True,
        )


def load_model(model: Blip, state: dict[str, Tensor]) -> None:
    """Loads a full state, decoupled where the state is, and refreshes the active vocabulary from it."""
    shared = [name for name in state if name.startswith("text_encoder.encoder.") and ".crossattention." in name]
    theirs = (state[name.replace("text_encoder.", "text_decoder.bert.", 1)] for name in shared)
    if not model.decoupled and not all(map(torch.equal, (state[name] for name in shared), theirs)):
        model.decouple()  # or one of the two would overwrite the other
    model.load_state_dict(state)
    active = model.active
    if active is not None:
        with torch.no_grad():
            active.rows.copy_(state["text_encoder.embeddings.word_embeddings.weight"][active.token_ids])
            active.bias.copy_(state["text_decoder.cls.predictions.bias"][active.token_ids].clamp(min=-30))

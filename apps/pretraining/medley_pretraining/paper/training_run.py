"""Runs one objective over one corpus: learning rate, clipping, logs, checkpoints, and the stop at a loss that is no number."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from .batches import Batch, BatchMaker
from .checkpoint import (
    CheckpointError,
    model_content,
    random_state,
    read_checkpoint,
    restore_random,
    write_checkpoint,
)
from .corpus import EpochOrder
from .lexicon import Lexicon
from .network import PaperBlip
from .run_log import RunLog
from .settings import OptimiserSettings, RunSettings


class LossError(ArithmeticError):
    """A loss or gradient is no finite number; the message names the step, the losses, and the file that holds the batch."""


class Objective(Protocol):
    def losses(self, batch: Batch, step: int) -> tuple[dict[str, Tensor], dict[str, float]]: ...


def rate_at(step: int, steps_per_epoch: int, steps: int, settings: OptimiserSettings) -> float:
    """Linear warm-up in steps; then by epoch (BLIP: peak·decay^epoch, never below the lowest), or a cosine over the whole run (by step;
    the original moves it by epoch)."""
    if step < settings.warmup_steps:
        return settings.warmup_rate + (settings.rate - settings.warmup_rate) * step / settings.warmup_steps
    if settings.schedule == "step":
        return max(settings.lowest_rate, settings.rate * settings.decay ** (step // steps_per_epoch))
    done = min(1.0, step / max(1, steps))
    return settings.lowest_rate + (settings.rate - settings.lowest_rate) * 0.5 * (1 + math.cos(math.pi * done))


@dataclass
class TrainingRun:
    """One run in one folder: checkpoint.pt, losses.csv, tensorboard/, curves.png. Started again, it goes on at its checkpoint."""

    folder: Path
    model: PaperBlip
    objective: nn.Module  # an Objective
    maker: BatchMaker
    lexicon: Lexicon
    optimiser: OptimiserSettings
    run: RunSettings
    device: torch.device
    frozen: tuple[str, ...] = ()  # first part of the names of parameters that are not trained
    detail: dict[str, Any] = field(
        default_factory=dict
    )  # goes into the checkpoint: task, settings, where the weights began
    temperature_rate: float = 1.0  # learning rate of the temperature, as a share
    logged: bool = True  # files beside the checkpoint; ablations of a hundred runs do without
    say: Callable[[str], None] = lambda text: print(text, flush=True)

    def __post_init__(self) -> None:
        self.step = 0
        self.model.to(self.device)
        self.objective.to(self.device)
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(not name.startswith(self.frozen) if self.frozen else True)
        own = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        beside = [parameter for parameter in self.objective.parameters() if parameter.requires_grad]  # the temperature
        self.parameters = own + beside
        groups = [{"params": own, "share": 1.0}, {"params": beside, "share": self.temperature_rate}]
        self.adamw = torch.optim.AdamW(groups, weight_decay=self.optimiser.weight_decay, foreach=True)
        self.order = EpochOrder(len(self.maker.corpus.pairs), self.optimiser.batch, self.run.seed)
        self.steps = max(1, math.ceil(self.optimiser.epochs * self.order.steps_per_epoch))

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def train(self) -> PaperBlip:
        """To the last step; returns the model in evaluation mode. A finished run returns at once."""
        self.resume()
        if self.step >= self.steps:
            return self.model.eval()
        log = RunLog(self.folder, self.step) if self.logged else None
        try:
            self.model.train()
            while self.step < self.steps:
                values = self.one_step()
                if log and ((self.step - 1) % self.run.log_steps == 0 or self.step == self.steps):
                    log.write(self.step - 1, values)
                if self.run.checkpoint_steps and self.step % self.run.checkpoint_steps == 0 and self.step < self.steps:
                    self.save()
                    self._report(values, log)
            self.save()
        finally:
            if log:
                log.close()
        return self.model.eval()

    def one_step(self) -> dict[str, float]:
        rate = rate_at(self.step, self.order.steps_per_epoch, self.steps, self.optimiser)
        for group in self.adamw.param_groups:
            group["lr"] = rate * group["share"]
        batch = self.maker.make(self.order.rows(self.step), self.step)
        with torch.autocast(self.device.type, torch.bfloat16) if self.run.bfloat16 else nullcontext():
            losses, measured = self.objective.losses(batch, self.step)
        loss = torch.stack(list(losses.values())).sum()
        self.adamw.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.parameters, self.optimiser.gradient_norm or math.inf)
        values = {
            "loss": loss.item(),
            **{f"loss/{name}": value.item() for name, value in losses.items()},
            "rate": rate,
            "gradient_norm": norm.item(),
            **measured,
        }
        if not (math.isfinite(values["loss"]) and math.isfinite(values["gradient_norm"])):
            raise self._stopped(batch, values)
        self.adamw.step()
        self.step += 1
        return values

    def save(self) -> None:
        write_checkpoint(
            {
                **model_content(self.model, self.lexicon.bert_ids),
                "pixels": {
                    "mean": list(self.maker.data.pixel_mean),
                    "deviation": list(self.maker.data.pixel_deviation),
                },
                "objective": self.objective.state_dict(),
                "optimizer": self.adamw.state_dict(),
                "step": self.step,
                "random": random_state(self.device),
                "data": self.maker.corpus.fingerprint,
                "plan": self._plan(),
                "detail": json.dumps(self.detail),
            },
            self.checkpoint,
        )

    def resume(self) -> None:
        """Goes on where the folder's checkpoint was written; refuses one of other data, another geometry or another plan."""
        if not self.checkpoint.exists():
            return
        content = read_checkpoint(self.checkpoint)
        if "optimizer" not in content:
            raise CheckpointError(
                f'Checkpoint "{self.checkpoint}" holds weights only. Choose another run.out to start from it.'
            )
        for name, tensor in self.model.state_dict().items():
            theirs = content["model"].get(name)
            if theirs is None or theirs.shape != tensor.shape:
                found = list(theirs.shape) if theirs is not None else "nothing"
                raise CheckpointError(
                    f'Tensor "{name}" of checkpoint "{self.checkpoint}" has shape {found}, expected {list(tensor.shape)}. '
                    "The run began with another geometry or other texts: restore its configuration, or choose another run.out."
                )
        for what, theirs, ours in (
            ("data", content["data"], self.maker.corpus.fingerprint),
            ("batch, epochs, seed and frozen part", content["plan"], self._plan()),
        ):
            if theirs != ours:
                raise CheckpointError(
                    f'Checkpoint "{self.checkpoint}" belongs to a run with other {what} ({theirs}, now {ours}). '
                    "Restore them to go on, or choose another run.out."
                )
        self.model.load_state_dict(content["model"])
        self.objective.load_state_dict(content["objective"])
        self.adamw.load_state_dict(content["optimizer"])
        restore_random(content["random"], self.device)
        self.step = content["step"]
        self.say(f"{self.folder.name}: goes on at step {self.step} of {self.steps}")

    def _plan(self) -> str:
        return f"batch {self.optimiser.batch}, {self.steps} steps, seed {self.run.seed}, frozen {', '.join(self.frozen) or 'nothing'}"

    def _report(self, values: dict[str, float], log: RunLog | None) -> None:
        named = " ".join(f"{name} {value:.4g}" for name, value in values.items())
        self.say(f"{self.folder.name}: step {self.step} of {self.steps}: {named}")
        if log:
            log.draw()

    def _stopped(self, batch: Batch, values: dict[str, float]) -> LossError:
        path = self.folder / f"stopped-at-step-{self.step}.pt"
        write_checkpoint(
            {
                "step": self.step,
                "keys": batch.keys,
                "texts": [pair.text for pair in batch.pairs],
                "images": batch.images.detach().cpu(),
                "captions": batch.captions,
                "values": values,
            },
            path,
        )
        wrong = ", ".join(f"{name} {value}" for name, value in values.items() if not math.isfinite(value))
        kept = (
            f'The checkpoint "{self.checkpoint}" is from before it'
            if self.checkpoint.exists()
            else "No checkpoint was written yet"
        )
        return LossError(
            f'Step {self.step} is no finite number ({wrong}). Its batch is in "{path}": {", ".join(batch.keys[:8])}'
            f"{' and others' if len(batch.keys) > 8 else ''}. {kept}. Look at the samples, or lower optimiser.rate, now {values['rate']:.2g}."
        )

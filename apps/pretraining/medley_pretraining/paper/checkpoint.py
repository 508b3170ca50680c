"""Checkpoints: everything a run needs to go on as if it had never stopped, written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..model import Geometry
from .network import PaperBlip

FORMAT = 1
ENCODER, DECODER = "text_encoder.", "text_decoder."  # how the names of a tower's parameters begin
POSITIONS = "vision_model.embeddings.position_embedding"


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written or does not fit; the message says which file, what is wrong and what to do."""


def write_checkpoint(content: dict[str, Any], path: Path) -> None:
    """Under another name first; where that fails, the checkpoint that was there stays and nothing else is left behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as stream:
            torch.save(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
    except (OSError, RuntimeError) as error:
        partial.unlink(missing_ok=True)
        free = shutil.disk_usage(path.parent).free
        full = not isinstance(error, OSError) or error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
        earlier = "The checkpoint before it is intact" if path.exists() else "There is no checkpoint yet"
        raise CheckpointError(
            f'Checkpoint "{path}" could not be written: {error}. {free / 2**20:.0f} MiB are free. {earlier}. '
            + (
                "Make room and start the same command again."
                if full
                else "Check the folder and start the same command again."
            )
        ) from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Holds tensors, numbers and strings only, so it is read without running code from the file."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f'Checkpoint "{path}" does not exist.') from error
    except Exception as error:  # torch raises many kinds for a file that is cut off or something else
        raise CheckpointError(f'Checkpoint "{path}" cannot be read: {str(error).splitlines()[0]}') from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f'"{path}" is no checkpoint of this tool (format {FORMAT}). Was it written by train.py?')
    return content


def model_content(model: PaperBlip, bert_ids: list[int]) -> dict[str, Any]:
    """The part of a checkpoint that other runs start from."""
    return {
        "format": FORMAT,
        "geometry": asdict(model.geometry),
        "sharing": model.sharing,
        "bert_ids": bert_ids,
        "model": model.state_dict(),
    }


def model_of(content: dict[str, Any]) -> PaperBlip:
    """The model of a checkpoint as it was trained, for generation and scoring."""
    model = PaperBlip(Geometry(**content["geometry"]), content["sharing"])
    model.load_state_dict(content["model"])
    return model.eval()


def load_weights(model: PaperBlip, content: dict[str, Any], path: Path, tower: str = ENCODER) -> None:
    """Into a model of the same geometry. The picture size may differ: positions are then interpolated as BLIP does (section 1.1).
    Where the model shares what the content has twice (captioner and filter decoupled), the weights of `tower` are taken. Raises CheckpointError with the first tensor that does not fit and both shapes."""
    state = dict(content["model"])
    if state[POSITIONS].shape[2] == model.geometry.width:
        state[POSITIONS] = resized_positions(state[POSITIONS], model.geometry.tokens)
    own = model.state_dict()
    for name, tensor in own.items():
        if name not in state:
            raise CheckpointError(f'Checkpoint "{path}" lacks the tensor "{name}" ({list(tensor.shape)}).')
        if state[name].shape != tensor.shape:
            raise CheckpointError(
                f'Tensor "{name}" of checkpoint "{path}" has shape {list(state[name].shape)}, expected {list(tensor.shape)}. '
                "Give section [model] the sizes that the checkpoint was trained with."
            )
    extra = sorted(set(state) - set(own))
    if extra:
        raise CheckpointError(
            f'Checkpoint "{path}" has the tensor "{extra[0]}" ({list(state[extra[0]].shape)}) and the configured model has none of that name. '
            "Give section [model] the sizes that the checkpoint was trained with."
        )
    for key in ("vision_heads", "text_heads", "patch_size"):  # the shapes of tensors do not show these
        theirs, ours = content["geometry"][key], getattr(model.geometry, key)
        if theirs != ours:
            raise CheckpointError(
                f'Checkpoint "{path}" was trained with model.{key} {theirs}, the configuration says {ours}.'
            )
    model.load_state_dict(of_one_tower(state, own, tower))


def of_one_tower(state: dict[str, Tensor], own: dict[str, Tensor], tower: str) -> dict[str, Tensor]:
    """`state` with one tensor for all names that are one parameter in `own`: that of `tower`. Loading would take the last of them."""
    preferred = {tensor.data_ptr(): state[name] for name, tensor in own.items() if name.startswith(tower)}
    return {name: preferred.get(own[name].data_ptr(), tensor) for name, tensor in state.items()}


def resized_positions(positions: Tensor, tokens: int) -> Tensor:
    """Position embeddings [1, 1 + G², D] for another grid: bicubic without antialiasing, the class token untouched."""
    if positions.shape[1] == tokens:
        return positions
    before, after = round((positions.shape[1] - 1) ** 0.5), round((tokens - 1) ** 0.5)
    grid = positions[:, 1:].reshape(1, before, before, -1).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, (after, after), mode="bicubic", align_corners=False)
    return torch.cat([positions[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)], 1)


def random_state(device: torch.device) -> dict[str, Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random(state: dict[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)

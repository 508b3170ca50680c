"""Runs the phases, each resumable: what is done is skipped, what was stopped goes on at its last checkpoint.

    python -m medley_pretraining.train --cache CACHE --work WORK [--phases tokens,image] [--minutes image=20,joint=45]

Without --phases all run in their order; the text distillation runs beside the token cache in a process of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import torch

from .phases.distil import distil_text
from .phases.grounding import run_grounding
from .phases.image import train_image_side
from .phases.teacher import build_bank
from .phases.tokens import cache_frozen_tokens
from .recipe import load_recipe
from .workspace import Workspace

PHASES = ("teacher", "distil", "tokens", "image", "final", "language", "joint", "mined", "captioner")


def run_phase(space: Workspace, phase: str) -> None:
    if phase == "teacher":
        build_bank(space)
    elif phase == "distil":
        distil_text(space)
    elif phase == "tokens":
        cache_frozen_tokens(space)
    elif phase == "image":
        train_image_side(space)
    else:
        run_grounding(space, phase)


def run_all(space: Workspace, arguments: list[str]) -> None:
    build_bank(space)
    beside = subprocess.Popen([sys.executable, "-m", "medley_pretraining.train", *arguments, "--phases", "distil"])
    for phase in ("tokens", "image"):
        run_phase(space, phase)
    if beside.wait() != 0:
        raise SystemExit("The text distillation failed; see its messages above.")
    for phase in PHASES[4:]:
        run_phase(space, phase)


def parse_minutes(text: str) -> dict[str, float]:
    """ "image=20,joint=45" -> seconds per phase."""
    caps = {}
    for part in filter(None, text.split(",")):
        phase, _, minutes = part.partition("=")
        if phase not in PHASES:
            raise SystemExit(f'--minutes names the phase "{phase}", expected one of {", ".join(PHASES)}.')
        caps[phase] = 60 * float(minutes)
    return caps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True, help="folder of the fetched packages (data step)")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder of pictures, caches and checkpoints (data step)"
    )
    parser.add_argument("--recipe", type=Path, help="another recipe.toml")
    parser.add_argument("--phases", default="all", help=f"some of {','.join(PHASES)}; default all")
    parser.add_argument("--minutes", default="", help='end phases early by the clock, e.g. "image=20,joint=45"')
    parser.add_argument(
        "--threads",
        type=int,
        default=1,
        help="threads of this process; more than one is slower beside any other busy process",
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    space = Workspace(
        options.cache.resolve(),
        options.work.resolve(),
        load_recipe(options.recipe),
        caps=parse_minutes(options.minutes),
    )
    if options.phases == "all":
        run_all(space, sys.argv[1:])
        return
    for phase in options.phases.split(","):
        if phase not in PHASES:
            raise SystemExit(f'--phases names "{phase}", expected some of {", ".join(PHASES)}.')
        run_phase(space, phase)


if __name__ == "__main__":
    main()

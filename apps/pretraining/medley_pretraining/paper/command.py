"""What the commands of this package share: their options, and errors as one sentence instead of a trace."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from .checkpoint import CheckpointError
from .samples import DataError
from .settings import DEVICES, SettingsError
from .training_run import LossError

EXPECTED_ERRORS = (CheckpointError, DataError, LossError, SettingsError)


def options(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", type=Path, required=True, help="TOML configuration; paths in it are relative to it")
    parser.add_argument("--device", default="auto", choices=DEVICES, help="auto takes a CUDA GPU where there is one")
    return parser


def run_command(work: Callable[[], None]) -> None:
    """Exit status 1 and the message for what a user can put right; a trace for everything else."""
    try:
        work()
    except EXPECTED_ERRORS as error:
        sys.exit(f"error: {error}")

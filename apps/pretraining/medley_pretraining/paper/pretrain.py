"""Pre-trains a new model with ITC, ITM and LM.

    python -m medley_pretraining.paper.pretrain --config pretrain.toml [--device auto|cpu|cuda]

The folder run.out gets checkpoint.pt, losses.csv, tensorboard/, curves.png and skipped.txt. The same command goes on after a stop.
"""

from __future__ import annotations

from .command import options, run_command
from .preparation import prepare, say
from .settings import SettingsError, choose_device, load_settings


def main() -> None:
    chosen = options(__doc__.splitlines()[0]).parse_args()

    def work() -> None:
        device = choose_device(chosen.device)
        settings = load_settings(chosen.config, device)
        if settings.start.task or settings.start.checkpoint:
            raise SettingsError(
                f'"{chosen.config}" has a section [start]. Pre-training starts anew; use paper.finetune.'
            )
        run = prepare(settings, device)
        run.train()
        say(f"{run.checkpoint}: {run.steps} steps on {device}")

    run_command(work)


if __name__ == "__main__":
    main()

"""Fine-tunes a checkpoint for retrieval (ITC + ITM), captioning (LM behind "a picture of "), both at once (capfilt) or VQA.

    python -m medley_pretraining.paper.finetune --config finetune.toml [--device auto|cpu|cuda] [--huggingface FOLDER]

Section [start] names task and checkpoint; frozen_vision = true keeps the image tokens, so that one set of them serves all heads.
"""

from __future__ import annotations

from pathlib import Path

from .command import options, run_command
from .huggingface import write_huggingface
from .preparation import prepare, say
from .settings import TASKS, SettingsError, choose_device, load_settings


def main() -> None:
    parser = options(__doc__.splitlines()[0])
    parser.add_argument("--huggingface", type=Path, help="also write the model as a Hugging Face BLIP folder")
    chosen = parser.parse_args()

    def work() -> None:
        device = choose_device(chosen.device)
        settings = load_settings(chosen.config, device)
        if not settings.start.task:
            raise SettingsError(f'"{chosen.config}" has no start.task, expected one of {", ".join(TASKS)}.')
        run = prepare(settings, device)
        model = run.train()
        say(f"{run.checkpoint}: {settings.start.task}, {run.steps} steps on {device}")
        if chosen.huggingface:
            write_huggingface(
                model, run.lexicon, settings.path(settings.data.tokenizer), chosen.huggingface, settings.data
            )
            say(f"{chosen.huggingface}: Hugging Face layout")

    run_command(work)


if __name__ == "__main__":
    main()

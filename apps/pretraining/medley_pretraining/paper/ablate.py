"""Repeats the paper's ablations at a small size on open drawings.

    python -m medley_pretraining.paper.ablate --cache CACHE --work WORK --out OUT [--config ablate.toml] [--smoke]

CACHE and WORK are those of the data step. OUT gets ablations.md, ablations.json and a folder for each seed; a run that was stopped goes on.
About an hour on one core (18 minutes of computing a seed, and the tokens once), with --smoke three minutes. A configuration may set the keys of `Scale` in a section [scale].
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import torch

from .ablation_data import TEST_STYLE, AblationData, load_ablation_data
from .ablation_report import report_json, report_markdown
from .ablation_runs import FULL, SMOKE, Laboratory, Scale
from .command import run_command
from .preparation import say
from .settings import SettingsError, changed, read_toml


def ablate(cache: Path, work: Path, out: Path, config: Path | None, smoke: bool) -> Path:
    """Runs or finishes the ablations; returns the Markdown file."""
    torch.set_num_threads(1)
    scale = SMOKE if smoke else FULL
    if config is not None:
        raw = read_toml(config)
        if set(raw) - {"scale"}:
            raise SettingsError(f'"{config}" has the sections {sorted(raw)}, expected [scale] only.')
        scale = changed(scale, raw.get("scale", {}), f'"{config}" [scale]')
    out.mkdir(parents=True, exist_ok=True)
    plan, described = out / "scale.json", json.dumps(dataclasses.asdict(scale))
    if plan.exists() and plan.read_text() != described:
        raise SettingsError(f'"{out}" holds ablations of another scale ({plan.read_text()}). Choose another --out.')
    plan.write_text(described)
    began = time.monotonic()
    data = load_ablation_data(cache, work, out, scale.width, scale.most_web)
    say(
        f"{len(data.web.pairs)} web pairs, {len(data.clean.pairs)} clean pairs, tests {[len(pool.texts) for pool in data.pools]}"
    )
    results = [seed_results(data, scale, seed, out) for seed in scale.seeds]
    context = {
        "scale": "smoke run: says nothing about the effects"
        if smoke
        else f"width {scale.width}, {scale.pretrain_epochs:g} epochs",
        "seeds": len(scale.seeds),
        "pools": {pool.name: len(pool.texts) for pool in data.pools},
        "settings": dataclasses.asdict(scale),
    }
    report = report_json(results, [TEST_STYLE, *(pool.name for pool in data.pools if pool.name != TEST_STYLE)], context)
    (out / "ablations.json").write_text(json.dumps(report, indent=2) + "\n")
    (out / "ablations.md").write_text(report_markdown(report, TEST_STYLE))
    say(f"{out / 'ablations.md'}: {(time.monotonic() - began) / 60:.1f} minutes")
    return out / "ablations.md"


def seed_results(data: AblationData, scale: Scale, seed: int, out: Path) -> dict[str, Any]:
    """Kept as OUT/seed-N/results.json, which alone is enough to take the seed into a report made on another machine."""
    path = out / f"seed-{seed}" / "results.json"
    if not path.exists():
        found = Laboratory(data, scale, seed, out, say).results()
        path.write_text(json.dumps(found, indent=2) + "\n")
    return json.loads(path.read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True, help="folder of the fetched packages (data step)")
    parser.add_argument("--work", type=Path, required=True, help="folder with drawings/ (data step); only read")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--config", type=Path, help="TOML with a section [scale]")
    parser.add_argument(
        "--smoke", action="store_true", help="a run of about three minutes through everything; its figures mean nothing"
    )
    chosen = parser.parse_args()
    run_command(
        lambda: (
            ablate(chosen.cache.resolve(), chosen.work.resolve(), chosen.out.resolve(), chosen.config, chosen.smoke)
            and None
        )
    )


if __name__ == "__main__":
    main()

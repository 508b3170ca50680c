"""The tables of the ablations: means over seeds with intervals, beside the paper's numbers, with the direction of each effect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MEASURES = ("text_r1", "image_r1", "mean_r5", "cosine_text_r1", "cosine_image_r1", "word_loss")
HEADINGS = {
    "text_r1": "picture→text R@1",
    "image_r1": "text→picture R@1",
    "mean_r5": "R@5, both ways",
    "cosine_text_r1": "picture→text R@1, ITC alone",
    "cosine_image_r1": "text→picture R@1, ITC alone",
    "word_loss": "loss per caption word ↓",
}
# Two-sided 95 % points of Student's t by degrees of freedom, for the 2 to 10 seeds that a run may have.
STUDENT = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


@dataclass(frozen=True)
class Comparison:
    """One effect: `run` against `base`. paper: COCO TR@1 and IR@1 of both rows in its table, (run, base)."""

    table: str
    label: str
    run: str
    base: str
    paper: tuple[tuple[float, float], tuple[float, float]]


COMPARISONS = (
    Comparison("Table 1", "filter only (F) against nothing", "F", "none", ((79.1, 61.5), (78.4, 60.7))),
    Comparison("Table 1", "captioner only (C) against nothing", "C", "none", ((79.7, 62.0), (78.4, 60.7))),
    Comparison("Table 1", "captioner and filter (C+F) against nothing", "C+F", "none", ((80.6, 63.1), (78.4, 60.7))),
    Comparison("Table 1", "C+F against C alone", "C+F", "C", ((80.6, 63.1), (79.7, 62.0))),
    Comparison("Table 2", "nucleus against beam", "C+F", "C+F beam", ((80.6, 63.1), (79.6, 61.9))),
    Comparison(
        "Table 4", "decoupled against shared captioner and filter", "C+F", "C+F shared", ((80.6, 63.1), (79.8, 62.2))
    ),
    Comparison(
        "Table 3", "sharing all but self-attention against all", "none", "sharing-all", ((78.4, 60.7), (77.3, 59.5))
    ),
    Comparison(
        "Table 3",
        "sharing all but self-attention against nothing",
        "none",
        "sharing-none",
        ((78.4, 60.7), (78.3, 60.5)),
    ),
    Comparison(
        "Table 12",
        "raw set, 1.6 times the steps, against nothing",
        "none longer",
        "none",
        ((78.3, 60.5), (78.4, 60.7)),
    ),
    Comparison(
        "Table 12",
        "C+F against the raw set with 1.6 times the steps",
        "C+F",
        "none longer",
        ((80.6, 63.1), (78.3, 60.5)),
    ),
    Comparison(
        "Table 13",
        "new model on C+F against going on with the old one",
        "C+F",
        "C+F continued",
        ((80.6, 63.1), (80.6, 63.0)),
    ),
)
NOTHING_IN_THE_PAPER = 0.15  # points of R@1: smaller differences there are none
REJECTED = (
    ("nucleus", "25"),
    ("beam", "19"),
    ("shared", "8"),
)  # percent of the synthetic texts in the paper (Tables 2 and 4)


def mean_and_interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean and the half width of its 95 % interval by Student's t; NaN of one value."""
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, math.nan
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return mean, STUDENT[len(values) - 1] * deviation / math.sqrt(len(values))


def direction(difference: float, interval: float, paper: float) -> str:
    """How a difference (better is positive) stands to the paper's: the sign counts only where the interval excludes zero."""
    if math.isnan(interval) or abs(difference) <= interval:
        return "not resolved (0 is within the interval)"
    if abs(paper) < NOTHING_IN_THE_PAPER:
        return "better, none in the paper" if difference > 0 else "worse, none in the paper"
    return "reproduced" if (difference > 0) == (paper > 0) else "opposite: not reproduced"


def collect(results: Sequence[dict[str, Any]], pool: str) -> dict[str, dict[str, list[float]]]:
    """run -> measure -> one value a seed."""
    runs = [name for name in results[0] if not name.startswith("rejected ")]
    return {run: {measure: [result[run][pool][measure] for result in results] for measure in MEASURES} for run in runs}


# What an effect is measured in: heading, the measures that are averaged, and whether more of it is better.
EFFECT_MEASURES = {
    "r1": ("R@1", ("text_r1", "image_r1"), 1),
    "cosine_r1": ("R@1 by ITC alone", ("cosine_text_r1", "cosine_image_r1"), 1),
    "word_gain": ("loss per word, gain", ("word_loss",), -1),
}


def effects(results: Sequence[dict[str, Any]], pool: str) -> list[dict[str, Any]]:
    """Of every comparison the difference between runs of the same seed: mean, interval and direction by measure; better is positive."""
    values = collect(results, pool)
    found = []
    for comparison in COMPARISONS:
        own, other = comparison.paper
        paper = (sum(own) - sum(other)) / 2
        effect: dict[str, Any] = {"table": comparison.table, "effect": comparison.label, "paper": round(paper, 2)}
        for name, (_, measures, sign) in EFFECT_MEASURES.items():
            run, base = (seed_means(values[side], measures) for side in (comparison.run, comparison.base))
            mean, interval = mean_and_interval([sign * (a - b) for a, b in zip(run, base, strict=True)])
            effect[name] = {
                "mean": round(mean, 3),
                "interval": round(interval, 3),
                "direction": direction(mean, interval, paper),
            }
        found.append(effect)
    return found


def seed_means(values: dict[str, list[float]], measures: Sequence[str]) -> list[float]:
    """One number a seed: the mean of some measures."""
    return [sum(numbers) / len(numbers) for numbers in zip(*(values[measure] for measure in measures), strict=True)]


def report_json(results: Sequence[dict[str, Any]], pools: Sequence[str], context: dict[str, Any]) -> dict[str, Any]:
    runs = {
        pool: {
            run: {
                measure: [round(number, 3) for number in mean_and_interval(numbers)]
                for measure, numbers in measures.items()
            }
            for run, measures in collect(results, pool).items()
        }
        for pool in pools
    }
    rejected = {
        name: {
            origin: [
                round(number, 1)
                for number in mean_and_interval([result[f"rejected {name}"][origin] for result in results])
            ]
            for origin in ("web", "synthetic")
        }
        for name, _ in REJECTED
    }
    pairs = {run: [result[run]["pairs"] for result in results] for run in runs[pools[0]]}
    return {
        **context,
        "pairs": pairs,
        "runs": runs,
        "rejected_percent": rejected,
        "effects": {pool: effects(results, pool) for pool in pools},
    }


def report_markdown(report: dict[str, Any], main_pool: str) -> str:
    """What docs show: the runs, the rejected shares, and each effect beside the paper's."""
    lines = [
        "# Ablations of CapFilt and sharing",
        "",
        f"Written by `python -m medley_pretraining.paper.ablate` ({report['scale']}). {report['seeds']} seeds; ± is half of the 95 % interval by "
        "Student's t. Effects are differences of runs of the same seed. The paper's numbers are COCO R@1 after fine-tuning, 14 M pictures, "
        "ViT-B; ours are a model of a few million parameters on a few thousand drawings, so only directions can be compared.",
        "",
        f"Test: {report['pools'][main_pool]} drawings of a vendor that is not trained on ({main_pool}), each with its name; re-ranked with the "
        f"16 best by ITC. A random order gives R@1 {100 / report['pools'][main_pool]:.2f}.",
        "",
        "| run | pairs | " + " | ".join(HEADINGS[measure] for measure in MEASURES) + " |",
        "|---|---|" + "---|" * len(MEASURES),
    ]
    for run, measures in report["runs"][main_pool].items():
        shown = [f"{mean:.2f} ± {interval:.2f}" for mean, interval in (measures[measure] for measure in MEASURES)]
        lines.append(
            f"| {run} | {sum(report['pairs'][run]) // len(report['pairs'][run])} | " + " | ".join(shown) + " |"
        )
    lines += [
        "",
        "Rejected by the filter, percent:",
        "",
        "| captions | of synthetic texts | in the paper | of web texts |",
        "|---|---|---|---|",
    ]
    for name, paper in REJECTED:
        synthetic, web = report["rejected_percent"][name]["synthetic"], report["rejected_percent"][name]["web"]
        label = {"nucleus": "nucleus, decoupled", "beam": "beam 3, decoupled", "shared": "nucleus, shared"}[name]
        lines.append(f"| {label} | {synthetic[0]} ± {synthetic[1]} | {paper} | {web[0]} ± {web[1]} |")
    for pool, found in report["effects"].items():
        names = " | ".join(f"{heading} | direction" for heading, _, _ in EFFECT_MEASURES.values())
        lines += [
            "",
            f"Effects on {pool} (difference, better is positive; R@1 is the mean of both ways):",
            "",
            f"| paper | effect | there, R@1 | {names} |",
            "|---|---|---|" + "---|" * (2 * len(EFFECT_MEASURES)),
        ]
        for effect in found:
            shown = " | ".join(
                f"{effect[name]['mean']:+.2f} ± {effect[name]['interval']:.2f} | {effect[name]['direction']}"
                for name in EFFECT_MEASURES
            )
            lines.append(f"| {effect['table']} | {effect['effect']} | {effect['paper']:+.2f} | {shown} |")
    return "\n".join(lines) + "\n"

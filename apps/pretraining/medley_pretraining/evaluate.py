"""Measures an exported model and prints a table; --json writes the same numbers.

    python -m medley_pretraining.evaluate --cache CACHE --work WORK --model assets/model/medley-small [--json FILE]

Test styles and test scenes are never trained on; photographs are the validation part of the training photographs. The weight of
ITC in re-ranking is fitted on the validation split only. Baselines: chance, the most frequent class or answer, colour histograms.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .colours import colour_histogram
from .ranking import SHORT_LIST, ShortLists, fit_weight, recall, short_lists
from .recipe import load_recipe
from .records import load_pixels, load_records
from .scorer import Scorer, load_exported
from .wording import with_article
from .workspace import Workspace

STYLES = {"fluent-3d": "Fluent 3D", "openmoji": "OpenMoji", "streamline-emojis": "Streamline"}
CAPTIONED = 200  # pictures per source whose captions are read
RERANKED = 200  # queries per style and direction
FITTED = 150  # queries per validation list
ASKED = 1200


@dataclass
class Report:
    """Rows of (measure, result, baseline), and the same as data."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)
    data: dict[str, object] = field(default_factory=dict)

    def add(self, measure: str, result: object, baseline: object = "") -> None:
        def show(value: object) -> str:
            return (
                " / ".join(f"{part:.1f}" for part in value)
                if isinstance(value, list)
                else f"{value:.1f}"
                if isinstance(value, float)
                else str(value)
            )

        self.rows.append((measure, show(result), show(baseline)))
        self.data[measure] = {"result": result, "baseline": baseline}
        print(f"{measure}: {show(result)} (baseline {show(baseline)})", flush=True)

    def table(self) -> str:
        return "\n".join(
            ["| test | result | baseline |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in self.rows)]
        )


class Evaluation:
    def __init__(self, space: Workspace, model_folder: Path, bfloat16: bool) -> None:
        self.space, self.report, self.rng = space, Report(), random.Random(3)
        self.model = load_exported(model_folder, space.recipe.model)
        self.records = {split: load_records(space.data, split) for split in ("validation", "test")}
        began = time.monotonic()
        self.scorers = {
            split: Scorer(self.model, space.wordpieces, load_pixels(space.data, split), space.recipe.model, bfloat16)
            for split in self.records
        }
        print(
            f"image tokens of {sum(map(len, self.records.values()))} pictures in {time.monotonic() - began:.0f} s",
            flush=True,
        )
        names = space.vocabulary["names"]
        self.keys, self.labels = list(names), list(names.values())
        self.key_row = {key: row for row, key in enumerate(self.keys)}
        self.withheld = set(space.vocabulary["withheld"]) - set(space.vocabulary["taught_elsewhere"])
        self.label_features = self.scorers["test"].text_features(self.labels)

    def rows_of(self, split: str, source: str) -> list[int]:
        return [row for row, record in enumerate(self.records[split]) if record.source == source]

    # Retrieval of drawings by their names -------------------------------------------------------------------------------------

    def drawings(self) -> None:
        for style, title in STYLES.items():
            rows = self.rows_of("test", style)
            records = [self.records["test"][row] for row in rows]
            own = torch.tensor([self.key_row[record.concept] for record in records])
            cosine = self.scorers["test"].features[rows] @ self.label_features.T  # [pictures, labels]
            to_text = (cosine > cosine.gather(1, own[:, None])).sum(1)
            to_image = (cosine.T[own] > cosine.T[own].gather(1, torch.arange(len(rows))[:, None])).sum(1)
            withheld = torch.tensor([record.concept in self.withheld for record in records])
            seen = torch.tensor([not record.withheld for record in records])
            chance = [round(100 * k / len(rows), 2) for k in (1, 5, 10)]
            self.report.add(
                f"{title}, seen concepts, text→image R@1/5/10 ({len(rows)} pictures)", recall(to_image[seen]), chance
            )
            self.report.add(
                f"{title}, seen concepts, image→text R@1/5/10 ({len(self.labels)} texts)",
                recall(to_text[seen]),
                self.histogram_baseline(rows, own),
            )
            self.report.add(
                f"{title}, withheld concepts, text→image R@1/5/10 (n {int(withheld.sum())})",
                recall(to_image[withheld]),
                chance,
            )

    @cached_property
    def training_histograms(self) -> tuple[Tensor, Tensor]:
        """Colour histograms of the plain drawings of the training styles, and the rows of their labels."""
        train = self.space.records
        plain = [index for index, record in enumerate(train) if record.source == "emoji"][
            :: self.space.recipe.data.drawing_variants
        ]
        pixels = load_pixels(self.space.data, "train")
        return torch.from_numpy(np.stack([colour_histogram(pixels[index]) for index in plain])), torch.tensor(
            [self.key_row[train[index].concept] for index in plain]
        )

    def histogram_baseline(self, rows: list[int], own: Tensor) -> list[float]:
        """image→text by the nearest colour histogram among the training drawings, for concepts that have one."""
        histograms, concepts = self.training_histograms
        pixels = load_pixels(self.space.data, "test")
        similarity = torch.from_numpy(np.stack([colour_histogram(pixels[row]) for row in rows])) @ histograms.T
        best = torch.full((len(rows), len(self.labels)), -1.0).scatter_reduce(
            1, concepts.expand(len(rows), -1), similarity, "amax"
        )
        own_best = best.gather(1, own[:, None])
        return recall((best > own_best).sum(1)[own_best[:, 0] >= 0])

    # Photographs --------------------------------------------------------------------------------------------------------------

    def photographs(self) -> None:
        for source, coarse, title in (
            ("clothing", False, "clothing"),
            ("grocery", False, "grocery, fine"),
            ("grocery", True, "grocery, coarse"),
        ):
            rows = self.rows_of("validation", source)
            if not rows:
                continue
            own = [self.records["validation"][row].nouns[-1 if coarse else 0] for row in rows]
            classes = sorted(
                {record.nouns[-1 if coarse else 0] for record in self.space.records if record.source == source}
            )
            prompts = self.scorers["validation"].text_features([f"a photo of {with_article(name)}" for name in classes])
            guess = (self.scorers["validation"].features[rows] @ prompts.T).argmax(1).tolist()
            right = sum(classes[index] == name for index, name in zip(guess, own, strict=True))
            self.report.add(
                f"{title}, {len(classes)} classes by prompt, validation photographs, accuracy (n {len(rows)})",
                100 * right / len(rows),
                100 * Counter(own).most_common(1)[0][1] / len(rows),
            )

    # Captions -----------------------------------------------------------------------------------------------------------------

    def captions(self) -> None:
        samples = []
        for split, source, title in (
            ("validation", "clothing", "clothing"),
            ("validation", "grocery", "grocery"),
            ("test", "fluent-3d", "Fluent"),
            ("test", "openmoji", "OpenMoji"),
            ("test", "scene", "scenes"),
        ):
            rows = [row for row in self.rows_of(split, source) if not self.records[split][row].withheld]
            self.rng.shuffle(rows)
            rows = rows[:CAPTIONED]
            if not rows:
                continue
            said = self.scorers[split].captions(rows)
            named = [
                [_says(caption, noun, self.space) for noun in self.records[split][row].nouns]
                for row, caption in zip(rows, said, strict=True)
            ]
            counts = Counter(noun for row in rows for noun in set(self.records[split][row].nouns))
            self.report.add(
                f"caption names the right thing, {title}: any (n {len(rows)}, {len(set(said))} distinct)",
                100 * sum(map(any, named)) / len(rows),
                100 * counts.most_common(1)[0][1] / len(rows),
            )
            if source == "scene":
                self.report.add(f"caption names every thing, {title}", 100 * sum(map(all, named)) / len(rows))
            samples += [
                (title, self.records[split][row].captions[0], caption)
                for row, caption in list(zip(rows, said, strict=True))[:8]
            ]
        self.report.data["caption samples"] = samples

    # Composed scenes ----------------------------------------------------------------------------------------------------------

    def minimal_pairs(self) -> None:
        scorer, rows = self.scorers["test"], self.rows_of("test", "scene")
        entries = [
            (row, kind, self.records["test"][row].captions[0], text)
            for row in rows
            for kind, text in self.records["test"][row].negatives
        ]
        pictures = [row for row, _, _, _ in entries]
        true, false = ([entry[part] for entry in entries] for part in (2, 3))
        by_match = scorer.match_logits(pictures, true) > scorer.match_logits(pictures, false)
        features = scorer.features[pictures]
        by_cosine = (features * scorer.text_features(true)).sum(1) > (features * scorer.text_features(false)).sum(1)
        for kind in ("noun", "colour", "count", "place", "relation", "colour swap"):
            chosen = torch.tensor([entry[1] == kind for entry in entries])
            self.report.add(
                f"minimal pairs, {kind}: ITM / ITC (n {int(chosen.sum())})",
                [100 * by_match[chosen].float().mean().item(), 100 * by_cosine[chosen].float().mean().item()],
                50.0,
            )

    def questions(self) -> None:
        answers: dict[str, Counter[str]] = defaultdict(Counter)
        by_kind: dict[str, Counter[str]] = defaultdict(Counter)
        for record in self.space.records:
            for kind, question, answer in record.questions:
                answers[question][answer] += 1
                by_kind[kind][answer] += 1
        asked = [
            (row, *entry) for row in self.rows_of("test", "scene") for entry in self.records["test"][row].questions
        ]
        self.rng.shuffle(asked)
        asked = asked[:ASKED]
        said = self.scorers["test"].answers([row for row, *_ in asked], [question for _, _, question, _ in asked])
        right: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
        for (_, kind, question, answer), word in zip(asked, said, strict=True):
            right[kind].append(
                (
                    word == self._canonical(answer),
                    (answers.get(question) or by_kind[kind]).most_common(1)[0][0] == answer,
                )
            )
        for kind in ("count", "colour", "yes-no", "place", "position", "what"):
            pairs = right[kind]
            self.report.add(
                f"VQA, {kind} (n {len(pairs)}; baseline: question only)",
                100 * sum(a for a, _ in pairs) / max(1, len(pairs)),
                100 * sum(b for _, b in pairs) / max(1, len(pairs)),
            )
        self.report.data["answer samples"] = [
            (question, answer, word) for (_, _, question, answer), word in list(zip(asked, said, strict=True))[:20]
        ]

    def _canonical(self, text: str) -> str:
        return self.space.wordpieces.decode(self.space.wordpieces(text))

    # Re-ranking ---------------------------------------------------------------------------------------------------------------

    def label_lists(self, split: str, rows: list[int], number: int) -> dict[str, ShortLists]:
        """Short lists of drawings against names, both ways: text→image over these pictures, image→text over all names."""
        scorer, records = self.scorers[split], [self.records[split][row] for row in rows]
        own = torch.tensor([self.key_row[record.concept] for record in records])
        cosine = scorer.features[rows] @ self.label_features.T
        queries = self.rng.sample(
            [index for index, record in enumerate(records) if not record.withheld or split == "validation"],
            min(number, len(rows)),
        )
        by_concept = list({int(own[index]): index for index in queries}.values())
        text_rows = own[by_concept]
        return {
            "text→image": short_lists(
                scorer,
                cosine.T[text_rows],
                own[None] == text_rows[:, None],
                rows,
                [self.labels[row] for row in text_rows.tolist()],
                True,
            ),
            "image→text": short_lists(
                scorer,
                cosine[queries],
                torch.arange(len(self.labels))[None] == own[queries][:, None],
                [rows[index] for index in queries],
                self.labels,
                False,
            ),
        }

    def fit(self) -> float:
        """The weight of ITC beside the raw match logit, on drawings, withheld concepts, scenes and photographs of the validation split."""
        records, scorer = self.records["validation"], self.scorers["validation"]
        lists: dict[str, ShortLists] = {}
        for title, wanted in (("drawings", False), ("withheld concepts", True)):
            rows = [row for row in self.rows_of("validation", "emoji") if records[row].withheld == wanted]
            for direction, entry in self.label_lists("validation", rows, FITTED).items():
                lists[f"{title}, {direction}"] = entry
        scenes = self.rows_of("validation", "scene")
        captions = [records[row].captions[0] for row in scenes]
        cosine = scorer.features[scenes] @ scorer.text_features(captions).T
        same = torch.tensor([[a == b for b in captions] for a in captions])
        part = self.rng.sample(range(len(scenes)), min(FITTED, len(scenes)))
        lists["scenes, text→image"] = short_lists(
            scorer, cosine.T[part], same[part], scenes, [captions[index] for index in part], True
        )
        lists["scenes, image→text"] = short_lists(
            scorer, cosine[part], same[part], [scenes[index] for index in part], captions, False
        )
        photographs = self.rows_of("validation", "clothing") + self.rows_of("validation", "grocery")
        if photographs:
            classes = sorted({records[row].nouns[0] for row in photographs})
            texts = [with_article(name) for name in classes]
            cosine = scorer.features[photographs] @ scorer.text_features(texts).T
            relevant = torch.tensor([[name == records[row].nouns[0] for name in classes] for row in photographs])
            part = self.rng.sample(range(len(photographs)), min(FITTED, len(photographs)))
            lists["photographs, image→text"] = short_lists(
                scorer, cosine[part], relevant[part], [photographs[index] for index in part], texts, False
            )
            lists["photographs, text→image"] = short_lists(scorer, cosine.T, relevant.T, photographs, texts, True)
        weight, curve = fit_weight(lists)
        self.report.data["weight curve (mean reciprocal rank, validation)"] = {
            str(key): round(value, 4) for key, value in curve.items()
        }
        for name, entry in lists.items():
            self.report.add(
                f"validation re-rank, {name}: R@1/5/10 with the fitted weight (baseline: ITC alone)",
                recall(entry.ranks(weight)),
                recall(entry.ranks(None)),
            )
        self.report.add("weight of ITC, fitted on validation", float(weight))
        return float(weight)

    def rerank(self, weight: float) -> None:
        for style in ("fluent-3d", "openmoji"):
            for direction, entry in self.label_lists("test", self.rows_of("test", style), RERANKED).items():
                title = f"{STYLES[style]}, re-rank of the top {SHORT_LIST}, {direction} (n {len(entry.cosine)})"
                baseline = recall(entry.ranks(None))
                self.report.add(
                    f"{title}: ITM + {weight:g}·ITC (baseline: ITC alone)", recall(entry.ranks(weight)), baseline
                )
                self.report.add(f"{title}: ITM alone (baseline: ITC alone)", recall(entry.ranks(0.0)), baseline)


def _says(caption: str, noun: str, space: Workspace) -> bool:
    """Whether the noun occurs in the caption as whole words, both written the way the tokenizer writes them."""
    written = space.wordpieces.decode(space.wordpieces(noun))
    return re.search(rf"(?<!\w){re.escape(written)}(?:e?s)?(?!\w)", caption) is not None


def evaluate(space: Workspace, model_folder: Path, bfloat16: bool) -> Report:
    evaluation = Evaluation(space, model_folder, bfloat16)
    for measure in (
        evaluation.drawings,
        evaluation.photographs,
        evaluation.minimal_pairs,
        evaluation.questions,
        evaluation.captions,
    ):
        measure()
    evaluation.rerank(evaluation.fit())
    return evaluation.report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="exported folder")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    parser.add_argument("--recipe", type=Path)
    parser.add_argument("--bfloat16", action="store_true", help="three times faster on a CPU with AVX-512 BF16")
    options = parser.parse_args()
    torch.set_num_threads(1)
    space = Workspace(options.cache.resolve(), options.work.resolve(), load_recipe(options.recipe))
    report = evaluate(space, options.model, options.bfloat16)
    print(report.table())
    if options.json:
        options.json.write_text(json.dumps(report.data, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

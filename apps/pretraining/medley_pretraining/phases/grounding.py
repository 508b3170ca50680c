"""The phases over finished image tokens: language first, then captions, matching and contrast together, then mined negatives.

Vision is frozen from here on, so its tokens and image features are computed once. What the steps have in common is `Grounding`;
the phases differ in which losses they add up.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..arithmetic import mixed_precision
from ..losses import (
    choose_hard,
    contrastive_loss,
    matching_loss,
    ranking_loss,
    soft_targets,
    word_loss,
)
from ..model import CLS, DEC, ENC, PAD, Blip, KeyValue
from ..recipe import CaptionerRecipe, LanguageRecipe, Recipe
from ..records import Record
from ..text import PROMPT, Wordpieces, by_length, pad
from ..training import MixSampler, Phase, Progress, captioner_groups, load_model, text_groups
from ..wide_texts import context
from ..workspace import Workspace
from .distil import text_class_states
from .mining import Miner
from .teacher import load_bank
from .tokens import cache_final_tokens

SEEDS = {"language": 3, "joint": 4, "mined": 5, "captioner": 6}
SEEDED_CLS_BETA, SEEDED_OUTPUT = 6.0, 0.5


@torch.no_grad()
def seed_cross_attention(model: Blip, tokens: Tensor, example: Tensor) -> None:
    """An initialisation only. After the image phase the projected [CLS] lies in the sentence space of the text tower, so the first
    heads of every cross-attention start by looking at [CLS] (query bias against the direction that tells [CLS] from patches),
    reading its projection and writing it back into word space. tokens: final tokens [B, P, D]; example: ids of any short text [1, T]."""
    geometry = model.geometry
    size = geometry.width // geometry.text_heads
    heads = geometry.projection // size
    classes, patches = tokens[:, 0], tokens[:, 1:].flatten(0, 1)
    direction = F.normalize(classes.mean(0) - patches.mean(0), dim=0)
    gap = (classes @ direction).mean() - (patches @ direction).mean()
    left, _, right = torch.linalg.svd(model.text_proj.weight, full_matrices=False)
    to_space = left @ right  # nearest matrix with orthonormal rows, [projection, D]
    projected = model.vision_proj(classes).norm(dim=-1).mean()
    hidden = model.encode_text(example).norm(dim=-1).mean()
    for layer in model.text_encoder.encoder.layer:
        cross = layer.crossattention
        rows = heads * size
        cross.self.value.weight[:rows] = model.vision_proj.weight[:rows]
        cross.self.value.bias[:rows] = model.vision_proj.bias[:rows]
        cross.output.dense.weight[:, :rows] = SEEDED_OUTPUT * hidden / projected * to_space.T[:, :rows]
        for head in range(heads):
            cross.self.key.weight[size * head] = direction * SEEDED_CLS_BETA * size**0.5 / gap
            cross.self.query.weight[size * head] = 0
            cross.self.query.bias[size * head] = 1


def take(key_values: list[KeyValue], rows: list[int]) -> list[KeyValue]:
    index = torch.tensor(rows)
    return [(key.index_select(0, index), value.index_select(0, index)) for key, value in key_values]


class Grounding:
    """The losses over image tokens, for one model and one set of records."""

    def __init__(
        self,
        model: Blip,
        records: list[Record],
        tokens: np.ndarray,
        wordpieces: Wordpieces,
        recipe: Recipe,
        rng: random.Random,
        anchors: tuple[list[str], Tensor] | None = None,
    ) -> None:
        self.model, self.records, self.tokens, self.wordpieces, self.recipe, self.rng = (
            model,
            records,
            tokens,
            wordpieces,
            recipe,
            rng,
        )
        numbers = {concept: number for number, concept in enumerate(sorted({record.concept for record in records}))}
        self.concepts = torch.tensor([numbers[record.concept] for record in records])
        self.prompt = wordpieces(PROMPT)
        self.anchors = anchors  # texts and the teacher's embeddings of them [N, projection]
        self.queue_features = torch.zeros(0, model.geometry.projection)
        self.queue_concepts = torch.zeros(0, dtype=torch.long)
        with torch.no_grad():
            self.image_features = torch.cat(
                [
                    model.image_features(torch.from_numpy(tokens[start : start + 512, 0].astype(np.float32)))
                    for start in range(0, len(tokens), 512)
                ]
            )

    def read_tokens(self, chosen: list[int]) -> Tensor:
        """float [B, P, D]"""
        return torch.from_numpy(self.tokens[np.array(chosen)].astype(np.float32))

    def caption_loss(
        self, captions: list[str], key_values: list[KeyValue], label_smoothing: float
    ) -> tuple[Tensor, float]:
        """Next-word loss of captions behind the prompt, which itself is not asked for, and the share of words that are right."""
        sequences = [self.prompt + self.wordpieces(caption) for caption in captions]
        states, targets = [], []
        for group in by_length(sequences, 3):
            ids = pad([sequences[index] for index in group], DEC)
            hidden = self.model.decode_text(ids, take(key_values, group))[:, :-1]
            wanted = ids[:, 1:].clone()
            wanted[:, : len(self.prompt)] = PAD
            states.append(hidden[wanted != PAD])
            targets.append(wanted[wanted != PAD])
        return self._words(torch.cat(states), torch.cat(targets), label_smoothing)

    def answer_loss(self, rows: list[int], records: list[Record], key_values: list[KeyValue]) -> tuple[Tensor, float]:
        """Next-word loss of answers: the question through the image-grounded encoder, the answer through the decoder over its states."""
        asked = [self._question(records[row]) for row in rows]
        questions = [self.wordpieces(question) for question, _ in asked]
        states, targets = [], []
        for group in by_length(questions, 3):
            ids = pad([questions[index] for index in group], ENC)
            understood = self.model.encode_text(ids, take(key_values, [rows[index] for index in group]))
            answers = pad([self.wordpieces(asked[index][1]) for index in group], DEC)
            hidden = self.model.decode_text(answers, self.model.decoder_key_values(understood))[:, :-1]
            wanted = answers[:, 1:]
            states.append(hidden[wanted != PAD])
            targets.append(wanted[wanted != PAD])
        return self._words(torch.cat(states), torch.cat(targets), 0.0)

    def _question(self, record: Record) -> tuple[str, str]:
        """One question of a type drawn evenly, so that frequent types do not crowd out the others."""
        kind = self.rng.choice(sorted({kind for kind, _, _ in record.questions}))
        _, question, answer = self.rng.choice([entry for entry in record.questions if entry[0] == kind])
        return question, answer

    def _words(self, states: Tensor, targets: Tensor, label_smoothing: float) -> tuple[Tensor, float]:
        logits = self.model.word_logits(states)
        positions = self.model.trained_words.positions(targets)
        return word_loss(logits, positions, label_smoothing), (logits.argmax(1) == positions).float().mean().item()

    def answerable(self, records: list[Record]) -> list[int]:
        """Rows to ask: all scenes, and a few others."""
        scenes = [row for row, record in enumerate(records) if record.source == "scene"]
        others = [row for row, record in enumerate(records) if record.source != "scene" and record.questions]
        return scenes + others[: max(4, len(scenes) // 2)]

    def anchor_loss(self) -> Tensor:
        """1 - cosine between text features and the teacher's embeddings for texts drawn at random: keeps the text tower where the image
        features were trained to, also for words that no picture of the last batches was about."""
        if self.anchors is None:
            return torch.zeros(())
        texts, embeddings = self.anchors
        chosen = [self.rng.randrange(len(texts)) for _ in range(self.recipe.contrast.anchor_texts)]
        return 1 - (self.text_features([texts[index] for index in chosen]) * embeddings[chosen]).sum(-1).mean()

    def contrast_loss(self, chosen: list[int], features: Tensor) -> Tensor:
        """Both directions of ITC. Texts are compared with the batch's pictures and a random part of all pictures, pictures with the batch's
        texts and those of the last batches. features: of the batch's texts, [B, projection]."""
        recipe, own = self.recipe.contrast, self.concepts[chosen]
        more = torch.tensor(self.rng.sample(range(len(self.records)), min(recipe.bank_images, len(self.records))))
        images = torch.cat([self.image_features[chosen], self.image_features[more]])
        to_images = contrastive_loss(
            recipe.scale * features @ images.T, soft_targets(own, torch.cat([own, self.concepts[more]]))
        )
        texts = torch.cat([features, self.queue_features])
        to_texts = contrastive_loss(
            recipe.scale * self.image_features[chosen] @ texts.T,
            soft_targets(own, torch.cat([own, self.queue_concepts])),
        )
        self.queue_features = torch.cat([features.detach(), self.queue_features])[: recipe.queue_texts]
        self.queue_concepts = torch.cat([own, self.queue_concepts])[: recipe.queue_texts]
        return (to_images + to_texts) / 2

    def match_logits(self, texts: list[str], rows: list[int], key_values: list[KeyValue]) -> Tensor:
        """[N, 2] for text n on the picture in row rows[n] of `key_values`."""
        sequences = [self.wordpieces(text) for text in texts]
        parts, order = [], []
        for group in by_length(sequences, 4):
            ids = pad([sequences[index] for index in group], ENC)
            parts.append(self.model.encode_text(ids, take(key_values, [rows[index] for index in group]))[:, 0])
            order += group
        back = torch.empty(len(order), dtype=torch.long)
        back[torch.tensor(order)] = torch.arange(len(order))
        return self.model.itm_head(torch.cat(parts)[back])

    def text_features(self, texts: list[str]) -> Tensor:
        return self.model.text_features(
            text_class_states(self.model, [self.wordpieces(text) for text in texts]).float()
        )

    def state(self) -> dict[str, Any]:
        return {"queue_features": self.queue_features, "queue_concepts": self.queue_concepts}

    def restore(self, state: dict[str, Any]) -> None:
        self.queue_features, self.queue_concepts = state["queue_features"], state["queue_concepts"]


Step = Callable[[list[int], Progress], tuple[Tensor, dict[str, float]]]


def language_step(grounding: Grounding, recipe: LanguageRecipe | CaptionerRecipe) -> Step:
    """Captions in every step, answers in every second one. A decoupled decoder reads the picture through its own cross-attention, the
    question encoder through that of the filter."""
    rng = grounding.rng

    def step(chosen: list[int], progress: Progress) -> tuple[Tensor, dict[str, float]]:
        records = [grounding.records[index] for index in chosen]
        with mixed_precision():
            tokens = grounding.read_tokens(chosen)
            key_values = grounding.model.cross_key_values(tokens)
            own = grounding.model.decoder_key_values(tokens) if grounding.model.decoupled else key_values
            loss, words = grounding.caption_loss(
                [rng.choice(record.captions) for record in records], own, recipe.label_smoothing
            )
            measured = {"words": words}
            if progress.steps % 2 == 0 and (rows := grounding.answerable(records)):
                answers, measured["answers"] = grounding.answer_loss(rows, records, key_values)
                loss = loss + recipe.answer_weight * answers
        return loss, measured

    return step


class JointStep:
    """Captions and matching in every step, answers and contrast in turn. Negatives are random in the batch until matching is
    right in `hard_from` of the cases; then half are false captions of the same scene and the rest are drawn by similarity."""

    def __init__(self, grounding: Grounding) -> None:
        self.grounding, self.recipe = grounding, grounding.recipe.joint
        self.accuracy = 0.5  # running mean of matching

    def __call__(self, chosen: list[int], progress: Progress) -> tuple[Tensor, dict[str, float]]:
        grounding, recipe, rng = self.grounding, self.recipe, self.grounding.rng
        records = [grounding.records[index] for index in chosen]
        texts = [rng.choice(record.texts()) for record in records]
        with mixed_precision():
            key_values = grounding.model.cross_key_values(grounding.read_tokens(chosen))
            loss, words = grounding.caption_loss(
                [rng.choice(record.captions) for record in records], key_values, recipe.label_smoothing
            )
            measured = {"words": words}
            if progress.steps % 2 == 0:
                if rows := grounding.answerable(records):
                    answers, measured["answers"] = grounding.answer_loss(rows, records, key_values)
                    loss = loss + recipe.answer_weight * answers
            else:
                contrast = grounding.contrast_loss(chosen, grounding.text_features(texts))
                anchor = grounding.anchor_loss()
                measured["contrast"], measured["anchor"] = contrast.item(), anchor.item()
                loss = loss + recipe.contrast_weight * contrast + grounding.recipe.contrast.anchor_weight * anchor
            pair_texts, rows, matches = self.pairs(chosen, records, texts)
            logits = grounding.match_logits(pair_texts, rows, key_values)
        matching = matching_loss(logits, matches)
        right = (logits.argmax(1) == matches).float().mean().item()
        self.accuracy = 0.98 * self.accuracy + 0.02 * right
        return loss + matching, {
            **measured,
            "matching": matching.item(),
            "matched": right,
            "hard": float(self.accuracy > recipe.hard_from),
        }

    def pairs(self, chosen: list[int], records: list[Record], texts: list[str]) -> tuple[list[str], list[int], Tensor]:
        """The true pairs, then one false pair per picture: (texts, rows of pictures, matches int64)."""
        grounding, rng, batch = self.grounding, self.grounding.rng, len(chosen)
        concepts = grounding.concepts[chosen]
        same = (concepts[:, None] == concepts[None]) | torch.tensor([[a == b for b in texts] for a in texts])
        hard = self.accuracy > self.recipe.hard_from
        if hard:
            with torch.no_grad():
                similarity = 30 * grounding.image_features[chosen] @ grounding.text_features(texts).T
        else:
            similarity = torch.zeros(batch, batch)
        wrong_texts, wrong_images = choose_hard(similarity, same).tolist(), choose_hard(similarity.T, same.T).tolist()
        false_texts, false_rows = [], []
        for row, record in enumerate(records):
            if hard and record.negatives and rng.random() < 0.5:
                false_texts.append(rng.choice(record.negatives)[1])
                false_rows.append(row)
            elif rng.random() < 0.5:
                false_texts.append(texts[wrong_texts[row]])
                false_rows.append(row)
            else:
                false_texts.append(texts[row])
                false_rows.append(wrong_images[row])
        return texts + false_texts, list(range(batch)) + false_rows, torch.tensor([1] * batch + [0] * batch)

    def state(self) -> dict[str, Any]:
        return {**self.grounding.state(), "accuracy": self.accuracy}

    def restore(self, state: dict[str, Any]) -> None:
        self.grounding.restore(state)
        self.accuracy = state["accuracy"]


class MinedStep:
    """Per picture one true text, three false texts (one of them of the same scene, where there is one) and one false picture from the
    whole training set, for scenes with a twin mostly the twin; a softmax over the five besides the two-way loss, so that the match
    logit learns to sort a short list.

    Some pictures of single things are asked for by more than they show ("a sloth hanging from a branch"), all five of their candidates
    alike. Such texts are neither true nor false, so they count in the order of the five and in contrast, and not in the two-way loss."""

    TWINS = 0.7  # share of scenes with a twin whose false picture is the twin

    def __init__(self, grounding: Grounding) -> None:
        self.grounding, self.recipe = grounding, grounding.recipe.mined
        self.miner = Miner(grounding.records, self.recipe.nearest)
        self.mined_at: int | None = None
        self.things = [text for text in self.miner.bank if len(text.split()) <= 2]

    def contexts(self, records: list[Record]) -> list[str]:
        """Behind each record's texts: a context for some of the single things, nothing for the others."""
        rng = self.grounding.rng
        return [
            context(self.things, rng) if record.source != "scene" and rng.random() < self.recipe.context_share else ""
            for record in records
        ]

    def __call__(self, chosen: list[int], progress: Progress) -> tuple[Tensor, dict[str, float]]:
        grounding, recipe, rng, batch = self.grounding, self.recipe, self.grounding.rng, len(chosen)
        if self.mined_at is None or progress.samples - self.mined_at >= recipe.refresh_samples:
            self.miner.mine(grounding.image_features, grounding.text_features)
            self.mined_at = progress.samples
        records = [grounding.records[index] for index in chosen]
        texts = [rng.choice(record.texts()) for record in records]
        false_images = [
            index + record.twin if record.twin and rng.random() < self.TWINS else self.miner.false_image(index, rng)
            for index, record in zip(chosen, records, strict=True)
        ]
        # A twin makes some texts of its scene true too: "a cat and a dog" says nothing of left and right.
        telling = [
            self.telling(record, text, grounding.records[false], rng)
            for record, text, false in zip(records, texts, false_images, strict=True)
        ]
        first = [self.miner.false_text(index, rng) for index in chosen]
        second = [
            rng.choice(record.negatives)[1] if record.negatives else self.miner.false_text(index, rng)
            for index, record in zip(chosen, records, strict=True)
        ]
        third = [self.miner.false_text(index, rng) for index in chosen]
        own, contexts = list(range(batch)), self.contexts(records)
        plain = torch.tensor([not behind for behind in contexts]).repeat(5)
        with mixed_precision():
            key_values = grounding.model.cross_key_values(grounding.read_tokens(chosen + false_images))
            logits = grounding.match_logits(
                [
                    text + behind
                    for candidates in (telling, first, second, third, telling)
                    for text, behind in zip(candidates, contexts, strict=True)
                ],
                [*own, *own, *own, *own, *range(batch, 2 * batch)],
                key_values,
            )
            log_odds = (logits[:, 1] - logits[:, 0]).float().view(5, batch).T
            matching = torch.zeros(())
            if bool(plain.any()):
                matches = torch.tensor([1] * batch + [0] * 4 * batch)
                matching = matching_loss(logits[plain], matches[plain], recipe.match_weight)
            ranking = ranking_loss(log_odds)
            loss = matching + recipe.list_weight * ranking
            measured = {
                "matching": matching.item(),
                "ranking": ranking.item(),
                "true": (log_odds[:, 0] > 0).float().mean().item(),
                "false": (log_odds[:, 1:] < 0).float().mean().item(),
                "first": (log_odds.argmax(1) == 0).float().mean().item(),
            }
            if progress.steps % 4 == 0:
                mine = take(key_values, own)
                captions, measured["words"] = grounding.caption_loss(
                    [rng.choice(record.captions) for record in records], mine, recipe.label_smoothing
                )
                loss = loss + recipe.language_weight * captions
                if rows := grounding.answerable(records):
                    answers, measured["answers"] = grounding.answer_loss(rows, records, mine)
                    loss = loss + recipe.answer_weight * answers
            elif progress.steps % 2 == 1:
                asked = [text + behind for text, behind in zip(texts, contexts, strict=True)]
                contrast = grounding.contrast_loss(chosen, grounding.text_features(asked))
                anchor = grounding.anchor_loss()
                measured["contrast"], measured["anchor"] = contrast.item(), anchor.item()
                loss = loss + recipe.contrast_weight * contrast + grounding.recipe.contrast.anchor_weight * anchor
        return loss, measured

    @staticmethod
    def telling(record: Record, text: str, false: Record, rng: random.Random) -> str:
        """`text`, or another text of the record where `text` is true of the false picture as well."""
        also_true = set(false.texts())
        if text not in also_true:
            return text
        return rng.choice([other for other in record.texts() if other not in also_true] or [text])


def run_grounding(space: Workspace, phase: str) -> None:
    """Runs one of final, language, joint, mined, captioner. "final" caches the image tokens that the others read."""
    model = space.start_model()
    if phase == "final":
        load_model(model, torch.load(space.checkpoint("image"), weights_only=False)["model"])
        cache_final_tokens(space, model)
        return
    _load_before(space, model, phase)
    for parameter in (*model.vision_model.parameters(), *model.vision_proj.parameters()):
        parameter.requires_grad_(False)
    if phase == "captioner" and not model.decoupled:
        model.decouple()
    rng = random.Random(SEEDS[phase])
    torch.manual_seed(SEEDS[phase])
    recipes = space.recipe
    bank = load_bank(space)
    anchors = (bank.texts + bank.extra_texts, torch.cat([bank.embeddings, bank.extra_embeddings]))
    grounding = Grounding(model, space.records, space.tokens("final"), space.wordpieces, space.recipe, rng, anchors)
    if phase == "language":
        seed_cross_attention(
            model,
            grounding.read_tokens(rng.sample(range(len(space.records)), min(256, len(space.records)))),
            pad([space.wordpieces("a red car")], CLS),
        )
    step: Step
    if phase == "captioner":
        recipe = recipes.captioner
        step = language_step(grounding, recipe)
        groups = captioner_groups(model, recipe.learning_rate)
    else:
        recipe = {"language": recipes.language, "joint": recipes.joint, "mined": recipes.mined}[phase]
        step = (
            language_step(grounding, recipes.language)
            if phase == "language"
            else {"joint": JointStep, "mined": MinedStep}[phase](grounding)
        )
        groups = text_groups(model, recipe.learning_rate, recipe.cross_learning_rate)
    stateful = step if phase == "joint" else grounding
    optimizer = torch.optim.AdamW(groups, weight_decay=0.05, betas=(0.9, 0.98))
    Phase(
        phase,
        model,
        optimizer,
        MixSampler(space.records, space.recipe.mix, rng),
        recipe.batch,
        recipe.samples,
        step,
        space.checkpoint(phase),
        space.caps.get(phase, float("inf")),
        model.centre_matching_head,
        stateful.state,
        stateful.restore,
        space.checkpoint_seconds,
    ).run()


def _load_before(space: Workspace, model: Blip, phase: str) -> None:
    """The weights that a phase starts from: language takes text from the distillation and vision from the image phase."""
    if phase == "language":
        state = torch.load(space.checkpoint("distil"), weights_only=False)["model"]
        vision = torch.load(space.checkpoint("image"), weights_only=False)["model"]
        state.update({name: value for name, value in vision.items() if name.startswith("vision")})
    else:
        state = torch.load(
            space.checkpoint({"joint": "language", "mined": "joint", "captioner": "mined"}[phase]), weights_only=False
        )["model"]
    load_model(model, state)
    if phase == "language":  # the distilled self-attention fits the distilled tower better than that of MiniLM
        for decoder, encoder in zip(
            model.text_decoder.bert.encoder.layer, model.text_encoder.encoder.layer, strict=True
        ):
            decoder.attention.load_state_dict(encoder.attention.state_dict())

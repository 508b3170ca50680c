from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import fresh_model

from medley_pretraining.model import CLS
from medley_pretraining.phases.grounding import (
    Grounding,
    JointStep,
    MinedStep,
    language_step,
    seed_cross_attention,
)
from medley_pretraining.phases.image import draw_patches, patch_centres, patches_inside
from medley_pretraining.phases.mining import Miner
from medley_pretraining.recipe import Recipe
from medley_pretraining.records import Record
from medley_pretraining.text import PROMPT, Wordpieces, pad
from medley_pretraining.training import MixSampler, Phase, captioner_groups, load_model, rate_factor, text_groups
from medley_pretraining.workspace import record_texts

MIX = {"emoji": 0.5, "scene": 0.5, "absent": 0.3}


def make_phase(
    kind: str,
    records: list[Record],
    tokens: np.ndarray,
    wordpieces: Wordpieces,
    recipe: Recipe,
    checkpoint: Path,
    samples: int,
    rate: float = 1e-3,
) -> Phase:
    model, rng = fresh_model(), random.Random(0)
    model.activate(wordpieces.ids_of([PROMPT, *(text for record in records for text in record_texts(record))]))
    for parameter in (*model.vision_model.parameters(), *model.vision_proj.parameters()):
        parameter.requires_grad_(False)
    anchors = (["a dog", "a cat"], torch.nn.functional.normalize(torch.randn(2, model.geometry.projection), dim=-1))
    grounding = Grounding(model, records, tokens, wordpieces, recipe, rng, anchors)
    if kind in ("language", "captioner"):
        step = language_step(grounding, recipe.language if kind == "language" else recipe.captioner)
    else:
        step = {"joint": JointStep, "mined": MinedStep}[kind](grounding)
    if kind == "captioner":
        model.decouple()
    groups = captioner_groups(model, rate) if kind == "captioner" else text_groups(model, rate, 2 * rate)
    stateful = step if kind == "joint" else grounding
    optimizer = torch.optim.AdamW(groups)
    return Phase(
        kind,
        model,
        optimizer,
        MixSampler(records, MIX, rng),
        4,
        samples,
        step,
        checkpoint,
        after_step=model.centre_matching_head,
        extra_state=stateful.state,
        restore_extra=stateful.restore,
        checkpoint_seconds=0,
    )


@pytest.mark.parametrize("kind", ["language", "joint", "mined", "captioner"])
def test_a_phase_runs_to_its_last_sample_and_a_finished_one_does_nothing(
    kind: str, records, tokens, wordpieces, recipe, tmp_path: Path
) -> None:
    phase = make_phase(kind, records, tokens, wordpieces, recipe, tmp_path / "c.pt", 16)
    phase.run()
    assert phase.progress.done and phase.progress.samples == 16
    again = make_phase(kind, records, tokens, wordpieces, recipe, tmp_path / "c.pt", 16)
    again.run()
    assert again.progress.steps == phase.progress.steps


def test_resuming_continues_as_if_nothing_had_happened(records, tokens, wordpieces, recipe, tmp_path: Path) -> None:
    straight = make_phase("joint", records, tokens, wordpieces, recipe, tmp_path / "a.pt", 32)
    straight.run()

    class Stop(Exception):
        pass

    stopped = make_phase("joint", records, tokens, wordpieces, recipe, tmp_path / "b.pt", 32)
    inner = stopped.step

    def step(chosen, progress):
        if progress.steps == 4:
            raise Stop
        return inner(chosen, progress)

    stopped.step = step
    with pytest.raises(Stop):
        stopped.run()
    resumed = make_phase("joint", records, tokens, wordpieces, recipe, tmp_path / "b.pt", 32)
    resumed.run()
    for name, tensor in straight.model.export_state().items():
        assert torch.allclose(tensor, resumed.model.export_state()[name], atol=1e-6), name


def test_language_learns_to_name_what_the_tokens_show(records, tokens, wordpieces, recipe, tmp_path: Path) -> None:
    phase = make_phase("language", records, tokens, wordpieces, recipe, tmp_path / "c.pt", 400, rate=5e-3)
    first, last = phase.step([0, 3, 6, 9], phase.progress)[1]["words"], 0.0
    phase.run()
    last = phase.step([0, 3, 6, 9], phase.progress)[1]["words"]
    assert last > max(0.6, first)


def test_vision_stays_as_it_was_in_the_text_phases(records, tokens, wordpieces, recipe, tmp_path: Path) -> None:
    phase = make_phase("mined", records, tokens, wordpieces, recipe, tmp_path / "c.pt", 8)
    before = {name: tensor.clone() for name, tensor in phase.model.state_dict().items() if name.startswith("vision")}
    phase.run()
    for name, tensor in before.items():
        assert torch.equal(tensor, phase.model.state_dict()[name]), name


def test_the_captioner_learns_apart_and_leaves_the_filter_as_it_was(
    records, tokens, wordpieces, recipe, tmp_path: Path
) -> None:
    phase = make_phase("captioner", records, tokens, wordpieces, recipe, tmp_path / "c.pt", 40, rate=1e-2)
    model, ids = phase.model, torch.tensor([[CLS, 5, 6]])
    image = torch.from_numpy(tokens[:1].astype(np.float32))

    def filtered() -> torch.Tensor:
        return model.encode_text(ids, model.cross_key_values(image)).detach()

    def captioned() -> torch.Tensor:
        return model.word_logits(model.decode_text(ids, model.decoder_key_values(image))).detach()

    filtered_before, captioned_before = filtered(), captioned()
    phase.run()
    assert torch.equal(filtered(), filtered_before)
    assert not torch.allclose(captioned(), captioned_before)


def test_a_decoupled_state_is_loaded_decoupled_and_a_shared_one_shared(random_model) -> None:
    decoupled = fresh_model()
    decoupled.decouple()
    with torch.no_grad():
        decoupled.text_decoder.bert.encoder.layer[0].crossattention.self.key.weight.add_(1)
    loaded, shared = fresh_model(1), fresh_model(1)
    load_model(loaded, decoupled.state_dict())
    load_model(shared, random_model.state_dict())
    assert loaded.decoupled and not shared.decoupled
    for name, tensor in decoupled.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_mined_negatives_are_never_true(records: list[Record]) -> None:
    miner, rng = Miner(records, 4), random.Random(0)
    features = torch.randn(len(records), 8)
    miner.mine(features, lambda texts: torch.randn(len(texts), 8))
    text_records = {text: record for record in records for text in record.texts()}
    for index, record in enumerate(records):
        for _ in range(20):
            wrong = text_records[miner.false_text(index, rng)]
            claimed = set(wrong.nouns if wrong.source == "scene" else wrong.nouns[:1])
            assert not claimed <= set(record.nouns)
            other = records[miner.false_image(index, rng)]
            own = set(record.nouns if record.source == "scene" else record.nouns[:1])
            assert not own <= set(other.nouns)


def test_the_mix_leaves_out_sources_without_pictures_and_uses_each_picture_before_repeating(
    records: list[Record],
) -> None:
    sampler = MixSampler(records, {"scene": 1.0, "clothing": 5.0}, random.Random(0))
    drawn = sampler.draw(6)
    assert sorted(drawn) == [index for index, record in enumerate(records) if record.source == "scene"]


def test_the_learning_rate_rises_then_falls() -> None:
    assert rate_factor(0.0) < rate_factor(0.02) < rate_factor(0.04) == 1.0
    assert rate_factor(0.5) > rate_factor(0.9) > rate_factor(1.0) > 0


def test_seeding_makes_cross_attention_read_the_projected_class_token(wordpieces: Wordpieces) -> None:
    model = fresh_model()
    tokens = torch.randn(8, model.geometry.tokens, model.geometry.width)
    tokens[:, 0] += 3
    with torch.no_grad():
        seed_cross_attention(model, tokens, pad([wordpieces("a dog")], CLS))
        value = model.text_encoder.encoder.layer[0].crossattention.self.value(tokens[:, 0])
        size = model.geometry.width // model.geometry.text_heads
        rows = model.geometry.projection // size * size
        assert torch.allclose(value[:, :rows], model.vision_proj(tokens[:, 0])[:, :rows], atol=1e-5)


def test_every_box_gets_patches_and_only_those_inside() -> None:
    centres = patch_centres(4)
    assert torch.equal(patches_inside((0, 0, 28, 14), centres, 56).nonzero()[:, 0], torch.tensor([0, 1]))
    tiny = patches_inside((30, 44, 31, 45), centres, 56)
    assert tiny.sum() == 1 and tiny.argmax() == 3 * 4 + 2


def test_a_step_of_the_image_phase_sees_the_asked_share_of_the_patches_and_none_twice() -> None:
    torch.manual_seed(0)
    kept = draw_patches(8, 64, 0.5)
    assert kept.shape == (8, 32)
    assert all(len(set(row)) == 32 and row == sorted(row) and max(row) < 64 for row in kept.tolist())
    assert len({tuple(row) for row in kept.tolist()}) == 8
    assert torch.equal(draw_patches(2, 64, 1.0), torch.arange(64).expand(2, -1))


def test_fresh_pictures_are_kept_from_the_image_phase(records: list[Record]) -> None:
    marked = [dataclasses.replace(record, fresh=index % 2 == 0) for index, record in enumerate(records)]
    sampler = MixSampler(marked, MIX, random.Random(0), skip_fresh=True)
    assert not any(marked[index].fresh for index in sampler.draw(200))


def test_only_single_things_are_asked_for_by_more_than_they_show(
    records, tokens, wordpieces, recipe, tmp_path: Path
) -> None:
    always = dataclasses.replace(recipe, mined=dataclasses.replace(recipe.mined, context_share=1.0))
    phase = make_phase("mined", records, tokens, wordpieces, always, tmp_path / "c.pt", 4)
    contexts = phase.step.contexts(records)
    assert all((behind == "") == (record.source == "scene") for behind, record in zip(contexts, records, strict=True))
    loss, measured = phase.step([0, 3, 6, 9], phase.progress)  # no scene: only the order of the five counts
    assert loss.isfinite() and measured["matching"] == 0.0


def test_the_text_of_a_scene_beside_its_twin_is_true_of_the_scene_alone() -> None:
    left = Record("scene", "l", "l", ["a cat to the left of a dog", "a cat and a dog"])
    right = Record("scene", "r", "r", ["a dog to the left of a cat", "a cat and a dog"])
    rng = random.Random(0)
    assert MinedStep.telling(left, "a cat and a dog", right, rng) == "a cat to the left of a dog"

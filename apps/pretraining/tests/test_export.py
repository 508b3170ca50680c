"""What the exported folder promises."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import pytest
import torch

from medley_pretraining.export import (
    compare_with_transformers,
    half_with_shared_storages,
    write_model_folder,
)
from medley_pretraining.model import Blip
from medley_pretraining.recipe import load_recipe
from medley_pretraining.scorer import load_exported


def export(model: Blip, folder: Path) -> Path:
    vocabulary = folder / "words.txt"
    vocabulary.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    write_model_folder(model, load_recipe().model, vocabulary, folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, random_model: Blip) -> Path:
    return export(random_model, tmp_path_factory.mktemp("model"))


def test_export_of_a_decoupled_captioner_loads_with_our_outputs(tmp_path: Path, random_model: Blip) -> None:
    model = copy.deepcopy(random_model)
    model.decouple()
    with torch.no_grad():
        for parameter in model.captioner_parameters():
            parameter.normal_(0, 0.2)
    folder = export(model, tmp_path)
    differences = compare_with_transformers(folder, model.geometry)
    assert differences.largest() <= 1e-4, differences
    assert (folder / "pytorch_model.bin").stat().st_size >= 2 * sum(each.numel() for each in model.parameters())


def test_export_loads_in_the_three_transformers_classes_with_our_outputs(exported: Path, random_model: Blip) -> None:
    differences = compare_with_transformers(exported, random_model.geometry)
    assert differences.largest() <= 1e-4, differences


def test_export_stores_shared_tensors_once(exported: Path, random_model: Blip) -> None:
    unique = sum(parameter.numel() for parameter in random_model.parameters())
    size = (exported / "pytorch_model.bin").stat().st_size
    assert 2 * unique <= size < 2 * unique + 200_000


def test_export_reads_without_executing_code_and_leaves_out_the_output_matrix(exported: Path) -> None:
    state = torch.load(exported / "pytorch_model.bin", weights_only=True)
    assert "text_decoder.cls.predictions.decoder.weight" not in state
    assert "text_decoder.cls.predictions.bias" in state
    assert {tensor.dtype for tensor in state.values()} == {torch.float16}


def test_half_precision_keeps_names_on_one_storage_together() -> None:
    tensor = torch.ones(3)
    halves = half_with_shared_storages({"a": tensor, "b": tensor, "c": torch.ones(3)})
    assert halves["a"].data_ptr() == halves["b"].data_ptr() != halves["c"].data_ptr()


def test_the_scorer_reads_captioner_and_filter_of_a_decoupled_export_apart(tmp_path: Path, random_model: Blip) -> None:
    model = copy.deepcopy(random_model)
    model.decouple()
    with torch.no_grad():
        for parameter in model.captioner_parameters():
            parameter.add_(1)
    recipe = dataclasses.replace(
        load_recipe().model,
        image_size=28,
        width=24,
        vision_blocks=3,
        vision_heads=2,
        text_layers=(0, 1),
        text_heads=2,
        projection=8,
    )
    read = load_exported(export(model, tmp_path), recipe).state_dict()
    for name, tensor in model.state_dict().items():
        assert torch.allclose(read[name], tensor, atol=5e-3), name

"""What a training run promises: it falls, goes on bit by bit, stops at NaN, and refuses what does not fit."""

from __future__ import annotations

import dataclasses
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from paper_set import TINY, make_samples, tiny_settings, toml_of, write_set

from medley_pretraining.paper.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from medley_pretraining.paper.preparation import prepare
from medley_pretraining.paper.run_log import read_rows
from medley_pretraining.paper.samples import DataError
from medley_pretraining.paper.settings import (
    OptimiserSettings,
    Settings,
    SettingsError,
    choose_device,
    load_settings,
    merged,
    read_toml,
    settings_of,
)
from medley_pretraining.paper.shards import write_shards
from medley_pretraining.paper.training_run import LossError, TrainingRun, rate_at

CPU = torch.device("cpu")


class Stop(Exception):
    pass


def start(settings: Settings) -> TrainingRun:
    return prepare(settings, CPU)


def curve(folder: Path) -> list[dict[str, str]]:
    return read_rows(folder / "losses.csv")


def stop_at(run: TrainingRun, step: int) -> None:
    inner = run.one_step

    def one_step() -> dict[str, float]:
        if run.step == step:
            raise Stop
        return inner()

    run.one_step = one_step  # type: ignore[method-assign]
    with pytest.raises(Stop):
        run.train()


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    return write_set(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set with a model that has learnt a little, in run/."""
    folder = write_set(tmp_path_factory.mktemp("trained"))
    optimiser = {"epochs": 80, "batch": 16, "warmup_steps": 10}
    start(tiny_settings(folder, optimiser=optimiser, run={"checkpoint_steps": 0})).train()
    return folder


def test_a_stopped_run_gives_bit_equal_losses_and_weights_when_it_goes_on(folder: Path) -> None:
    changes = {"data": {"crop_from": 0.5, "mirror": True, "random_augment": True}, "model": {"dropout": 0.1}}
    straight = start(tiny_settings(folder, **changes, run={"out": "straight"}))
    straight.train()
    settings = tiny_settings(folder, **changes, run={"out": "stopped"})
    stop_at(start(settings), 5)  # its last checkpoint is of step 4
    torch.manual_seed(99)
    resumed = start(settings)
    resumed.train()
    assert curve(folder / "straight") == curve(folder / "stopped")
    assert [row["step"] for row in curve(folder / "stopped")] == [str(step) for step in range(8)]
    for name, tensor in straight.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name
    for name, tensor in straight.objective.state_dict().items():
        assert torch.equal(tensor, resumed.objective.state_dict()[name]), name


def test_a_killed_run_goes_on_at_its_last_checkpoint(folder: Path) -> None:
    raw = {**TINY, "optimiser": {**TINY["optimiser"], "epochs": 20}}
    for name in ("straight", "killed"):
        (folder / f"{name}.toml").write_text(toml_of({**raw, "run": {**TINY["run"], "out": name}}))
    settings = load_settings(folder / "killed.toml", CPU)
    code = (
        "import time, torch; from pathlib import Path; from medley_pretraining.paper.settings import load_settings;"
        "from medley_pretraining.paper.preparation import prepare;"
        f"run = prepare(load_settings(Path({str(folder / 'killed.toml')!r}), torch.device('cpu')), torch.device('cpu'));"
        "inner = run.one_step; run.one_step = lambda: (time.sleep(0.1), inner())[1]; run.train()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "OMP_NUM_THREADS": "1"})
    checkpoint = folder / "killed" / "checkpoint.pt"
    try:
        for _ in range(1200):
            if checkpoint.exists() or process.poll() is not None:
                break
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert 0 < read_checkpoint(checkpoint)["step"] < 40
    start(settings).train()
    start(load_settings(folder / "straight.toml", CPU)).train()
    assert curve(folder / "killed") == curve(folder / "straight")


def test_a_finished_run_does_nothing_more(folder: Path) -> None:
    settings = tiny_settings(folder)
    start(settings).train()
    before = (folder / "run" / "checkpoint.pt").read_bytes()
    again = start(settings)
    again.train()
    assert again.step == 8 and (folder / "run" / "checkpoint.pt").read_bytes() == before


def test_a_run_leaves_its_curves_and_events(folder: Path) -> None:
    start(tiny_settings(folder)).train()
    rows = curve(folder / "run")
    assert {"step", "loss", "loss/contrast", "loss/matching", "loss/language", "rate", "temperature", "alpha"} <= set(
        rows[0]
    )
    assert (folder / "run" / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert list((folder / "run" / "tensorboard").glob("events.out.tfevents.*"))
    assert [float(row["alpha"]) for row in rows[:4]] == pytest.approx([0.0, 0.2, 0.4, 0.4])


def test_the_same_seed_gives_the_same_run_and_another_seed_another(folder: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        start(tiny_settings(folder, run={"out": name, "seed": seed}, optimiser={"epochs": 1})).train()
    assert curve(folder / "a") == curve(folder / "b") != curve(folder / "c")


def test_a_loss_that_is_no_number_stops_with_its_batch_saved_and_named(folder: Path) -> None:
    run = start(tiny_settings(folder))
    inner = run.maker.make

    def make(rows: list[int], step: int):
        batch = inner(rows, step)
        return dataclasses.replace(batch, images=batch.images * float("nan")) if step == 3 else batch

    run.maker.make = make  # type: ignore[method-assign]
    with pytest.raises(LossError, match="Step 3 is no finite number") as caught:
        run.train()
    saved = torch.load(folder / "run" / "stopped-at-step-3.pt", weights_only=True)
    assert saved["keys"][0] in str(caught.value) and "stopped-at-step-3.pt" in str(caught.value)
    assert len(saved["texts"]) == 8 and saved["images"].isnan().all()
    assert read_checkpoint(folder / "run" / "checkpoint.pt")["step"] == 2


def test_a_full_disk_is_said_and_leaves_the_earlier_checkpoint_intact(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    write_checkpoint({"format": 1, "step": 1}, path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # writing past this fails as on a full disk
    try:
        with pytest.raises(CheckpointError, match="could not be written.*is intact. Make room") as caught:
            write_checkpoint({"format": 1, "step": 2, "weights": torch.zeros(200_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert "MiB are free" in str(caught.value)
    assert read_checkpoint(path)["step"] == 1
    assert [each.name for each in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_checkpoint_of_another_geometry_is_refused_with_the_tensor_and_both_shapes(folder: Path) -> None:
    start(tiny_settings(folder, optimiser={"epochs": 1})).train()
    tuning = {"task": "captioning", "checkpoint": "run/checkpoint.pt"}
    with pytest.raises(CheckpointError, match=r'Tensor "vision_model.+" .* has shape \[.*32.*\], expected \[.*16.*\]'):
        start(tiny_settings(folder, start=tuning, model={"width": 16}, run={"out": "other"}))
    with pytest.raises(CheckpointError, match=r"trained with model.text_heads 2, the configuration says 4"):
        start(tiny_settings(folder, start=tuning, model={"text_heads": 4}, run={"out": "other"}))
    with pytest.raises(CheckpointError, match=r"has shape \[.*\], expected .*choose another run.out"):
        start(tiny_settings(folder, model={"projection": 8})).train()


def test_a_checkpoint_of_another_run_or_of_nothing_is_refused(folder: Path) -> None:
    start(tiny_settings(folder, optimiser={"epochs": 1})).train()
    with pytest.raises(CheckpointError, match="belongs to a run with other batch, epochs, seed"):
        start(tiny_settings(folder, optimiser={"epochs": 2})).train()
    (folder / "run" / "checkpoint.pt").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="cannot be read"):
        start(tiny_settings(folder, optimiser={"epochs": 1})).train()


def test_fine_tuning_may_use_larger_pictures_than_pre_training(folder: Path) -> None:
    start(tiny_settings(folder, optimiser={"epochs": 1})).train()
    tuning = {"task": "captioning", "checkpoint": "run/checkpoint.pt"}
    settings = tiny_settings(
        folder, start=tuning, model={"image_size": 42}, run={"out": "larger"}, optimiser={"epochs": 1}
    )
    start(settings).train()
    assert read_checkpoint(folder / "larger" / "checkpoint.pt")["geometry"]["image_size"] == 42


def test_one_sample_can_be_captioned_and_is_refused_for_contrast_in_a_sentence(folder: Path) -> None:
    start(tiny_settings(folder, optimiser={"epochs": 1})).train()
    write_shards(make_samples()[:1], folder / "one")
    one = {"train": ["one"]}
    with pytest.raises(DataError, match="The set has 1 sample of one picture or group.*at least 2 different ones"):
        start(tiny_settings(folder, data=one, run={"out": "refused"}))
    for task in ("captioning", "vqa"):
        tuning = {"task": task, "checkpoint": "run/checkpoint.pt"}
        run = start(tiny_settings(folder, data=one, start=tuning, run={"out": task}, optimiser={"epochs": 3}))
        run.train()
        assert run.step == 3


@pytest.mark.parametrize("task", ["retrieval", "captioning", "capfilt", "vqa"])
def test_fine_tuning_learns_its_task_and_a_frozen_vision_tower_stays_as_it_was(trained: Path, task: str) -> None:
    before = read_checkpoint(trained / "run" / "checkpoint.pt")["model"]
    tuning = {"task": task, "checkpoint": "run/checkpoint.pt", "frozen_vision": True}
    optimiser = {"epochs": 40, "batch": 16, "rate": 2e-3}
    changes = {"optimiser": optimiser, "objective": {"queue": 0}, "run": {"out": task, "checkpoint_steps": 0}}
    start(tiny_settings(trained, start=tuning, **changes)).train()
    learnt = {
        "retrieval": ["contrast"],
        "captioning": ["language"],
        "capfilt": ["contrast", "language"],
        "vqa": ["answers"],
    }
    for name in learnt[task]:
        rows = [float(row[f"loss/{name}"]) for row in curve(trained / task)]
        assert sum(rows[-4:]) < 0.9 * sum(rows[:4]), name
    after = read_checkpoint(trained / task / "checkpoint.pt")["model"]
    moved = {each for each, tensor in before.items() if each in after and not torch.equal(tensor, after[each])}
    assert moved and not any(each.startswith("vision_model.") for each in moved)


def test_the_learning_rate_warms_up_then_falls_by_step_or_cosine() -> None:
    by_step = OptimiserSettings(rate=3e-4, warmup_steps=10, decay=0.9)
    assert rate_at(0, 100, 1000, by_step) == 1e-6
    assert rate_at(5, 100, 1000, by_step) == pytest.approx(1e-6 + (3e-4 - 1e-6) / 2)
    assert rate_at(99, 100, 1000, by_step) == 3e-4 and rate_at(250, 100, 1000, by_step) == pytest.approx(3e-4 * 0.81)
    assert rate_at(10**6, 100, 1000, by_step) == 1e-6
    cosine = dataclasses.replace(by_step, schedule="cosine", warmup_steps=0)
    assert rate_at(0, 100, 1000, cosine) == 3e-4 and rate_at(1000, 100, 1000, cosine) == pytest.approx(1e-6)
    assert rate_at(500, 100, 1000, cosine) == pytest.approx((3e-4 + 1e-6) / 2)


def test_one_configuration_serves_cpu_and_gpu_by_its_cuda_sections(folder: Path) -> None:
    text = toml_of(TINY) + "[cuda.optimiser]\nbatch = 16\n[cuda.run]\nbfloat16 = true\n"
    (folder / "both.toml").write_text(text)
    cpu = load_settings(folder / "both.toml", CPU)
    gpu = load_settings(folder / "both.toml", torch.device("cuda"))
    assert (cpu.optimiser.batch, cpu.run.bfloat16) == (8, False)
    assert (gpu.optimiser.batch, gpu.run.bfloat16, gpu.optimiser.rate) == (16, True, cpu.optimiser.rate)


def test_a_run_in_bfloat16_learns_as_well(folder: Path) -> None:
    start(tiny_settings(folder, run={"bfloat16": True, "checkpoint_steps": 100}, optimiser={"epochs": 12})).train()
    rows = [float(row["loss"]) for row in curve(folder / "run")]
    assert sum(rows[-4:]) < 0.9 * sum(rows[:4])


def test_a_missing_gpu_is_an_error_and_no_slow_run() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(SettingsError, match="torch sees no CUDA device"):
        choose_device("cuda")
    assert choose_device("auto").type == "cpu"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"widht": 3}}, r"\[model\] has the unknown key widht"),
        ({"model": {"width": "32"}}, r"width is '32', expected a int"),
        ({"objective": {"queue": 12}}, "queue 12 is no multiple of optimiser.batch 8"),
        ({"model": {"sharing": "most"}}, "sharing is 'most', expected one of"),
        ({"model": {"image_size": 30}}, "image_size 30 is no multiple of model.patch_size 7"),
        ({"optimiser": {"schedule": "linear"}}, 'schedule is .linear., expected "step" or "cosine"'),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        tiny_settings(tmp_path, **changes)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_every_example_configuration_is_valid_on_either_device(device: str) -> None:
    examples = sorted((Path(__file__).parents[1] / "examples").glob("*.toml"))
    assert [path.stem for path in examples] == ["bootstrap", "capfilt", "captioning", "pretrain", "retrieval", "vqa"]
    for path in examples:
        raw = read_toml(path)
        parts = {name: raw.pop(name, {}) for name in ("captioner", "filter", "pretrain")}
        raw.pop("bootstrap", None)
        tasks = {"captioner": "captioning", "filter": "retrieval", "pretrain": ""}
        for name, part in parts.items():
            own = (
                {"start": {"task": tasks[name], "checkpoint": "c"}} if path.stem == "bootstrap" and tasks[name] else {}
            )
            settings = settings_of(merged(raw, part, own), path, torch.device(device))
            assert settings.path(settings.data.tokenizer).name == "vocab.txt"

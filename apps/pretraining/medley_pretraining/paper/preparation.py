"""From a configuration to a run: reads the data, builds or loads the model, and says what was changed for a small set."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import torch

from .answer_objective import AnswerObjective
from .batches import BatchMaker, PixelImages, TokenImages, frozen_tokens
from .checkpoint import DECODER, ENCODER, load_weights, read_checkpoint
from .corpus import Corpus, build_corpus
from .huggingface import read_huggingface
from .lexicon import PROMPT, Lexicon, load_tokenizer, prepare_caption
from .manifest import read_sources
from .network import PaperBlip
from .pair_objective import PairObjective
from .samples import DataError, Intake
from .settings import PROMPTED_TASKS, Settings, SettingsError
from .training_run import TrainingRun

TOWER_OF = {"captioning": DECODER}  # whose weights a shared module takes from a start that has two
STORED_LARGER = 1.25  # pictures are kept this much larger than the model sees them, where crops are cut out of them


def say(text: str) -> None:
    print(text, flush=True)


def prepare(settings: Settings, device: torch.device) -> TrainingRun:
    """Pre-training (no start.task) or fine-tuning of what a configuration names."""
    if not settings.run.out:
        raise SettingsError("run.out is empty, expected the folder that the run writes.")
    if settings.start.task and not settings.start.checkpoint:
        raise SettingsError(
            f'start.task is "{settings.start.task}", but start.checkpoint is empty. Name the checkpoint to fine-tune.'
        )
    torch.set_num_threads(settings.run.threads)
    folder = settings.path(settings.run.out)
    start = read_start(settings.path(settings.start.checkpoint)) if settings.start.checkpoint else None
    if start is not None and settings.model.has_default_sizes():
        sizes = {name: size for name, size in start["geometry"].items() if name != "vocabulary"}
        settings = dataclasses.replace(settings, model=dataclasses.replace(settings.model, **sizes))
    if start is not None:
        check_pixels(start, settings)
    corpus = read_corpus(settings, folder)
    tokenizer = load_tokenizer(settings.path(settings.data.tokenizer))
    if start is not None:
        lexicon = Lexicon(tokenizer, start["bert_ids"])
    elif settings.model.vocabulary == "used":
        lexicon = Lexicon.of_texts(tokenizer, corpus.texts())
    else:
        lexicon = Lexicon(tokenizer)
    torch.manual_seed(settings.run.seed)
    model = PaperBlip(settings.model.geometry(len(lexicon)), settings.model.sharing, settings.model.dropout)
    if start is not None:
        load_weights(model, start, settings.path(settings.start.checkpoint), TOWER_OF.get(settings.start.task, ENCODER))
    return assemble(settings, folder, corpus, lexicon, model, device)


def read_start(path: Path) -> dict[str, Any]:
    """A checkpoint of this package, or a folder in the Hugging Face layout such as the bundled model."""
    return read_huggingface(path) if path.is_dir() else read_checkpoint(path)


def check_pixels(start: dict[str, Any], settings: Settings) -> None:
    ours = {"mean": list(settings.data.pixel_mean), "deviation": list(settings.data.pixel_deviation)}
    if start["pixels"] != ours:
        raise SettingsError(
            f"The start was trained with pixels of {start['pixels']}, the configuration has {ours}. "
            "Set data.pixel_mean and data.pixel_deviation to those of the start."
        )


def read_corpus(settings: Settings, folder: Path) -> Corpus:
    if not settings.data.train:
        raise SettingsError("data.train is empty, expected shards, folders of shards, CSV or JSONL files.")
    size = settings.model.image_size
    stored = size if settings.data.crop_from >= 1 or settings.start.frozen_vision else math.ceil(STORED_LARGER * size)
    intake = Intake()
    paths = [settings.path(name) for name in settings.data.train]
    corpus = build_corpus(read_sources(paths), stored, intake, settings.data.licences, folder)
    say(intake.summary())
    (folder / "skipped.txt").write_text("".join(f"{rejection}\n" for rejection in intake.rejections))
    return corpus


def assemble(
    settings: Settings,
    folder: Path,
    corpus: Corpus,
    lexicon: Lexicon,
    model: PaperBlip,
    device: torch.device,
    images: TokenImages | None = None,
    frozen_blocks: int = 0,
    logged: bool = True,
) -> TrainingRun:
    """A run of parts that are there already. `images` are cached tokens behind `frozen_blocks`, where the caller has them."""
    task = settings.start.task
    corpus = for_task(corpus, task)
    settings = for_small_set(settings, corpus)
    frozen: tuple[str, ...] = ()
    if images is not None:
        layers = tuple(f"vision_model.encoder.layers.{block}." for block in range(frozen_blocks))
        everything = frozen_blocks == model.geometry.vision_blocks
        frozen = ("vision_model.",) if everything else ("vision_model.embeddings.", *layers)
    elif settings.start.frozen_vision:
        model.to(device).eval()
        frozen, frozen_blocks = ("vision_model.",), model.geometry.vision_blocks
        images = TokenImages(frozen_tokens(model, corpus.pixels, settings.data, device))
    source = images or PixelImages(corpus.pixels, model.geometry.image_size, settings.data)
    prompted = task in PROMPTED_TASKS and settings.data.prefix_prompt
    prompt = lexicon.pieces(prepare_caption(PROMPT)) if prompted else []
    maker = BatchMaker(corpus, source, lexicon, settings.data, settings.run.seed, device)
    steps_per_epoch = len(corpus.pairs) // settings.optimiser.batch
    easy_steps = round(settings.objective.easy_negatives * settings.optimiser.epochs * steps_per_epoch)
    if task == "vqa":
        objective = AnswerObjective(model, lexicon, settings.objective, settings.data, frozen_blocks)
    else:
        objective = PairObjective(
            model,
            lexicon,
            settings.objective,
            steps_per_epoch,
            prompt,
            settings.data.text_tokens,
            frozen_blocks,
            easy_steps,
        )
    if lexicon.unknown and logged:
        say(f"{lexicon.unknown} word pieces of the texts are not in the model's vocabulary and become [UNK].")
    detail = json.loads(json.dumps(dataclasses.asdict(settings), default=str))
    return TrainingRun(
        folder,
        model,
        objective,
        maker,
        lexicon,
        settings.optimiser,
        settings.run,
        device,
        frozen,
        detail,
        settings.objective.temperature_rate,
        logged,
    )


def for_task(corpus: Corpus, task: str) -> Corpus:
    """Only the pairs that the task can use: with questions for VQA, with a text for everything else."""
    pairs = tuple(pair for pair in corpus.pairs if (pair.questions if task == "vqa" else pair.text))
    if not pairs:
        raise DataError("No sample has a question with answers." if task == "vqa" else "No sample has a text.")
    return dataclasses.replace(corpus, pairs=pairs)


def for_small_set(settings: Settings, corpus: Corpus) -> Settings:
    """A batch is never larger than the set, and the queue stays a multiple of it; what changes is said. Contrast and matching need two
    samples that may be told apart."""
    objective, optimiser, pairs = settings.objective, settings.optimiser, len(corpus.pairs)
    compares = settings.start.task != "vqa" and (objective.contrast or objective.matching)
    if compares and len({pair.group for pair in corpus.pairs}) < 2:
        raise DataError(
            f"The set has {pairs} sample{'s' if pairs > 1 else ''} of one picture or group. Contrast and matching compare pictures, "
            "so at least 2 different ones are needed. Captioning and VQA can be fine-tuned on one."
        )
    if optimiser.batch <= pairs:
        return settings
    queue = objective.queue // pairs * pairs
    say(
        f"The set has {pairs} samples: batch {optimiser.batch} becomes {pairs}, queue {objective.queue} becomes {queue}."
    )
    return dataclasses.replace(
        settings,
        optimiser=dataclasses.replace(optimiser, batch=pairs),
        objective=dataclasses.replace(objective, queue=queue),
    )

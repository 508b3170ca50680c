"""ITC + ITM + LM of one batch with one vision pass: pre-training, retrieval and caption fine-tuning, by the weights of the three losses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .batches import Batch
from .lexicon import Lexicon, padded
from .momentum import FeatureQueue, MomentumEncoders
from .network import PaperBlip, rows_of
from .objectives import (
    HIGHEST_TEMPERATURE,
    LOWEST_TEMPERATURE,
    SAMPLING_FLOOR,
    choose_negatives,
    contrast_loss,
    excluded_pairs,
    hard_labels,
    matching_loss,
    matching_pairs,
    next_words,
    soft_label_weight,
    soft_labels,
    word_loss,
)
from .settings import ObjectiveSettings


class PairObjective(nn.Module):
    """Holds what training has beside the model: temperature, momentum encoders, queue. `prompt`: word pieces that the decoder is given before
    every caption, both together no longer than `text_tokens` with the special tokens. The order within a step is the original's:
    clamp the temperature, online features, momentum update, momentum features, ITC, enqueue, ITM, LM."""

    def __init__(
        self,
        model: PaperBlip,
        lexicon: Lexicon,
        settings: ObjectiveSettings,
        steps_per_epoch: int,
        prompt: Sequence[int] = (),
        text_tokens: int = 0,
        frozen_blocks: int = 0,
        easy_steps: int = 0,
    ) -> None:
        super().__init__()
        self._model = [model]  # in a list, so that the state dict of the objective does not repeat the model
        self.lexicon, self.settings, self.frozen_blocks, self.easy_steps = lexicon, settings, frozen_blocks, easy_steps
        self.prompt, self.text_tokens = list(prompt), text_tokens
        self.ramp_steps = round(settings.soft_label_ramp_epochs * steps_per_epoch)
        if settings.contrast:
            self.temperature = nn.Parameter(torch.tensor(settings.temperature))
            self.momentum = MomentumEncoders(model, settings.momentum, frozen_blocks)
            self.queue = FeatureQueue(settings.queue, model.geometry.projection)

    @property
    def model(self) -> PaperBlip:
        return self._model[0]

    def losses(self, batch: Batch, step: int) -> tuple[dict[str, Tensor], dict[str, float]]:
        """The losses by name, each a scalar and already weighted, and what else is worth logging."""
        settings, model = self.settings, self.model
        tokens = model.image_tokens(batch.images, self.frozen_blocks)
        losses: dict[str, Tensor] = {}
        measured: dict[str, float] = {}
        similarity = None
        if settings.contrast:
            contrast, similarity, measured = self._contrast(tokens, batch, step)
            losses["contrast"] = settings.contrast * contrast
        cross = model.encoder_cross(tokens) if settings.matching else None
        if settings.matching:
            if similarity is None or step < self.easy_steps:
                even = torch.zeros(len(tokens), len(tokens), device=tokens.device)
                similarity = (even, even)
            losses["matching"] = settings.matching * self._matching(cross, similarity, batch)
        if settings.language:
            losses["language"] = settings.language * self._language(model.decoder_cross(tokens, cross), batch)
        return losses, measured

    def _ids(self, batch: Batch, first: int) -> Tensor:
        return padded(batch.captions, first, self.lexicon.sep).to(batch.images.device)

    def _contrast(
        self, tokens: Tensor, batch: Batch, step: int
    ) -> tuple[Tensor, tuple[Tensor, Tensor], dict[str, float]]:
        """The loss; similarities [B, B] picture→text and text→picture that negatives are drawn by; temperature and α."""
        settings, model = self.settings, self.model
        with torch.no_grad():
            self.temperature.clamp_(LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE)
        ids = self._ids(batch, self.lexicon.cls)
        images = model.image_features(tokens[:, 0]).float()
        texts = model.text_features(model.encode(ids)[:, 0]).float()
        self.momentum.follow(model)
        momentum_images, momentum_texts = self.momentum.image_features(batch.images), self.momentum.text_features(ids)
        all_images = torch.cat([momentum_images, self.queue.images])  # [C, E]
        all_texts = torch.cat([momentum_texts, self.queue.texts])
        hard = hard_labels(batch.groups, torch.cat([batch.groups, self.queue.groups]), settings.by_group)
        weight = soft_label_weight(step, self.ramp_steps, settings.soft_label_weight)
        with torch.autocast(tokens.device.type, enabled=False):  # bfloat16 cannot tell logits of cosine / 0.05 apart
            to_texts, to_images = images @ all_texts.T / self.temperature, texts @ all_images.T / self.temperature
            with torch.no_grad():
                text_labels = soft_labels(momentum_images @ all_texts.T / self.temperature, hard, weight)
                image_labels = soft_labels(momentum_texts @ all_images.T / self.temperature, hard, weight)
            loss = (contrast_loss(to_texts, text_labels) + contrast_loss(to_images, image_labels)) / 2
        self.queue.enqueue(momentum_images, momentum_texts, batch.groups)
        size = len(images)
        if settings.by_group:
            online = (images @ texts.T / self.temperature).detach()
            similarity = (online, online.T)
        else:
            similarity = (to_texts[:, :size].detach(), to_images[:, :size].detach())
        right = (to_texts[:, :size].argmax(1) == torch.arange(size, device=tokens.device)).float().mean()
        return loss, similarity, {"temperature": self.temperature.item(), "alpha": weight, "top1": right.item()}

    def _matching(self, cross, similarity: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
        floor = 0.0 if self.settings.by_group else SAMPLING_FLOOR
        excluded = excluded_pairs(batch.groups, batch.text_numbers)
        negative_texts = choose_negatives(similarity[0], excluded, floor)
        negative_images = choose_negatives(similarity[1], excluded, floor)
        pictures, texts, labels = matching_pairs(negative_images, negative_texts)
        ids = self._ids(batch, self.lexicon.enc)
        states = self.model.encode(ids[texts], rows_of(cross, pictures))
        return matching_loss(self.model.itm_head(states[:, 0]), labels)

    def _language(self, cross, batch: Batch) -> Tensor:
        captions = batch.captions
        if self.prompt:
            captions = [(self.prompt + caption)[: self.text_tokens - 2] for caption in captions]
        ids = padded(captions, self.lexicon.dec, self.lexicon.sep).to(batch.images.device)
        states = self.model.decode(ids[:, :-1], cross)
        asked, targets = next_words(ids, len(self.prompt))
        return word_loss(self.model.decoded_logits(states[asked]), targets, self.settings.label_smoothing)

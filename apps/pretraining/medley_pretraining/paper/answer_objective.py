"""VQA fine-tuning: a question encoder over the picture, an answer decoder over the question's states (BLIP models/blip_vqa.py)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..model import PAD
from .batches import Batch
from .lexicon import Lexicon, padded, prepare_caption
from .network import PaperBlip, rows_of
from .objectives import answer_loss, next_words
from .samples import DataError
from .settings import DataSettings, ObjectiveSettings


class AnswerObjective(nn.Module):
    """Every question of every pair of the batch, with all its answers, each counted by its weight."""

    def __init__(
        self,
        model: PaperBlip,
        lexicon: Lexicon,
        settings: ObjectiveSettings,
        data: DataSettings,
        frozen_blocks: int = 0,
    ) -> None:
        super().__init__()
        self._model = [model]
        self.lexicon, self.settings, self.data, self.frozen_blocks = lexicon, settings, data, frozen_blocks

    @property
    def model(self) -> PaperBlip:
        return self._model[0]

    def losses(self, batch: Batch, step: int) -> tuple[dict[str, Tensor], dict[str, float]]:
        device, lexicon = batch.images.device, self.lexicon
        asked = [(row, question) for row, pair in enumerate(batch.pairs) for question in pair.questions]
        if not asked:
            raise DataError(f"None of the samples {batch.keys[:3]} has a question. VQA needs them in every sample.")
        tokens = self.model.image_tokens(batch.images, self.frozen_blocks)
        pictures = torch.tensor([row for row, _ in asked], device=device)
        questions = [lexicon.question(question.text, self.data.question_tokens) for _, question in asked]
        question_ids = padded(questions, lexicon.enc, lexicon.sep).to(device)
        states = self.model.encode(question_ids, rows_of(self.model.encoder_cross(tokens), pictures))
        answers = [
            (row, answer, weight)
            for row, (_, question) in enumerate(asked)
            for answer, weight in question.answers.items()
        ]
        owners = torch.tensor([row for row, _, _ in answers], device=device)
        weights = torch.tensor([weight for _, _, weight in answers], device=device)
        # Answers go through the clean-up of captions, so that "2." and "2" are one answer.
        pieces = [lexicon.pieces(prepare_caption(answer)) for _, answer, _ in answers]
        ids = padded(pieces, lexicon.dec, lexicon.sep).to(device)
        cross = rows_of(self.model.decoder_cross(states), owners)
        decoded = self.model.decode(ids[:, :-1], cross, (question_ids != PAD)[owners])
        wanted, targets = next_words(ids)
        answer_of = torch.arange(len(answers), device=device)[:, None].expand_as(wanted)[wanted]
        loss = answer_loss(
            self.model.decoded_logits(decoded[wanted]),
            targets,
            answer_of,
            weights,
            len(asked),
            self.settings.label_smoothing,
        )
        return {"answers": loss}, {}

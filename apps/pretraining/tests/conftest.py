"""A tiny random model; nothing here is downloaded."""

from __future__ import annotations

import pytest
import torch

from medley_pretraining.model import Blip, Geometry


@pytest.fixture(scope="session")
def random_model() -> Blip:
    torch.manual_seed(0)
    model = Blip(Geometry.tiny()).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.2)
    return model

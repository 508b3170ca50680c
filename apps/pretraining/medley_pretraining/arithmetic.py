"""The arithmetic of training on a CPU: bfloat16 where the processor computes in it, fp32 elsewhere."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch


@cache
def has_fast_bfloat16() -> bool:
    """Whether this CPU has AVX-512 BF16. Without it PyTorch emulates bfloat16 and is about four times slower than in fp32."""
    return torch.cpu._is_avx512_bf16_supported()


def mixed_precision() -> AbstractContextManager[object]:
    """Autocast to bfloat16 on a CPU that computes in it; nothing on others, so that the same recipe runs in fp32 there."""
    return torch.autocast("cpu", torch.bfloat16) if has_fast_bfloat16() else nullcontext()

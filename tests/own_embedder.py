"""A user's own embedder for tests: a network whose embedding is the mean of each channel of the aligned face."""

from pathlib import Path

import onnx

from likeness.digests import sha256_file
from likeness.safety.embedder import EmbedderConfig


def write_network(path: Path, *, axes: tuple[int, ...] = (2, 3), outputs: int = 1) -> Path:
    """It takes [1, 3, 112, 112] and gives [1, 3], `outputs` times; with other axes something else."""
    info, float_type = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    names = [f"id{number}" for number in range(outputs)]
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("ReduceMean", ["face"], [name], axes=list(axes), keepdims=0)
            for name in names
        ],
        "g",
        [info("face", float_type, [1, 3, 112, 112])],
        [info(name, float_type, None) for name in names],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path


def own_embedder_config(path: Path, **changes: object) -> EmbedderConfig:
    """Its settings, with changes."""
    given = {
        "path": path, "sha256": sha256_file(path), "licence": "CC0-1.0", "side_px": 112, "channels": "rgb",
        "mean": 0.0, "scale": 255.0, "source_min": 0.9, "swap_min": 0.8, "target_max": 0.95,
    }  # fmt: skip
    return EmbedderConfig.model_validate(given | changes)

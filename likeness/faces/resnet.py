"""dlib's recognition network: a second embedder, of another family and with other training than SFace.

The weights are dlib's file; the network is written as ONNX and run by onnxruntime, as the other networks of the gates are: dlib's
own program takes several times as long for the same numbers.

Source: dlib 20.0, dnn_face_recognition_ex.cpp (the network), dlib/serialize.h and dlib/cuda/tensor.h (the file).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from likeness.faces.crop import dlib_input
from likeness.faces.face import Face, Floats
from likeness.faces.models import RESNET, weights
from likeness.faces.onnx_file import Graph
from likeness.faces.session import LazySession

NAME = "dlib-resnet-v1"
SIDE_PX, PADDING = 150, 0.25
"""Of the chip that the network was trained on (dlib, face_recognition.cpp)."""

# Filters and stride of each residual block, from the picture on.
BLOCKS = (
    *((32, 1),) * 3,
    (64, 2),
    *((64, 1),) * 3,
    (128, 2),
    *((128, 1),) * 2,
    (256, 2),
    *((256, 1),) * 2,
    (256, 2),
)
EMBEDDING = 128


class Resnet:
    """Embeddings of faces; cheap to construct: the network is the process's."""

    name = NAME

    def embedding(self, rgb: NDArray[np.uint8], face: Face) -> Floats:
        """The 128 numbers of a face of an image [H, W, 3]; not of unit length: they are compared by distance."""
        return _SESSION.run(dlib_input(rgb, face.landmarks, SIDE_PX, PADDING))[0]


def network() -> bytes:
    """The network as ONNX: [N, 3, 150, 150] to [N, 128].

    Raises:
        ConfigError: see `models.locate`.
    """
    data = weights(RESNET)
    layers = _convolutions(data)
    graph = Graph("face", (3, SIDE_PX, SIDE_PX))
    shown = graph.relu(graph.convolution("face", *next(layers), kernel=7, stride=2, padding=0))
    shown, side = graph.pool("MaxPool", shown, kernel=3, stride=2), 35
    filters = 32
    for wide, stride in BLOCKS:
        inner = graph.relu(
            graph.convolution(shown, *next(layers), kernel=3, stride=stride, padding=int(stride == 1))
        )
        inner = graph.convolution(inner, *next(layers), kernel=3, stride=1, padding=1)
        if stride == 2:
            # Where the two differ in size, dlib adds them from the first corner and channel on.
            pooled, inner_side = side // 2, (side - 3) // 2 + 1
            shown = graph.pool("AveragePool", shown, kernel=2, stride=2)
            shown = graph.pad(shown, channels=wide - filters, pixels=0)
            inner = graph.pad(inner, channels=0, pixels=pooled - inner_side)
            filters, side = wide, pooled
        shown = graph.relu(graph.node("Add", shown, inner))
    mean = graph.node("Flatten", graph.node("GlobalAveragePool", shown))
    matrix = _tensor(data, data.index(b"fc_2"), _FC_BEFORE).reshape(-1, EMBEDDING)
    return graph.model(graph.node("MatMul", mean, graph.constant(matrix)))


_SESSION = LazySession(network)

_FC_BEFORE = 2
"""Numbers between a fully connected layer's name and its tensor: how many outputs and inputs it has."""


def _convolutions(data: bytes) -> Iterator[tuple[Floats, Floats]]:
    """Weights (flat) and biases of each convolution, from the picture on, with the scale and shift of the layer behind it."""
    at = 0
    while (at := data.find(b"con_4", at)) >= 0:
        params = _tensor(data, at)
        at = data.index(b"affine_", at)
        scale, shift = np.split(_tensor(data, at), 2)
        filters = len(scale)
        weight, bias = params[:-filters].reshape(filters, -1), params[-filters:]
        yield weight * scale[:, None], bias * scale + shift


def _tensor(data: bytes, at: int, before: int = 0) -> Floats:
    """The numbers of the tensor behind a layer's name that stands at `at`; `before` so many others of the layer's."""
    at = data.index(b"_", at) + 1
    at += data[at : at + 1].isdigit()
    for _ in range(before):
        _, at = _number(data, at)
    sizes: list[int] = []
    for _ in range(5):  # the version, then samples, channels, rows and columns
        value, at = _number(data, at)
        sizes.append(value)
    return np.frombuffer(data, "<f4", int(np.prod(sizes[1:])), at)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number as dlib writes it, and where the next thing stands: one byte says in how many it lies."""
    end = at + 1 + data[at]
    return int.from_bytes(data[at + 1 : end], "little"), end

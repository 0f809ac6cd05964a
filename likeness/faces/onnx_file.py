"""Writes a network as ONNX, as far as faces/resnet.py needs it; the package onnx would be one more to install for it.

Source: onnx.proto (IR version 8, opset 10).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

IR_VERSION, OPSET = 8, 10
FLOAT = 1
INT, INTS = 2, 7
"""Kinds of attributes."""


class Graph:
    """A network of one input, [N, *shape], that grows node by node; each method gives the name of what its node puts out."""

    def __init__(self, name: str, shape: Sequence[int]) -> None:
        self._input, self._nodes, self._constants = _value(name, [0, *shape]), list[bytes](), list[bytes]()

    def node(self, kind: str, *inputs: str, **settings: int | Sequence[int]) -> str:
        """One operator."""
        output = f"n{len(self._nodes)}"
        said = [
            *(_field(1, name) for name in inputs),
            _field(2, output),
            _field(4, kind),
            *(_field(5, _attribute(name, value)) for name, value in settings.items()),
        ]
        self._nodes.append(b"".join(said))
        return output

    def constant(self, values: NDArray[np.float32]) -> str:
        """Numbers that do not change."""
        name = f"c{len(self._constants)}"
        dims = [_field(1, size) for size in values.shape]
        raw = np.ascontiguousarray(values, "<f4").tobytes()
        self._constants.append(b"".join([*dims, _field(2, FLOAT), _field(8, name), _field(9, raw)]))
        return name

    def convolution(
        self,
        shown: str,
        weights: NDArray[np.float32],
        biases: NDArray[np.float32],
        *,
        kernel: int,
        stride: int,
        padding: int,
    ) -> str:
        """`weights` flat or [filters, channels, kernel, kernel]."""
        filters = self.constant(weights.reshape(len(biases), -1, kernel, kernel))
        return self.node("Conv", shown, filters, self.constant(biases), kernel_shape=[kernel] * 2, strides=[stride] * 2,
                         pads=[padding] * 4)  # fmt: skip

    def pool(self, kind: str, shown: str, *, kernel: int, stride: int) -> str:
        """MaxPool or AveragePool, without padding."""
        return self.node(kind, shown, kernel_shape=[kernel] * 2, strides=[stride] * 2)

    def pad(self, shown: str, *, channels: int, pixels: int) -> str:
        """Zeros behind the last channel, and to the right and below."""
        if not channels and not pixels:
            return shown
        return self.node("Pad", shown, pads=[0, 0, 0, 0, 0, channels, pixels, pixels])

    def relu(self, shown: str) -> str:
        """max(0, x)."""
        return self.node("Relu", shown)

    def model(self, output: str) -> bytes:
        """The file's bytes."""
        graph = b"".join(
            [
                *(_field(1, node) for node in self._nodes),
                _field(2, "likeness"),
                *(_field(5, constant) for constant in self._constants),
                _field(11, self._input),
                _field(12, _value(output, None)),
            ]
        )
        return _field(1, IR_VERSION) + _field(8, _field(2, OPSET)) + _field(7, graph)


def _attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return _field(1, name) + _field(3, value) + _field(20, INT)
    return _field(1, name) + b"".join(_field(8, one) for one in value) + _field(20, INTS)


def _value(name: str, shape: Sequence[int] | None) -> bytes:
    """A float tensor's name and shape; a size of 0 is any."""
    dims = b"".join(_field(1, _field(1, size) if size else _field(2, "N")) for size in shape or ())
    kind = _field(1, FLOAT) + (_field(2, dims) if shape else b"")
    return _field(1, name) + _field(2, _field(1, kind))


def _field(number: int, value: int | str | bytes) -> bytes:
    """One field of a protobuf message."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])

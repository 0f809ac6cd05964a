"""Writes a network as ONNX, as far as faces/resnet.py needs it, and makes files of OpenCV Zoo ready for onnxruntime; the package
onnx would be one more to install for it.

Source: onnx.proto (what is written here: IR version 8, opset 10).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

IR_VERSION, OPSET = 8, 10
FLOAT = 1
INT, INTS = 2, 7
"""Kinds of attributes."""

NODE, CONSTANT, INPUT, OUTPUT = 1, 5, 11, 12
"""Fields of a graph."""


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
        self._constants.append(_constant(name, values))
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
        return self.node(
            "Conv",
            shown,
            filters,
            self.constant(biases),
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[padding] * 4,
        )

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
        graph = _graph(self._nodes, self._constants, self._input, [output])
        return _field(1, IR_VERSION) + _field(8, _field(2, OPSET)) + _field(7, graph)


def with_floats(network: bytes, shape: Sequence[int]) -> bytes:
    """A network whose constants are kept as blocks of small integers, with floats in their place: onnxruntime would compute them anew
    at each run, and takes no block that is a whole constant. Its one input gets this shape; a size of 0 is any."""
    (graph,) = _each(network, 7)
    constants = {_text(constant, 8): constant for constant in _each(graph, CONSTANT)}
    nodes: list[bytes] = []
    for node in _each(graph, NODE):
        if _text(node, 4) == "DequantizeLinear":
            name = _text(node, 2)
            integers, scales, zeros = (constants[each.decode()] for each in _each(node, 1))
            constants[name] = _constant(name, _floats(node, integers, scales, zeros))
        else:
            nodes.append(node)
    used = {each.decode() for node in nodes for each in _each(node, 1)}
    (shown,) = (name for value in _each(graph, INPUT) if (name := _text(value, 1)) in used - constants.keys())
    outputs = [_text(value, 1) for value in _each(graph, OUTPUT)]
    kept = [constant for name, constant in constants.items() if name in used]
    whole = _graph(nodes, kept, _value(shown, shape), outputs)
    return b"".join(_field(number, whole if number == 7 else value) for number, value in _fields(network))


def _floats(node: bytes, integers: bytes, scales: bytes, zeros: bytes) -> NDArray[np.float32]:
    """What a DequantizeLinear gives: each block of numbers along an axis has a scale and a zero of its own."""
    settings = {_text(setting, 1): _number(setting, 3) for setting in _each(node, 5)}
    values = _array(integers, "i1")

    def each(of_blocks: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(of_blocks, settings["block_size"], settings["axis"])[tuple(map(slice, values.shape))]

    return (values - each(_array(zeros, "i1").astype(np.float32))) * each(_array(scales, "<f4"))


def _array(constant: bytes, kind: str) -> NDArray[Any]:
    dims = [value for number, value in _fields(constant) if number == 1 and isinstance(value, int)]
    (raw,) = _each(constant, 9)
    return np.frombuffer(raw, kind).reshape(dims)


def _each(message: bytes, number: int) -> Iterator[bytes]:
    """The parts of a message in its field of this number."""
    return (value for field, value in _fields(message) if field == number and isinstance(value, bytes))


def _text(message: bytes, number: int) -> str:
    return next(_each(message, number)).decode()


def _number(message: bytes, number: int) -> int:
    return next(value for field, value in _fields(message) if field == number and isinstance(value, int))


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message, of the two kinds that are read here."""
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        value, at = _read_varint(message, at)
        if key & 7 == 2:
            value, at = message[at : at + value], at + value
        yield key >> 3, value


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (message[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if message[at - 1] < 0x80:
            return value, at


def _graph(nodes: Sequence[bytes], constants: Sequence[bytes], value: bytes, outputs: Sequence[str]) -> bytes:
    """A graph of one input."""
    return b"".join(
        [
            *(_field(NODE, node) for node in nodes),
            _field(2, "likeness"),
            *(_field(CONSTANT, constant) for constant in constants),
            _field(INPUT, value),
            *(_field(OUTPUT, _value(output, None)) for output in outputs),
        ]
    )


def _constant(name: str, values: NDArray[np.float32]) -> bytes:
    dims = [_field(1, size) for size in values.shape]
    raw = np.ascontiguousarray(values, "<f4").tobytes()
    return b"".join([*dims, _field(2, FLOAT), _field(8, name), _field(9, raw)])


def _attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return _field(1, name) + _field(3, value) + _field(20, INT)
    return _field(1, name) + b"".join(_field(8, one) for one in value) + _field(20, INTS)


def _value(name: str, shape: Sequence[int] | None) -> bytes:
    """A float tensor's name and shape; a size of 0 is any."""
    dims = b"".join(
        _field(1, _field(1, size) if size else _field(2, f"N{at}")) for at, size in enumerate(shape or ())
    )
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

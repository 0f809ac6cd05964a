# pyright: basic
# onnxruntime is partly untyped.
"""Opens the networks of gates and marks, all in the same way."""

import threading
from collections.abc import Callable

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray


def cpu_session(network: bytes, *, quiet: bool = False) -> ort.InferenceSession:
    """A network, by the bytes that were verified.

    It runs on one thread of the CPU: items run side by side, not operators, and no bit depends on how many cores there are.

    With `quiet` only its errors are printed.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    if quiet:
        options.log_severity_level = 3
    return ort.InferenceSession(network, options, providers=["CPUExecutionProvider"])


class LazySession:
    """A network of one input; nothing is loaded before the first run. All threads run in one session."""

    def __init__(self, network: Callable[[], bytes]) -> None:
        self._network, self._loading = network, threading.Lock()
        self._session: ort.InferenceSession | None = None

    def run(self, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the network puts out, of one output."""
        (output,) = self.outputs(tensor)
        return output

    def outputs(self, tensor: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """What the network puts out, in the order of its file."""
        with self._loading:
            session = self._session = self._session or cpu_session(self._network())
        outputs = session.run(None, {session.get_inputs()[0].name: tensor})
        return [np.asarray(output, np.float32) for output in outputs]

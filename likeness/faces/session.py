# pyright: basic
# onnxruntime is partly untyped.
"""How the networks of gates and marks are opened: all alike."""

from pathlib import Path

import onnxruntime as ort


def cpu_session(path: Path, *, quiet: bool = False) -> ort.InferenceSession:
    """A network on one thread of the CPU: items run side by side, not operators, and no bit depends on how many cores there are.

    With `quiet` only its errors are printed.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    if quiet:
        options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

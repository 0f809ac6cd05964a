# pyright: basic
# onnxruntime is partly untyped.
"""Opens the networks of gates and marks, all in the same way."""

import onnxruntime as ort


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

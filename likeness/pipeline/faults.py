"""What nobody foresaw on an item: whose fault it is, as failures.jsonl says it."""

import traceback
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# The reason of an item that failed by a fault of ours.
BUG = "bug"
UNFORESEEN = {
    BUG: "this is a fault of likeness, not of the photo: report it with the traceback in the log",
    "unexpected": "the log has the traceback; leave the photo out, or report it with the traceback",
}


def unforeseen(error: Exception) -> dict[str, str]:
    """What nobody foresaw: a fault of likeness where one of its own lines raised one of Python's errors, else what a
    library says of this item."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    pythons = type(error).__module__ == "builtins" and not isinstance(error, OSError | MemoryError)
    reason = BUG if pythons and Path(frame.filename).is_relative_to(PACKAGE) else "unexpected"
    return {
        "kind": "failed",
        "reason": reason,
        "detail": f"{type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})",
        "remedy": UNFORESEEN[reason],
    }

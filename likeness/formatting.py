"""Numbers as a person reads them: money, sizes, durations."""


def format_usd(value: float) -> str:
    """Cents; hundredths of a cent where a small sum has them, as captions do."""
    return f"${value:.2f}" if value >= 0.1 or round(value, 2) == round(value, 4) else f"${value:.4f}"


def format_bytes(size: int) -> str:
    """In the unit that a person would choose."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} bytes"


def format_seconds(seconds: float | None) -> str:
    """Seconds, minutes or hours; `?` for a duration that is not known."""
    if seconds is None:
        return "?"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{seconds / 3600:.1f} h"

# pyright: basic
# (a stranger's JSON is not typed)
"""PEFT's patterns for layers' names (`alpha_pattern`, `rank_pattern`), read as PEFT 0.21 does and within a time.

The first counts that is the end of a name, as a regular expression (peft/utils/other.py, get_pattern_key). Trainers write
names, which are looked up; a stranger's expression could run for ever.
"""

import math
import re
import time
from typing import Any

# All CPU time that is spent on the expressions of one setting; a trainer's take microseconds.
SECONDS = 0.5
MOST = 100  # expressions
NAME = re.compile(r"\^?[\w.]+")
# What a name begins with that PEFT's own names of layers lack.
PART = re.compile(r"(?:base_model\.model|unet|transformer|text_encoder(?:_2)?)\.")


class Patterns:
    """Values by patterns; `value` gives NaN for all names where one is no expression, and for a name that takes too long."""

    def __init__(self, patterns: Any) -> None:
        import regex

        self._names: dict[str, tuple[int, Any]] = {}
        self._expressions: list[tuple[int, Any, Any]] = []
        self._left = SECONDS
        self._readable = isinstance(patterns, dict | None)
        try:
            for place, (one, value) in enumerate((patterns or {}).items() if self._readable else ()):
                if NAME.fullmatch(one):
                    self._names.setdefault(one, (place, value))
                elif len(self._expressions) < MOST and len(one) < 10 * MOST:
                    self._expressions.append((place, regex.compile(rf"(.*\.)?({one})$"), value))
                else:
                    self._readable = False
        except (regex.error, RecursionError, OverflowError, ValueError):
            self._readable = False

    def value(self, layer: str, plain: Any) -> Any:
        """What the patterns say of a layer, or `plain`."""
        if not self._readable:
            return math.nan
        name = PART.sub("", layer, count=1) if PART.match(layer) else layer
        ends = [f"^{name}", *(name[at:] for at in (0, *(found.end() for found in re.finditer(r"\.", name))))]
        matches = [self._names[end] for end in ends if end in self._names]
        for place, expression, value in self._expressions:
            began = time.process_time()
            try:
                if self._left <= 0 or expression.match(name, timeout=self._left):
                    matches.append((place, value if self._left > 0 else math.nan))
            except TimeoutError:
                matches.append((place, math.nan))
            self._left -= time.process_time() - began
        return min(matches, key=lambda match: match[0])[1] if matches else plain

"""What counts as a licence of a target photograph: one that allows a changed version, or the release itself."""

import re

RELEASE = "release"
"""The licence is what the release grants that the list names."""

# SPDX identifiers (https://spdx.org/licenses, 2026-11). No ND: a swap is a derivative work.
_SPDX = re.compile(
    r"CC0-1\.0|CC-PDDC|PDDL-1\.0|Unlicense|MIT|MIT-0|0BSD|BSD-[23]-Clause|Apache-2\.0"
    r"|CC-BY(-NC)?(-SA)?-(1\.0|2\.0|2\.5|3\.0|4\.0)"
)


def is_licence(text: str) -> bool:
    """Whether the text names a licence that allows a swap; "All rights reserved" and the like are none."""
    return text == RELEASE or _SPDX.fullmatch(text) is not None

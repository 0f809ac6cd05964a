"""captions_override/allowed.yaml: words of a person's own caption that are harmless there, each file's with its reason.

    jade-s1.txt:
      sha256: 2c26b46b...      # of the file as it was read by whoever allows it
      words: [tits]
      reason: two blue tits sit on the branch behind her

Explicit words and words for children are in no such list: nothing allows them.
"""

from pathlib import Path

from pydantic import Field

from likeness.digests import Sha256
from likeness.paths import same_name
from likeness.settings import Record
from likeness.strict_yaml import read_checked

ALLOWED_FILE = "allowed.yaml"
REMEDY = "docs/words.md shows the form of its lines"


class Allowance(Record):
    """The words that a person allowed in a file of exactly these bytes."""

    sha256: Sha256
    words: tuple[str, ...] = Field(min_length=1)
    reason: str = Field(min_length=10)


def read_allowed(folder: Path) -> dict[str, Allowance]:
    """The allowances of captions_override/ by file name (`same_name`).

    Raises:
        ConfigError: the file does not read.
    """
    path = folder / ALLOWED_FILE
    allowed = read_checked(path, dict[str, Allowance], reason="allowed-invalid", remedy=REMEDY)
    return {same_name(name): allowance for name, allowance in allowed.items()}

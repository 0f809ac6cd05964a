"""One digest over what conf/ says, so that params.yaml can tell whether it is still what conf/ composes to.

Values count, and the `# @package` line that Hydra reads; comments, blank lines and the order of keys do not.
"""

import hashlib
import json
import re
from pathlib import Path

from likeness.strict_yaml import read_yaml

PACKAGE = re.compile(r"^#\s*@package\s+(\S+)", re.MULTILINE)


def conf_digest(folder: Path) -> str:
    """Hex sha256 over the names and values of every .yaml file under `folder`.

    Raises:
        ConfigError: one of them is not YAML, has a key twice, or conflict markers.
    """
    said = {
        path.relative_to(folder).as_posix(): [
            PACKAGE.findall(path.read_text(encoding="utf-8")),
            read_yaml(path, remedy="correct it and run `make params`"),
        ]
        for path in sorted(folder.rglob("*.yaml"))
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()

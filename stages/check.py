"""check: refuse to start on stale or wrong settings, or without consent.

reads   conf/, params.yaml, consent/
writes  data/checked.json (constant, so that a passing check re-runs nothing)
"""

import json
import sys

from likeness.check import check_fresh, check_parts, notes
from likeness.config import load_config
from likeness.disk import write_atomic
from likeness.errors import exit_on_error
from likeness.paths import PARAMS, RepositoryPaths
from likeness.pipeline.stage import CHECKED
from likeness.store import open_items
from likeness.strict_yaml import read_yaml


def main() -> None:
    """Settings, providers, consent, and the team's item store where there is one."""
    cfg = load_config(PARAMS)
    check_fresh(cfg)
    check_parts(cfg)
    repository = RepositoryPaths.here()
    repository.keep_from_others()
    if cfg.items.remote is not None:
        open_items(cfg, repository)
    CHECKED.parent.mkdir(exist_ok=True)
    write_atomic(CHECKED, json.dumps({"checked": True}).encode())
    sys.stderr.writelines(f"check: {line}\n" for line in notes(cfg, read_yaml(PARAMS, remedy="")))
    sys.stderr.write(f"check: settings and consent of {', '.join(cfg.personas)} are in order\n")


if __name__ == "__main__":
    with exit_on_error("check"):
        main()
